// When the lines a person has typed make a cell.
#pragma once

#include <string_view>

namespace trireme::cli {

/// Whether more lines belong to the cell: a bracket is open, the last line ends with a backslash,
/// or it began with `%%` and no empty line has come yet. Brackets in text and comments do not
/// count.
bool wants_more_lines(std::string_view cell);

}  // namespace trireme::cli
