// C++ source text as tokens, far enough to see where its parts begin and end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme {

/// One token; comments and white space are none. Positions are bytes into the text.
struct CppToken {
  enum class Kind {
    kName,       // identifiers and keywords
    kNumber,     //
    kText,       // strings and characters, prefix and suffix included
    kSymbol,     // operators: the longest that C++ knows, except that '>' always stands alone
    kDirective,  // a whole preprocessor line, continuation lines included
  };
  Kind kind;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view text;  // of the source that was tokenized

  bool is(std::string_view wanted) const noexcept {
    return text == wanted && kind != Kind::kText && kind != Kind::kDirective;
  }
};

/// What the text lacks to be finished, or has too much.
struct CppFlaw {
  enum class Kind {
    kUnclosed,     // a bracket, comment, string or #if that is opened and never closed
    kUnopened,     // a closing bracket, #else or #endif too many, or of the wrong kind
    kUnendedLine,  // a string or character that its line does not end
    kContinued,    // the last line ends with a backslash
  };
  Kind kind;
  std::size_t at = 0;  // byte
  std::string what;    // "{", "/*", "a string", ...
};

struct CppTokens {
  std::vector<CppToken> tokens;
  std::optional<CppFlaw> flaw;  // the first one
  int depth = 0;                // brackets that are open at the end
};

/// Pure. The tokens show parts of `source`. Never fails: what is not C++ becomes symbols.
CppTokens tokenize_cpp(std::string_view source);

/// "if" of "#  if X".
std::string_view directive_name(std::string_view line);
/// 1 for the first line.
int line_of(std::string_view source, std::size_t at);
/// Bytes between the beginning of its line and `at`.
std::size_t column_of(std::string_view source, std::size_t at);

}  // namespace trireme
