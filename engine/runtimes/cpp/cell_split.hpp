// Cuts a cell into declarations and statements: C++ keeps them apart, those who type cells do not.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/runtimes/cpp/cpp_tokens.hpp"

namespace trireme {

/// A stretch of a cell that is compiled as one.
struct CellPart {
  enum class Kind {
    kDeclaration,  // stands at namespace scope; preprocessor lines too
    kStatement,    // stands in a function
    kExpression,   // the last thing of a cell, without a semicolon: its value is shown
  };
  Kind kind;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool wants_semicolon = false;  // a declaration without its last one
  bool is_sure = true;           // false: it may be the other kind of thing
  bool is_directive = false;
  std::string name;        // what a declaration declares first, if that is seen easily
  bool is_header = false;  // an #include that nothing in the cell prepares

  friend bool operator==(const CellPart&, const CellPart&) = default;
};

/// Whether a name of the session, such as `x` or `std::vector<int>`, is a type.
using IsType = std::function<bool(std::string_view name)>;

/// Pure. `tokens` are those of `source`, without a flaw. Parts come in order; the source between
/// them is white space, comments and lone semicolons.
std::vector<CellPart> split_cell(std::string_view source, const CppTokens& tokens,
                                 const IsType& is_type);

}  // namespace trireme
