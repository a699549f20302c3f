// The small print of JSON: strings and numbers as text, shared by everything that writes values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trireme {

/// Bytes at the start of `text` that are valid UTF-8 (its size when all are).
std::size_t utf8_prefix(std::string_view text) noexcept;

/// A JSON string literal, quotes included; invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& json);

/// The shortest text that reads back as the same number, always with a point or an exponent.
/// `number` must be finite.
void append_json_double(double number, std::string& json);
void append_json_int(std::int64_t number, std::string& json);

}  // namespace trireme
