// How C++ types become values and values become C++ types; the door for types of your own.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <trireme/errors.hpp>
#include <trireme/value.hpp>

namespace trireme {

/// Specialize this for a type of your own (or use TRIREME_FIELDS):
///   static Value to(const T&);          (or to(T) to take ownership)
///   static T from(const Value&);        throws TypeError when the value does not fit
/// Provided: bool, integers, floats, enums, strings, Bytes, Value, Array, List, Dict, vectors
/// (of numbers: one raw buffer), ArrayView, std::array, maps with string keys, pair, tuple,
/// optional.
template <class T>
struct ValueTraits;

template <class T>
concept ConvertibleToValue = requires(T&& thing) {
  { ValueTraits<std::remove_cvref_t<T>>::to(std::forward<T>(thing)) } -> std::same_as<Value>;
};
template <class T>
concept ConvertibleFromValue = requires(const Value& value) {
  { ValueTraits<T>::from(value) } -> std::same_as<T>;
};

/// Any convertible thing as a value. Vectors of numbers given as rvalues are not copied.
template <class T>
requires ConvertibleToValue<T> Value to_value(T&& thing) {
  return ValueTraits<std::remove_cvref_t<T>>::to(std::forward<T>(thing));
}
template <std::size_t N>
Value to_value(const char (&text)[N]) {
  return Value(std::string_view(text));
}

/// The value as a T; TypeError when it does not fit. For T = string_view and span the result
/// points into `value`.
template <class T>
T from_value(const Value& value) {
  if constexpr (!std::is_void_v<T>) return ValueTraits<T>::from(value);
}

template <class T>
T Value::to() const {
  return from_value<T>(*this);
}

namespace detail {

[[noreturn]] void fail_expected(std::string_view wanted, const Value& got);
/// `value`, or the only number of an array without dimensions.
Value scalar(const Value& value);
/// Entries of a list or array; TypeError for other kinds.
std::size_t sequence_length(const Value& value);
Value sequence_element(const Value& value, std::size_t index);
void expect_length(std::size_t wanted, std::size_t got);
/// Runs `convert`; a TypeError gets `place` put before its text.
template <class Convert>
auto at_place(std::string_view place, Convert&& convert) {
  try {
    return convert();
  } catch (const TypeError& error) {
    throw TypeError(std::string(place) + ": " + error.what());
  }
}

}  // namespace detail

template <>
struct ValueTraits<Value> {
  static Value to(Value value) { return value; }
  static Value from(const Value& value) { return value; }
};
template <>
struct ValueTraits<std::nullptr_t> {
  static Value to(std::nullptr_t) { return {}; }
};
template <>
struct ValueTraits<bool> {
  static Value to(bool flag) { return flag; }
  static bool from(const Value& value) { return detail::scalar(value).as_bool(); }
};

template <class T>
requires(std::integral<T> && !std::same_as<T, bool>) struct ValueTraits<T> {
  static Value to(T number) { return number; }
  static T from(const Value& value) {
    const std::int64_t number = detail::scalar(value).as_int();
    if (!std::in_range<T>(number)) {
      throw TypeError("the number " + std::to_string(number) + " does not fit into " +
                      std::to_string(sizeof(T) * 8) + " bits " +
                      (std::is_signed_v<T> ? "with sign" : "without sign"));
    }
    return static_cast<T>(number);
  }
};

template <std::floating_point T>
struct ValueTraits<T> {
  static Value to(T number) { return number; }
  static T from(const Value& value) { return static_cast<T>(detail::scalar(value).as_double()); }
};

template <class T>
requires std::is_enum_v<T>
struct ValueTraits<T> {
  using Number = std::underlying_type_t<T>;
  static Value to(T constant) { return static_cast<Number>(constant); }
  static T from(const Value& value) { return static_cast<T>(ValueTraits<Number>::from(value)); }
};

template <class T>
requires ArrayElement<T> &&
    (!std::is_arithmetic_v<T> &&
     !std::is_enum_v<T>)struct ValueTraits<T> {  // complex numbers, as [real, imaginary]
  static Value to(const T& number) { return List{number.real(), number.imag()}; }
  static T from(const Value& value) {
    detail::expect_length(2, detail::sequence_length(value));
    using Part = typename T::value_type;
    return T(from_value<Part>(detail::sequence_element(value, 0)),
             from_value<Part>(detail::sequence_element(value, 1)));
  }
};

template <>
struct ValueTraits<std::string> {
  static Value to(std::string text) { return text; }
  static std::string from(const Value& value) { return value.as_string(); }
};
template <>
struct ValueTraits<std::string_view> {
  static Value to(std::string_view text) { return text; }
  static std::string_view from(const Value& value) { return value.as_string(); }
};
template <>
struct ValueTraits<const char*> {
  static Value to(const char* text) { return text; }
};
template <>
struct ValueTraits<Bytes> {
  static Value to(Bytes bytes) { return bytes; }
  static Bytes from(const Value& value) { return value.as_bytes(); }
};
template <>
struct ValueTraits<Array> {
  static Value to(Array array) { return array; }
  static Array from(const Value& value) { return value.as_array(); }
};
template <>
struct ValueTraits<Dict> {
  static Value to(Dict items) { return items; }
  static Dict from(const Value& value) { return value.as_dict(); }
};

/// Durations travel as seconds.
template <class Rep, class Period>
struct ValueTraits<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static Value to(Duration time) { return std::chrono::duration<double>(time).count(); }
  static Duration from(const Value& value) {
    const std::chrono::duration<double> seconds(detail::scalar(value).as_double());
    return std::chrono::duration_cast<Duration>(seconds);
  }
};

