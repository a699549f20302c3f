// The values that travel between callers and tasks: JSON's kinds, plus raw bytes and arrays of
// numbers that are shared and never copied.
#pragma once

#include <bit>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <trireme/errors.hpp>

namespace trireme {

static_assert(std::endian::native == std::endian::little, "arrays travel little-endian");

/// A run of immutable bytes with shared ownership. Copying shares; the bytes live as long as any
/// Bytes that shows them. Thread-safe like a shared_ptr to const.
class Bytes {
 public:
  Bytes() = default;
  /// Takes the text over.
  explicit Bytes(std::string text);
  /// Shows `data`, which must stay unchanged and alive as long as `owner` does.
  Bytes(std::shared_ptr<const void> owner, std::span<const std::byte> data)
      : owner_(std::move(owner)), data_(data) {}
  static Bytes copy_of(std::span<const std::byte> data);
  /// Takes the items over, without copying them.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  static Bytes adopt(std::vector<T> items) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(items));
    const auto data = std::as_bytes(std::span(*owner));
    return Bytes(std::move(owner), data);
  }

  const std::byte* data() const noexcept { return data_.data(); }
  std::size_t size() const noexcept { return data_.size(); }
  bool empty() const noexcept { return data_.empty(); }
  std::span<const std::byte> span() const noexcept { return data_; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(data_.data()), data_.size()};
  }
  /// `count` bytes from `offset`, sharing the owner. TypeError beyond the end.
  Bytes part(std::size_t offset, std::size_t count) const;
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

  friend bool operator==(const Bytes& left, const Bytes& right) noexcept {
    return left.text() == right.text();
  }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> data_;
};

namespace detail {
constexpr std::string_view integer_dtype(std::size_t bytes, bool is_signed) noexcept {
  switch (bytes) {
    case 1:
      return is_signed ? "|i1" : "|u1";
    case 2:
      return is_signed ? "<i2" : "<u2";
    case 4:
      return is_signed ? "<i4" : "<u4";
    case 8:
      return is_signed ? "<i8" : "<u8";
    default:
      return "";
  }
}
}  // namespace detail

/// The numpy name of an element type: `<f8` for double, `|u1` for std::uint8_t, ...; empty for
/// types that no array holds.
template <class T>
constexpr std::string_view dtype_of() noexcept {
  if constexpr (std::same_as<T, bool>) return "|b1";
  if constexpr (std::same_as<T, std::byte>) return "|u1";
  if constexpr (std::same_as<T, float>) return "<f4";
  if constexpr (std::same_as<T, double>) return "<f8";
  if constexpr (std::same_as<T, std::complex<float>>) return "<c8";
  if constexpr (std::same_as<T, std::complex<double>>) return "<c16";
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    return detail::integer_dtype(sizeof(T), std::is_signed_v<T>);
  }
  return "";
}

template <class T>
concept ArrayElement = !dtype_of<T>().empty();

class Value;

/// Numbers in C order with a shape, as numpy understands them.
/// Invariants: (1) dtype is known; (2) data holds exactly the product of shape elements;
/// (3) data is aligned for the element.
class Array {
 public:
  /// An empty one-dimensional array of doubles.
  Array();
  /// TypeError when the dtype is unknown or the sizes disagree. Misaligned data is copied once.
  Array(std::string dtype, std::vector<std::int64_t> shape, Bytes data);
  /// One dimension; takes the items over.
  template <ArrayElement T>
  requires(!std::same_as<T, bool>) static Array of(std::vector<T> items) {
    const auto count = static_cast<std::int64_t>(items.size());
    return Array(std::string(dtype_of<T>()), {count}, Bytes::adopt(std::move(items)));
  }

  const std::string& dtype() const noexcept { return dtype_; }
  const std::vector<std::int64_t>& shape() const noexcept { return shape_; }
  const Bytes& data() const noexcept { return data_; }
  std::size_t item_bytes() const noexcept { return item_bytes_; }
  /// Number of elements.
  std::size_t size() const noexcept { return data_.size() / item_bytes_; }
  /// Length of the first dimension. TypeError without dimensions.
  std::size_t length() const;

  /// All elements; TypeError when T is not the dtype. Valid while an owner of the data lives.
  template <ArrayElement T>
  std::span<const T> elements() const {
    if (dtype_ != dtype_of<T>()) fail_dtype(dtype_of<T>());
    return {reinterpret_cast<const T*>(data_.data()), size()};
  }
  /// Along the first dimension: a number for one dimension, else an array of one dimension less
  /// that shares the data. Without dimensions, `index` 0 is the only number. TypeError beyond.
  Value element(std::size_t index) const;
  /// `count` entries of the first dimension from `first`, sharing the data.
  Array slice(std::size_t first, std::size_t count) const;

