// The text that the compiler gets for the parts of a cell; errors still name the cell's own lines.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/cpp/cell_split.hpp"

namespace trireme {

/// Parts that the compiler gets at once: declarations, or statements as the body of one function.
struct CellGroup {
  bool is_code = false;  // statements
  bool is_sure = true;
  std::vector<std::size_t> parts;
};

/// Neighbours of a kind go together, except those whose kind is not sure. Headers are left out.
std::vector<CellGroup> group_parts(const std::vector<CellPart>& parts);

/// What a group's text is made from.
struct CellText {
  std::string_view code;  // the whole cell
  const std::vector<CellPart>& parts;
  std::string file;        // how messages call the cell: "cell 3"
  bool is_silent = false;  // no value is shown
};

/// Declarations as they are; those of `renamed` parts stand in an inline namespace `home`, apart
/// from what has the same names already.
std::string declaration_source(const CellText& cell, const CellGroup& group,
                               const std::set<std::size_t>& renamed, const std::string& home);
/// Statements as the function `extern "C" void entry()`. The last expression is shown.
std::string statement_source(const CellText& cell, const CellGroup& group,
                             const std::string& entry);

}  // namespace trireme
