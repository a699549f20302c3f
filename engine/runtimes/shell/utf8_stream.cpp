// Valid stretches are copied; what breaks them is judged byte by byte.
#include "engine/runtimes/shell/utf8_stream.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "session/value_text.hpp"

namespace trireme {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the sequence that `lead` opens; 0 when it opens none.
std::size_t announced_length(unsigned char lead) {
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

/// Whether `rest` could become a character by bytes that are still to come.
bool may_go_on(std::string_view rest) {
  if (rest.size() >= announced_length(static_cast<unsigned char>(rest.front()))) return false;
  return std::all_of(rest.begin() + 1, rest.end(),
                     [](char each) { return (static_cast<unsigned char>(each) & 0xC0) == 0x80; });
}

}  // namespace

std::string Utf8Stream::feed(std::string_view piece) {
  const std::string joined = std::exchange(held_, {}).append(piece);
  std::string_view rest = joined;
  std::string ready;
  while (!rest.empty()) {
    const std::size_t valid = utf8_prefix(rest);
    ready += rest.substr(0, valid);
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    if (may_go_on(rest)) {
      held_ = rest;
      break;
    }
    ready += kReplacement;
    rest.remove_prefix(1);
  }
  return ready;
}

std::string Utf8Stream::finish() {
  return std::exchange(held_, {}).empty() ? std::string() : std::string(kReplacement);
}

}  // namespace trireme
