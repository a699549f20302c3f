#include "session/value_text.hpp"

#include <array>
#include <charconv>

namespace trireme {
namespace {

/// Length of the UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80u) return 1;
  if (lead < 0xC2u) return 0;
  if (lead < 0xE0u) return follows(1) ? 2 : 0;
  if (lead < 0xF0u) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xE0u && byte(1) < 0xA0u) return 0;   // longer than needed
    if (lead == 0xEDu && byte(1) >= 0xA0u) return 0;  // surrogates
    return 3;
  }
  if (lead > 0xF4u || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (lead == 0xF0u && byte(1) < 0x90u) return 0;
  if (lead == 0xF4u && byte(1) >= 0x90u) return 0;
  return 4;
}

void append_control(unsigned char byte, std::string& json) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      json += "\\u00";
      json += kHex[byte >> 4];
      json += kHex[byte & 15];
  }
}

}  // namespace

std::size_t utf8_prefix(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80u) {
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

void append_json_string(std::string_view text, std::string& json) {
  json += '"';
  std::size_t plain = 0;  // start of the run that goes out as it is
  std::size_t at = 0;
  const auto flush = [&] { json.append(text.substr(plain, at - plain)); };
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = byte < 0x80u ? 1 : sequence_length(text.substr(at));
    if (length > 0 && byte >= 0x20u && byte != '"' && byte != '\\') {
      at += length;
      continue;
    }
    flush();
    if (length == 0) {
      json += "\xEF\xBF\xBD";
    } else if (byte < 0x20u) {
      append_control(byte, json);
    } else {
      json += '\\';
      json += static_cast<char>(byte);
    }
    plain = ++at;
  }
  flush();
  json += '"';
}

void append_json_double(double number, std::string& json) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  const std::string_view text(digits.data(), static_cast<std::size_t>(result.ptr - digits.data()));
  json += text;
  if (text.find_first_of(".e") == std::string_view::npos) json += ".0";
}

void append_json_int(std::int64_t number, std::string& json) {
  std::array<char, 24> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  json.append(digits.data(), static_cast<std::size_t>(result.ptr - digits.data()));
}

}  // namespace trireme
