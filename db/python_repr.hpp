// Names in error texts as Python prints them: stock clients show and compare `'nokey'`.
#pragma once

#include <string>
#include <string_view>

namespace trireme {

/// The text as Python's repr() of a str: quoted, with backslash escapes for what does not print.
std::string python_repr(std::string_view text);

}  // namespace trireme
