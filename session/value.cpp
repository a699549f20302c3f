// Values: checked access, arrays, and the texts people read.
#include <charconv>
#include <cmath>
#include <cstring>

#include <trireme/value.hpp>
#include <trireme/value_traits.hpp>

namespace trireme {
namespace {

[[noreturn]] void fail_kind(Value::Kind wanted, const Value& got) {
  detail::fail_expected(describe(wanted), got);
}

/// Bytes of one element, 0 when the dtype is unknown.
std::size_t item_bytes_of(std::string_view dtype) {
  if (dtype.size() < 3) return 0;
  const char order = dtype[0];
  const char kind = dtype[1];
  std::size_t width = 0;
  const char* const end = dtype.data() + dtype.size();
  const auto [stop, failure] = std::from_chars(dtype.data() + 2, end, width);
  if (failure != std::errc{} || stop != end || width == 0 || width > (1u << 20)) return 0;
  if (order != '<' && order != '|' && order != '>' && order != '=') return 0;
  if (kind == 'U') return width * 4;
  if (kind == 'S' || kind == 'V') return width;
  const bool power = width == 1 || width == 2 || width == 4 || width == 8;
  if (kind == 'b') return width == 1 ? 1 : 0;
  if (kind == 'i' || kind == 'u') return power ? width : 0;
  if (kind == 'f') return power && width > 1 ? width : 0;
  if (kind == 'c') return width == 8 || width == 16 ? width : 0;
  return 0;
}

std::size_t alignment_of(std::string_view dtype, std::size_t item_bytes) {
  const char kind = dtype[1];
  if (kind == 'c') return item_bytes / 2;
  if (kind == 'U') return 4;
  if (kind == 'S' || kind == 'V') return 1;
  return item_bytes;
}

/// `data`, or a copy of it that is aligned.
Bytes aligned(Bytes data, std::size_t alignment) {
  const auto address = reinterpret_cast<std::uintptr_t>(data.data());
  if (alignment <= 1 || address % alignment == 0) return data;
  return Bytes::copy_of(data.span());  // the allocator aligns for every number
}

template <class T>
Value number_at(const std::byte* data, std::size_t index) {
  T number;
  std::memcpy(&number, data + index * sizeof(T), sizeof(T));
  return number;
}

template <class T>
Value complex_at(const std::byte* data, std::size_t index) {
  return List{number_at<T>(data, index * 2), number_at<T>(data, index * 2 + 1)};
}

struct NumberReader {
  std::string_view dtype;
  Value (*read)(const std::byte* data, std::size_t index);
};
Value flag_at(const std::byte* data, std::size_t index) { return data[index] != std::byte{0}; }
constexpr NumberReader kNumberReaders[] = {
    {"|b1", flag_at},
    {"|i1", number_at<std::int8_t>},
    {"|u1", number_at<std::uint8_t>},
    {"<i2", number_at<std::int16_t>},
    {"<u2", number_at<std::uint16_t>},
    {"<i4", number_at<std::int32_t>},
    {"<u4", number_at<std::uint32_t>},
    {"<i8", number_at<std::int64_t>},
    {"<u8", number_at<std::uint64_t>},
    {"<f4", number_at<float>},
    {"<f8", number_at<double>},
    {"<c8", complex_at<float>},
    {"<c16", complex_at<double>},
};

constexpr std::size_t kShownEntries = 6;
constexpr std::size_t kShownBytes = 16;

void show(const Value& value, std::string& text);

void show_bytes(const Bytes& bytes, std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  text += "bytes[" + std::to_string(bytes.size()) + "] ";
  const std::size_t shown = std::min(bytes.size(), kShownBytes);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto byte = static_cast<unsigned>(bytes.span()[i]);
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  if (shown < bytes.size()) text += "...";
}

void show_array(const Array& array, std::string& text) {
  text += "array(" + array.dtype() + ", [";
  for (std::size_t i = 0; i < array.shape().size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(array.shape()[i]);
  }
  text += "]) ";
  if (array.shape().empty()) {
    show(array.element(0), text);
    return;
  }
  text += '[';
  const std::size_t shown = std::min(array.length(), kShownEntries);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += ", ";
    show(array.element(i), text);
  }
  text += shown < array.length() ? ", ...]" : "]";
}

void show(const Value& value, std::string& text) {
  switch (value.kind()) {
    case Value::Kind::kBytes:
      return show_bytes(value.as_bytes(), text);
    case Value::Kind::kArray:
      return show_array(value.as_array(), text);
    case Value::Kind::kList: {
      text += '[';
      for (const Value& item : value.as_list()) {
        if (&item != &value.as_list().front()) text += ", ";
        show(item, text);
      }
      text += ']';
      return;
    }
    case Value::Kind::kDict: {
      text += '{';
      bool first = true;
      for (const auto& [key, item] : value.as_dict()) {
        if (!std::exchange(first, false)) text += ", ";
        text += to_json(Value(key)) + ": ";
        show(item, text);
      }
      text += '}';
      return;
    }
    case Value::Kind::kDouble:
      if (!std::isfinite(value.as_double())) {
        text += std::isnan(value.as_double()) ? "nan" : value.as_double() > 0 ? "inf" : "-inf";
        return;
      }
      [[fallthrough]];
    default:
      text += to_json(value);
  }
}

}  // namespace