  friend bool operator==(const Array&, const Array&) noexcept = default;

 private:
  [[noreturn]] void fail_dtype(std::string_view wanted) const;
  Value number(std::size_t index) const;

  std::string dtype_;
  std::vector<std::int64_t> shape_;
  Bytes data_;
  std::size_t item_bytes_;
};

using List = std::vector<Value>;
using Dict = std::map<std::string, Value, std::less<>>;

/// One value of any kind. A plain value type: copies are independent (bytes and arrays share their
/// immutable data).
class Value {
 public:
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kBytes, kArray, kList, kDict };

  Value() = default;
  Value(std::nullptr_t) {}  // NOLINT: implicit
  template <std::same_as<bool> T>
  Value(T flag) : state_(flag) {}  // NOLINT: implicit
  /// TypeError beyond the range of 64 bits with sign.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T number) : state_(checked(number)) {}  // NOLINT: implicit
  template <std::floating_point T>
  Value(T number) : state_(static_cast<double>(number)) {}     // NOLINT: implicit
  Value(std::string text) : state_(std::move(text)) {}         // NOLINT: implicit
  Value(std::string_view text) : state_(std::string(text)) {}  // NOLINT: implicit
  Value(const char* text) : state_(std::string(text)) {}       // NOLINT: implicit
  Value(Bytes bytes) : state_(std::move(bytes)) {}             // NOLINT: implicit
  Value(Array array) : state_(std::move(array)) {}             // NOLINT: implicit
  Value(List items) : state_(std::move(items)) {}              // NOLINT: implicit
  Value(Dict items) : state_(std::move(items)) {}              // NOLINT: implicit

  Kind kind() const noexcept { return static_cast<Kind>(state_.index()); }
  bool is_null() const noexcept { return kind() == Kind::kNull; }
  bool is_bool() const noexcept { return kind() == Kind::kBool; }
  bool is_int() const noexcept { return kind() == Kind::kInt; }
  bool is_double() const noexcept { return kind() == Kind::kDouble; }
  bool is_string() const noexcept { return kind() == Kind::kString; }
  bool is_bytes() const noexcept { return kind() == Kind::kBytes; }
  bool is_array() const noexcept { return kind() == Kind::kArray; }
  bool is_list() const noexcept { return kind() == Kind::kList; }
  bool is_dict() const noexcept { return kind() == Kind::kDict; }

  /// The content; TypeError ("expected an integer, got a string") when it is of another kind.
  bool as_bool() const;
  std::int64_t as_int() const;
  double as_double() const;  // integers too
  const std::string& as_string() const;
  const Bytes& as_bytes() const;
  const Array& as_array() const;
  const List& as_list() const;
  const Dict& as_dict() const;
  List& as_list();
  Dict& as_dict();

  /// The entry of a dict; null when there is none (or this is no dict).
  const Value* find(std::string_view key) const noexcept;
  /// The entry of a dict or list; TypeError when there is none.
  const Value& at(std::string_view key) const;
  const Value& at(std::size_t index) const;
  /// Entries of a list, dict or array (first dimension), bytes of a string or Bytes; else
  /// TypeError.
  std::size_t size() const;

  /// Converted to T through ValueTraits<T> (<trireme/value_traits.hpp>).
  template <class T>
  T to() const;

  /// For people: JSON-like, arrays and bytes abbreviated.
  std::string to_string() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  template <class T>
  static std::int64_t checked(T number) {
    if (!std::in_range<std::int64_t>(number)) {
      throw TypeError("the number " + std::to_string(number) + " does not fit into 64 bits");
    }
    return static_cast<std::int64_t>(number);
  }

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, Array, List, Dict>
      state_;
};

/// "an integer", "a string", ...: the kind with its article, for error sentences.
std::string_view describe(Value::Kind kind) noexcept;

/// JSON text for other programs: arrays become (nested) lists, bytes base64 text, numbers that
/// JSON cannot say (NaN, infinities) null. Invalid UTF-8 becomes U+FFFD.
std::string to_json(const Value& value);
/// The same with line breaks and two spaces of indentation.
std::string to_pretty_json(const Value& value);
/// FormatError (with the position) for what is not one JSON value.
Value parse_json(std::string_view text);

}  // namespace trireme
