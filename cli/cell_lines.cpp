// Counting brackets outside of text and comments.
#include "cli/cell_lines.hpp"

#include <cstddef>

namespace trireme::cli {
namespace {

/// Where the text that begins at `at` with a quote ends: behind its closing quote, or at the end of
/// its line.
std::size_t skip_text(std::string_view cell, std::size_t at) {
  const char quote = cell[at++];
  while (at < cell.size() && cell[at] != quote && cell[at] != '\n') {
    at += cell[at] == '\\' ? 2 : 1;
  }
  return at + 1;
}

/// Brackets that are open at the end.
int open_brackets(std::string_view cell) {
  int open = 0;
  for (std::size_t at = 0; at < cell.size(); ++at) {
    const char c = cell[at];
    if (c == '(' || c == '[' || c == '{') ++open;
    if (c == ')' || c == ']' || c == '}') --open;
    if (c == '"' || c == '\'') at = skip_text(cell, at) - 1;
    if (cell.substr(at).starts_with("//")) at = cell.find('\n', at);
    if (at < cell.size() && cell.substr(at).starts_with("/*")) {
      const std::size_t end = cell.find("*/", at + 2);
      if (end == std::string_view::npos) return 1;
      at = end + 1;
    }
    if (at >= cell.size()) break;
  }
  return open;
}

}  // namespace

bool wants_more_lines(std::string_view cell) {
  if (cell.starts_with("%%")) return !cell.ends_with("\n\n");
  std::string_view text = cell;
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text.ends_with('\\') || open_brackets(cell) > 0;
}

}  // namespace trireme::cli