Bytes::Bytes(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  data_ = std::as_bytes(std::span(*owner));
  owner_ = std::move(owner);
}

Bytes Bytes::copy_of(std::span<const std::byte> data) {
  return adopt(std::vector<std::byte>(data.begin(), data.end()));
}

Bytes Bytes::part(std::size_t offset, std::size_t count) const {
  if (offset > size() || count > size() - offset) {
    throw TypeError("bytes " + std::to_string(offset) + " to " + std::to_string(offset + count) +
                    " are beyond the end at " + std::to_string(size()));
  }
  return Bytes(owner_, data_.subspan(offset, count));
}

Array::Array() : dtype_("<f8"), shape_{0}, item_bytes_(8) {}

Array::Array(std::string dtype, std::vector<std::int64_t> shape, Bytes data)
    : dtype_(std::move(dtype)), shape_(std::move(shape)), item_bytes_(item_bytes_of(dtype_)) {
  if (item_bytes_ == 0) throw TypeError("'" + dtype_ + "' is no known type of array elements");
  std::size_t bytes = item_bytes_;
  for (const std::int64_t length : shape_) {
    if (length < 0) throw TypeError("an array cannot have a negative length");
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(length), &bytes)) {
      throw TypeError("an array of this shape does not fit into memory");
    }
  }
  if (bytes != data.size()) {
    throw TypeError("an array of this shape has " + std::to_string(bytes) + " bytes, but " +
                    std::to_string(data.size()) + " are given");
  }
  data_ = aligned(std::move(data), alignment_of(dtype_, item_bytes_));
}

std::size_t Array::length() const {
  if (shape_.empty()) throw TypeError("an array without dimensions has no length");
  return static_cast<std::size_t>(shape_.front());
}

Value Array::number(std::size_t index) const {
  for (const NumberReader& reader : kNumberReaders) {
    if (reader.dtype == dtype_) return reader.read(data_.data(), index);
  }
  if (dtype_[1] == 'S') {
    const std::string_view text = data_.part(index * item_bytes_, item_bytes_).text();
    return Bytes(std::string(text.substr(0, text.find_last_not_of('\0') + 1)));
  }
  return data_.part(index * item_bytes_, item_bytes_);
}

Value Array::element(std::size_t index) const {
  const std::size_t count = shape_.empty() ? 1 : length();
  if (index >= count) {
    throw TypeError("entry " + std::to_string(index) + " is beyond the end of an array of " +
                    std::to_string(count));
  }
  if (shape_.size() <= 1) return number(index);
  const std::size_t bytes = data_.size() / count;
  return Array(dtype_, {shape_.begin() + 1, shape_.end()}, data_.part(index * bytes, bytes));
}

Array Array::slice(std::size_t first, std::size_t count) const {
  const std::size_t all = length();
  if (first > all || count > all - first) {
    throw TypeError("entries " + std::to_string(first) + " to " + std::to_string(first + count) +
                    " are beyond the end of an array of " + std::to_string(all));
  }
  const std::size_t bytes = all == 0 ? 0 : data_.size() / all;
  std::vector<std::int64_t> shape = shape_;
  shape.front() = static_cast<std::int64_t>(count);
  return Array(dtype_, std::move(shape), data_.part(first * bytes, count * bytes));
}