/// Numbers of one type that are read where they lie: shares the bytes of the array it came from.
template <ArrayElement T>
class ArrayView {
 public:
  ArrayView() : array_(std::string(dtype_of<T>()), {0}, Bytes()) {}
  /// TypeError when the dtype of `array` is another.
  explicit ArrayView(Array array) : array_(std::move(array)), items_(array_.elements<T>()) {}
  /// Takes the items over.
  ArrayView(std::vector<T> items)  // NOLINT: implicit
      requires(!std::same_as<T, bool>)
      : ArrayView(Array::of(std::move(items))) {}

  const Array& array() const noexcept { return array_; }
  std::span<const T> span() const noexcept { return items_; }
  operator std::span<const T>() const noexcept { return items_; }  // NOLINT: implicit
  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }
  const T* data() const noexcept { return items_.data(); }
  const T* begin() const noexcept { return items_.data(); }
  const T* end() const noexcept { return items_.data() + items_.size(); }
  const T& operator[](std::size_t index) const { return items_[index]; }

 private:
  Array array_;
  std::span<const T> items_;
};

template <ArrayElement T>
struct ValueTraits<ArrayView<T>> {
  static Value to(const ArrayView<T>& view) { return view.array(); }
  static ArrayView<T> from(const Value& value) { return ArrayView<T>(value.as_array()); }
};
/// Reading gives a span into `value`.
template <ArrayElement T>
struct ValueTraits<std::span<const T>> {
  static Value to(std::span<const T> items) {
    return Array(std::string(dtype_of<T>()), {static_cast<std::int64_t>(items.size())},
                 Bytes::copy_of(std::as_bytes(items)));
  }
  static std::span<const T> from(const Value& value) { return value.as_array().elements<T>(); }
};

template <class T>
struct ValueTraits<std::vector<T>> {
  static Value to(std::vector<T> items) {
    if constexpr (std::same_as<T, Value>) {
      return Value(std::move(items));
    } else if constexpr (std::same_as<T, bool>) {
      std::vector<std::uint8_t> flags(items.begin(), items.end());
      const auto count = static_cast<std::int64_t>(flags.size());
      return Array("|b1", {count}, Bytes::adopt(std::move(flags)));
    } else if constexpr (ArrayElement<T>) {
      return Array::of(std::move(items));
    } else {
      List list;
      list.reserve(items.size());
      for (T& item : items) list.push_back(to_value(std::move(item)));
      return list;
    }
  }

  static std::vector<T> from(const Value& value) {
    if constexpr (ArrayElement<T> && !std::same_as<T, bool>) {
      if (value.is_array() && value.as_array().shape().size() == 1 &&
          value.as_array().dtype() == dtype_of<T>()) {
        const auto items = value.as_array().elements<T>();
        return {items.begin(), items.end()};
      }
    }
    const std::size_t count = detail::sequence_length(value);
    std::vector<T> items;
    items.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      items.push_back(detail::at_place("entry " + std::to_string(i), [&] {
        return from_value<T>(detail::sequence_element(value, i));
      }));
    }
    return items;
  }
};

template <class T, std::size_t N>
struct ValueTraits<std::array<T, N>> {
  static Value to(const std::array<T, N>& items) {
    return to_value(std::vector<T>(items.begin(), items.end()));
  }
  static std::array<T, N> from(const Value& value) {
    detail::expect_length(N, detail::sequence_length(value));
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{from_value<T>(detail::sequence_element(value, I))...};
    }
    (std::make_index_sequence<N>{});
  }
};

namespace detail {
template <class Map>
struct MapTraits {
  using Item = typename Map::mapped_type;
  static Value to(Map items) {
    Dict dict;
    for (auto& [key, item] : items) dict.emplace(key, to_value(std::move(item)));
    return dict;
  }
  static Map from(const Value& value) {
    Map items;
    for (const auto& entry : value.as_dict()) {
      items.emplace(entry.first, at_place("key '" + entry.first + "'",
                                          [&] { return from_value<Item>(entry.second); }));
    }
    return items;
  }
};
}  // namespace detail

template <class T, class Compare>
struct ValueTraits<std::map<std::string, T, Compare>>
    : detail::MapTraits<std::map<std::string, T, Compare>> {};
template <class T>
struct ValueTraits<std::unordered_map<std::string, T>>
    : detail::MapTraits<std::unordered_map<std::string, T>> {};

template <class T>
struct ValueTraits<std::optional<T>> {
  static Value to(std::optional<T> item) {
    return item.has_value() ? to_value(std::move(*item)) : Value();
  }
  static std::optional<T> from(const Value& value) {
    if (value.is_null()) return std::nullopt;
    return from_value<T>(value);
  }
};

template <class... T>
struct ValueTraits<std::tuple<T...>> {
  static Value to(std::tuple<T...> items) {
    return std::apply(
        [](auto&... item) {
          List list;
          list.reserve(sizeof...(item));
          (list.push_back(to_value(std::move(item))), ...);
          return Value(std::move(list));
        },
        items);
  }
  static std::tuple<T...> from(const Value& value) {
    detail::expect_length(sizeof...(T), detail::sequence_length(value));
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<T...>{detail::at_place("entry " + std::to_string(I), [&] {
        return from_value<T>(detail::sequence_element(value, I));
      })...};
    }
    (std::index_sequence_for<T...>{});
  }
};
template <class A, class B>
struct ValueTraits<std::pair<A, B>> {
  static Value to(std::pair<A, B> items) {
    return to_value(std::tuple<A, B>(std::move(items.first), std::move(items.second)));
  }
  static std::pair<A, B> from(const Value& value) {
    auto [first, second] = from_value<std::tuple<A, B>>(value);
    return {std::move(first), std::move(second)};
  }
};

}  // namespace trireme
