// Values as JSON for people and other programs.
#include <cmath>

#include "session/value_codec.hpp"
#include "session/value_text.hpp"

namespace trireme {
namespace {

void append_base64(std::string_view bytes, std::string& text) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= group.size() ? kDigits[bits >> (18 - 6 * i) & 63u] : '=';
    }
  }
}

class JsonWriter {
 public:
  explicit JsonWriter(bool pretty) : pretty_(pretty) {}

  void write(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kNull:
        text += "null";
        return;
      case Value::Kind::kBool:
        text += value.as_bool() ? "true" : "false";
        return;
      case Value::Kind::kInt:
        return append_json_int(value.as_int(), text);
      case Value::Kind::kDouble:
        if (!std::isfinite(value.as_double())) {
          text += "null";
          return;
        }
        return append_json_double(value.as_double(), text);
      case Value::Kind::kString:
        return append_json_string(value.as_string(), text);
      case Value::Kind::kBytes:
        text += '"';
        append_base64(value.as_bytes().text(), text);
        text += '"';
        return;
      case Value::Kind::kArray:
        return write_array(value.as_array());
      case Value::Kind::kList:
        return write_entries('[', ']', value.as_list(), [&](const Value& item) { write(item); });
      case Value::Kind::kDict:
        return write_entries('{', '}', value.as_dict(), [&](const auto& entry) {
          append_json_string(entry.first, text);
          text += ": ";
          write(entry.second);
        });
    }
  }

  std::string text;

 private:
  void write_array(const Array& array) {
    if (array.shape().empty()) return write(array.element(0));
    text += '[';
    for (std::size_t i = 0; i < array.length(); ++i) {
      if (i > 0) text += ", ";
      write(array.element(i));
    }
    text += ']';
  }

  template <class Entries, class WriteEntry>
  void write_entries(char opening, char closing, const Entries& entries, WriteEntry write_entry) {
    text += opening;
    ++level_;
    bool first = true;
    for (const auto& entry : entries) {
      if (!std::exchange(first, false)) text += pretty_ ? "," : ", ";
      new_line();
      write_entry(entry);
    }
    --level_;
    if (!first) new_line();
    text += closing;
  }

  void new_line() {
    if (!pretty_) return;
    text += '\n';
    text.append(2 * level_, ' ');
  }

  bool pretty_;
  std::size_t level_ = 0;
};

}  // namespace

std::string to_json(const Value& value) {
  JsonWriter writer(false);
  writer.write(value);
  return std::move(writer.text);
}

std::string to_pretty_json(const Value& value) {
  JsonWriter writer(true);
  writer.write(value);
  return std::move(writer.text);
}

Value parse_json(std::string_view text) {
  Result<Value> value = decode_plain_json(text);
  if (!value) throw FormatError("this is no JSON value: " + value.error().text);
  return std::move(*value);
}

}  // namespace trireme
