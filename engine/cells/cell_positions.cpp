// Counting the bytes that begin a character.
#include "engine/cells/cell_positions.hpp"

#include <algorithm>

namespace trireme {
namespace {

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

std::size_t byte_position(std::string_view text, std::size_t characters) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!begins_character(text[at])) continue;
    if (characters == 0) return at;
    --characters;
  }
  return text.size();
}

std::size_t character_position(std::string_view text, std::size_t bytes) {
  const std::string_view before = text.substr(0, std::min(bytes, text.size()));
  return static_cast<std::size_t>(std::count_if(before.begin(), before.end(), begins_character));
}

}  // namespace trireme