void Array::fail_dtype(std::string_view wanted) const {
  throw TypeError("expected an array of " + std::string(wanted) + ", got one of " + dtype_);
}

bool Value::as_bool() const {
  if (!is_bool()) fail_kind(Kind::kBool, *this);
  return std::get<bool>(state_);
}
std::int64_t Value::as_int() const {
  if (!is_int()) fail_kind(Kind::kInt, *this);
  return std::get<std::int64_t>(state_);
}
double Value::as_double() const {
  if (is_int()) return static_cast<double>(std::get<std::int64_t>(state_));
  if (!is_double()) fail_kind(Kind::kDouble, *this);
  return std::get<double>(state_);
}
const std::string& Value::as_string() const {
  if (!is_string()) fail_kind(Kind::kString, *this);
  return std::get<std::string>(state_);
}
const Bytes& Value::as_bytes() const {
  if (!is_bytes()) fail_kind(Kind::kBytes, *this);
  return std::get<Bytes>(state_);
}
const Array& Value::as_array() const {
  if (!is_array()) fail_kind(Kind::kArray, *this);
  return std::get<Array>(state_);
}
const List& Value::as_list() const {
  if (!is_list()) fail_kind(Kind::kList, *this);
  return std::get<List>(state_);
}
const Dict& Value::as_dict() const {
  if (!is_dict()) fail_kind(Kind::kDict, *this);
  return std::get<Dict>(state_);
}
List& Value::as_list() {
  if (!is_list()) fail_kind(Kind::kList, *this);
  return std::get<List>(state_);
}
Dict& Value::as_dict() {
  if (!is_dict()) fail_kind(Kind::kDict, *this);
  return std::get<Dict>(state_);
}

const Value* Value::find(std::string_view key) const noexcept {
  const Dict* items = std::get_if<Dict>(&state_);
  if (items == nullptr) return nullptr;
  const auto found = items->find(key);
  return found == items->end() ? nullptr : &found->second;
}

const Value& Value::at(std::string_view key) const {
  const auto found = as_dict().find(key);
  if (found == as_dict().end()) throw TypeError("there is no key '" + std::string(key) + "'");
  return found->second;
}

const Value& Value::at(std::size_t index) const {
  if (index >= as_list().size()) {
    throw TypeError("entry " + std::to_string(index) + " is beyond the end of a list of " +
                    std::to_string(as_list().size()));
  }
  return as_list()[index];
}

std::size_t Value::size() const {
  switch (kind()) {
    case Kind::kString:
      return as_string().size();
    case Kind::kBytes:
      return as_bytes().size();
    case Kind::kArray:
      return as_array().length();
    case Kind::kList:
      return as_list().size();
    case Kind::kDict:
      return as_dict().size();
    default:
      detail::fail_expected("something with a size", *this);
  }
}

std::string Value::to_string() const {
  std::string text;
  show(*this, text);
  return text;
}

std::string_view describe(Value::Kind kind) noexcept {
  constexpr std::string_view kNames[] = {"null",  "a bool",   "an integer", "a number", "a string",
                                         "bytes", "an array", "a list",     "a dict"};
  return kNames[static_cast<std::size_t>(kind)];
}

namespace detail {

void fail_expected(std::string_view wanted, const Value& got) {
  throw TypeError("expected " + std::string(wanted) + ", got " + std::string(describe(got.kind())));
}

Value scalar(const Value& value) {
  if (value.is_array() && value.as_array().shape().empty()) return value.as_array().element(0);
  return value;
}

std::size_t sequence_length(const Value& value) {
  if (value.is_array()) return value.as_array().length();
  if (!value.is_list()) fail_expected("a list", value);
  return value.as_list().size();
}

Value sequence_element(const Value& value, std::size_t index) {
  if (value.is_array()) return value.as_array().element(index);
  return value.at(index);
}

void expect_length(std::size_t wanted, std::size_t got) {
  if (wanted == got) return;
  throw TypeError("expected " + std::to_string(wanted) + " entries, got " + std::to_string(got));
}

}  // namespace detail
}  // namespace trireme
