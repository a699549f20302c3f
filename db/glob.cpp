#include "db/glob.hpp"

#include <cstdint>
#include <optional>

namespace trireme {
namespace {

struct Character {
  std::uint32_t code;
  std::size_t size;
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (size == 1 || size > text.size()) return {lead, 1};
  std::uint32_t code = lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {lead, 1};
    code = (code << 6) | (byte & 0x3fu);
  }
  return {code, size};
}

struct SetMatch {
  bool inside;
  std::size_t size;  // of the set in the pattern, brackets included
};

/// Reads the set at the start of `pattern` (which begins with `[`); empty when it never closes.
std::optional<SetMatch> match_set(std::string_view pattern, std::uint32_t code) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  bool inside = false;
  for (bool first = true; at < pattern.size(); first = false) {
    if (pattern[at] == ']' && !first) return SetMatch{inside != negated, at + 1};
    const Character low = first_character(pattern.substr(at));
    at += low.size;
    Character high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      high = first_character(pattern.substr(at + 1));
      at += 1 + high.size;
    }
    inside = inside || (low.code <= code && code <= high.code);
  }
  return std::nullopt;
}

/// Length of the pattern element that takes `character`, or 0 when it does not.
std::size_t match_one(std::string_view pattern, const Character& character) {
  if (pattern.empty()) return 0;
  if (pattern[0] == '?') return 1;
  if (pattern[0] == '[') {
    if (const auto set = match_set(pattern, character.code)) return set->inside ? set->size : 0;
  }
  const Character literal = first_character(pattern);
  return literal.code == character.code ? literal.size : 0;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  // On a mismatch the latest star takes one character more; earlier stars never need to.
  std::optional<std::string_view> star_pattern;
  std::string_view star_text;
  while (!text.empty()) {
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_text = text;
      continue;
    }
    const Character character = first_character(text);
    if (const std::size_t size = match_one(pattern, character); size > 0) {
      pattern.remove_prefix(size);
      text.remove_prefix(character.size);
      continue;
    }
    if (!star_pattern) return false;
    star_text.remove_prefix(first_character(star_text).size);
    pattern = *star_pattern;
    text = star_text;
  }
  return pattern.find_first_not_of('*') == std::string_view::npos;
}

}  // namespace trireme
