// Values as the operations of a pickle.
#include "session/pickle_writer.hpp"

#include <bit>
#include <limits>
#include <utility>

#include "session/value_codec.hpp"

namespace trireme {
namespace {

void append_little_endian(std::uint64_t number, std::size_t width, std::string& text) {
  for (std::size_t i = 0; i < width; ++i) text += static_cast<char>((number >> (8 * i)) & 0xff);
}

/// Whether Python decodes this text: UTF-8, lone surrogates included.
bool is_python_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
    std::uint32_t point = lead & (0xffu >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<std::uint8_t>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3fu);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kSmallest[length] || point > 0x10ffff) return false;
    i += length;
  }
  return true;
}

}  // namespace

void PickleWriter::integer(std::int64_t number) {
  if (number >= 0 && number <= 0xff) {
    text_ += 'K';
    append_little_endian(static_cast<std::uint64_t>(number), 1, text_);
  } else if (number >= 0 && number <= 0xffff) {
    text_ += 'M';
    append_little_endian(static_cast<std::uint64_t>(number), 2, text_);
  } else if (std::in_range<std::int32_t>(number)) {
    text_ += 'J';
    append_little_endian(static_cast<std::uint64_t>(number), 4, text_);
  } else {
    text_ += "\x8a\x08";
    append_little_endian(static_cast<std::uint64_t>(number), 8, text_);
  }
}

void PickleWriter::real(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  text_ += 'G';
  for (int i = 7; i >= 0; --i) text_ += static_cast<char>((bits >> (8 * i)) & 0xff);
}

void PickleWriter::sized(char short_code, char code, char long_code, std::string_view text) {
  if (text.size() <= 0xff) {
    text_ += short_code;
    append_little_endian(text.size(), 1, text_);
  } else if (text.size() <= std::numeric_limits<std::uint32_t>::max()) {
    text_ += code;
    append_little_endian(text.size(), 4, text_);
  } else {
    text_ += long_code;
    append_little_endian(text.size(), 8, text_);
  }
  text_ += text;
}

void PickleWriter::text(std::string_view text) {
  if (!is_python_text(text)) return bytes(text);
  sized('\x8c', 'X', '\x8d', text);
}

void PickleWriter::bytes(std::string_view bytes) { sized('C', 'B', '\x8e', bytes); }

void PickleWriter::global(std::string_view module, std::string_view name) {
  text(module);
  text(name);
  text_ += '\x93';
}

void PickleWriter::value(const Value& one) { value(one, 0); }

void PickleWriter::value(const Value& one, std::size_t depth) {
  if (depth > kValueDepthMax) {
    throw TypeError("a value nested deeper than " + std::to_string(kValueDepthMax) +
                    " levels cannot travel");
  }
  using Kind = Value::Kind;
  switch (one.kind()) {
    case Kind::kNull:
      return none();
    case Kind::kBool:
      return boolean(one.as_bool());
    case Kind::kInt:
      return integer(one.as_int());
    case Kind::kDouble:
      return real(one.as_double());
    case Kind::kString:
      return text(one.as_string());
    case Kind::kBytes:
      return bytes(one.as_bytes().text());
    case Kind::kArray:
      return array(one.as_array());
    case Kind::kList:
      begin_list();
      for (const Value& item : one.as_list()) value(item, depth + 1);
      return end_list();
    case Kind::kDict:
      begin_dict();
      for (const auto& [key, item] : one.as_dict()) {
        text(key);
        value(item, depth + 1);
      }
      return end_dict();
  }
}

void PickleWriter::array(const Array& array) {
  // The old name of the module is understood by every numpy.
  global("numpy.core.multiarray", "_reconstruct");
  begin_tuple();
  global("numpy", "ndarray");
  begin_tuple();
  integer(0);
  end_tuple();
  bytes("b");
  end_tuple();
  reduce();
  begin_tuple();
  integer(1);
  begin_tuple();
  for (const std::int64_t length : array.shape()) integer(length);
  end_tuple();
  global("numpy", "dtype");
  begin_tuple();
  text(array.dtype());
  end_tuple();
  reduce();
  boolean(false);
  bytes(array.data().text());
  end_tuple();
  build();
}

std::string PickleWriter::finish() {
  text_ += '.';
  return std::exchange(text_, std::string("\x80\x04"));
}

}  // namespace trireme
