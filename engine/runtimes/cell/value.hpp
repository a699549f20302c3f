// Values of the engine as cells see them, and their way from and to C++ types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/runtimes/cell/host_calls.hpp"

/// In cells these headers are compiled once: what is not a template need not be in every cell.
#ifdef TRIREME_CELL
#define TRIREME_CELL_INLINE
#else
#define TRIREME_CELL_INLINE inline
#endif

namespace trireme::cell {

/// A value has another kind than wanted, or a call has wrong arguments.
struct TypeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// A name or key that is not there.
struct NameError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Json;

TRIREME_CELL_INLINE void take_text(void* to, const char* text, std::size_t size) {
  static_cast<std::string*>(to)->append(text, size);
}

[[noreturn]] TRIREME_CELL_INLINE void fail_kind(const char* wanted, const trireme_value* got) {
  static constexpr const char* kNames[] = {"null",  "a bool",   "an integer", "a number", "text",
                                           "bytes", "an array", "a list",     "a dict"};
  throw TypeError(std::string("expected ") + wanted + ", got " + kNames[trireme_kind(got)]);
}

template <class T>
constexpr const char* dtype_name() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, double>) return "<f8";
  if constexpr (std::is_same_v<U, float>) return "<f4";
  if constexpr (std::is_integral_v<U> && !std::is_same_v<U, bool>) {
    constexpr bool kSigned = std::is_signed_v<U>;
    if constexpr (sizeof(U) == 1) return kSigned ? "|i1" : "|u1";
    if constexpr (sizeof(U) == 2) return kSigned ? "<i2" : "<u2";
    if constexpr (sizeof(U) == 4) return kSigned ? "<i4" : "<u4";
    if constexpr (sizeof(U) == 8) return kSigned ? "<i8" : "<u8";
  }
  return nullptr;
}
template <class T>
concept Element = dtype_name<T>()
!= nullptr && !std::is_same_v<T, char>;

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t>;

template <class T, template <class...> class Template>
inline constexpr bool kIs = false;
template <class... A, template <class...> class Template>
inline constexpr bool kIs<Template<A...>, Template> = true;

/// Calls `use` with each element of an array, as the type it has.
template <class Use>
void each_element(const trireme_value* array, Use use) {
  std::size_t size = 0;
  const char* data = trireme_data(array, &size);
  const std::string_view dtype = trireme_dtype(array);
  const auto walk = [&]<class E>(E) {
    for (std::size_t at = 0; at + sizeof(E) <= size; at += sizeof(E)) {
      E element;
      __builtin_memcpy(&element, data + at, sizeof element);
      use(element);
    }
  };
  if (dtype == "<f8") return walk(double{});
  if (dtype == "<f4") return walk(float{});
  if (dtype == "<i8") return walk(std::int64_t{});
  if (dtype == "<i4") return walk(std::int32_t{});
  if (dtype == "<i2") return walk(std::int16_t{});
  if (dtype == "|i1") return walk(std::int8_t{});
  if (dtype == "<u8") return walk(std::uint64_t{});
  if (dtype == "<u4") return walk(std::uint32_t{});
  if (dtype == "<u2") return walk(std::uint16_t{});
  if (dtype == "|u1" || dtype == "|b1") return walk(std::uint8_t{});
  throw TypeError("arrays of " + std::string(dtype) + " cannot be read as numbers");
}

/// How a type becomes a value and comes back. Specialise it for types of your own.
template <class T>
struct Convert;

template <class T>
concept Convertible = requires {
  Convert<std::remove_cvref_t<T>>::kKnown;
};
/// What take() gives lives on without the value it was taken from.
template <class T>
concept Owning = Convertible<T> && !std::is_pointer_v<T> && requires {
  Convert<T>::take(nullptr);
}
&&!requires { Convert<T>::kIsView; };

template <class T>
T take(const trireme_value* from) {
  return Convert<std::remove_cvref_t<T>>::take(from);
}
template <class T>
void put(trireme_value* to, const T& value) {
  Convert<std::remove_cvref_t<T>>::put(to, value);
}

template <Number T>
struct Convert<T> {
  static constexpr bool kKnown = true;
  static T take(const trireme_value* from) {
    const int kind = trireme_kind(from);
    if constexpr (std::is_floating_point_v<T>) {
      if (kind == TRIREME_INT || kind == TRIREME_DOUBLE) return T(trireme_double(from));
      fail_kind("a number", from);
    } else if constexpr (std::is_same_v<T, bool>) {
      if (kind == TRIREME_BOOL) return trireme_int(from) != 0;
      fail_kind("a bool", from);
    } else {
      if (kind != TRIREME_INT && kind != TRIREME_BOOL) fail_kind("an integer", from);
      const std::int64_t number = trireme_int(from);
      if (!std::in_range<T>(number)) {
        throw TypeError("the number " + std::to_string(number) + " is out of range");
      }
      return static_cast<T>(number);
    }
  }
  static void put(trireme_value* to, T value) {
    if constexpr (std::is_same_v<T, bool>) {
      trireme_set_bool(to, value ? 1 : 0);
    } else if constexpr (std::is_floating_point_v<T>) {
      trireme_set_double(to, double(value));
    } else {
      if (!std::in_range<std::int64_t>(value)) throw TypeError("a number is beyond 64 bits");
      trireme_set_int(to, std::int64_t(value));
    }
  }
};

template <>
struct Convert<std::string> {
  static constexpr bool kKnown = true;
  static std::string take(const trireme_value* from) {
    const int kind = trireme_kind(from);
    if (kind != TRIREME_TEXT && kind != TRIREME_BYTES) fail_kind("text", from);
    std::size_t size = 0;
    const char* data = trireme_data(from, &size);
    return {data, size};
  }
  static void put(trireme_value* to, std::string_view text) {
    trireme_set_text(to, text.data(), text.size());
  }
};
template <>
struct Convert<std::string_view> {
  static constexpr bool kKnown = true;
  static constexpr bool kIsView = true;
  /// Valid as long as the value.
  static std::string_view take(const trireme_value* from) {
    if (trireme_kind(from) != TRIREME_TEXT) fail_kind("text", from);
    std::size_t size = 0;
    const char* data = trireme_data(from, &size);
    return {data, size};
  }
  static void put(trireme_value* to, std::string_view text) {
    trireme_set_text(to, text.data(), text.size());
  }
};
template <>
struct Convert<const char*> : Convert<std::string> {};
template <std::size_t N>
struct Convert<char[N]> : Convert<std::string> {};
template <>
struct Convert<std::nullptr_t> {
  static constexpr bool kKnown = true;
  static void put(trireme_value* to, std::nullptr_t) { trireme_set_null(to); }
};

template <Element T>
struct Convert<std::span<const T>> {
  static constexpr bool kKnown = true;
  static constexpr bool kIsView = true;
  /// Without copying, valid as long as the value; the element type must be the array's.
  static std::span<const T> take(const trireme_value* from) {
    if (trireme_kind(from) != TRIREME_ARRAY || trireme_dtype(from) != std::string_view(kDtype)) {
      fail_kind((std::string("an array of ") + kDtype).c_str(), from);
    }
    std::size_t size = 0;
    const char* data = trireme_data(from, &size);
    return {reinterpret_cast<const T*>(data), size / sizeof(T)};
  }
  static void put(trireme_value* to, std::span<const T> items) {
    const auto length = std::int64_t(items.size());
    trireme_set_array(to, kDtype, &length, 1, items.data(), items.size_bytes());
  }

 private:
  static constexpr const char* kDtype = dtype_name<T>();
};

template <class T, class A>
requires Convertible<T>
struct Convert<std::vector<T, A>> {
  static constexpr bool kKnown = true;
  static std::vector<T, A> take(const trireme_value* from) {
    std::vector<T, A> items;
    const int kind = trireme_kind(from);
    if (kind == TRIREME_LIST) {
      const std::size_t count = trireme_count(from);
      items.reserve(count);
      for (std::size_t i = 0; i < count; ++i) items.push_back(cell::take<T>(trireme_item(from, i)));
      return items;
    }
    if constexpr (Number<T>) {
      if (kind == TRIREME_ARRAY) {
        each_element(from, [&](auto element) { items.push_back(static_cast<T>(element)); });
        return items;
      }
    }
    fail_kind("a list", from);
  }
  static void put(trireme_value* to, const std::vector<T, A>& items) {
    if constexpr (Element<T>) {
      Convert<std::span<const T>>::put(to, items);
    } else {
      trireme_set_list(to);
      for (const auto& item : items) cell::put<T>(trireme_append(to), item);
    }
  }
};

/// Maps with text for keys.
template <class Map>
struct ConvertMap {
  static constexpr bool kKnown = true;
  static Map take(const trireme_value* from) {
    if (trireme_kind(from) != TRIREME_DICT) fail_kind("a dict", from);
    Map entries;
    for (std::size_t i = 0; i < trireme_count(from); ++i) {
      std::size_t size = 0;
      const char* key = trireme_key(from, i, &size);
      entries.emplace(std::string(key, size),
                      cell::take<typename Map::mapped_type>(trireme_item(from, i)));
    }
    return entries;
  }
  static void put(trireme_value* to, const Map& entries) {
    trireme_set_dict(to);
    for (const auto& [key, value] : entries) {
      cell::put(trireme_entry(to, key.data(), key.size()), value);
    }
  }
};
template <Convertible T, class... Rest>
struct Convert<std::map<std::string, T, Rest...>> : ConvertMap<std::map<std::string, T, Rest...>> {
};
template <Convertible T, class... Rest>
struct Convert<std::unordered_map<std::string, T, Rest...>>
    : ConvertMap<std::unordered_map<std::string, T, Rest...>> {};

template <Convertible T>
struct Convert<std::optional<T>> {
  static constexpr bool kKnown = true;
  static std::optional<T> take(const trireme_value* from) {
    if (trireme_kind(from) == TRIREME_NULL) return std::nullopt;
    return cell::take<T>(from);
  }
  static void put(trireme_value* to, const std::optional<T>& value) {
    value ? cell::put(to, *value) : trireme_set_null(to);
  }
};

/// Pairs and tuples are lists of their length.
template <class Tuple>
struct ConvertTuple {
  static constexpr bool kKnown = true;
  static constexpr std::size_t kCount = std::tuple_size_v<Tuple>;
  static Tuple take(const trireme_value* from) {
    if (trireme_kind(from) != TRIREME_LIST || trireme_count(from) != kCount) {
      fail_kind(("a list of " + std::to_string(kCount)).c_str(), from);
    }
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Tuple{cell::take<std::tuple_element_t<I, Tuple>>(trireme_item(from, I))...};
    }
    (std::make_index_sequence<kCount>());
  }
  static void put(trireme_value* to, const Tuple& items) {
    trireme_set_list(to);
    std::apply([&](const auto&... item) { (cell::put(trireme_append(to), item), ...); }, items);
  }
};
template <Convertible A, Convertible B>
struct Convert<std::pair<A, B>> : ConvertTuple<std::pair<A, B>> {};
template <Convertible... T>
struct Convert<std::tuple<T...>> : ConvertTuple<std::tuple<T...>> {};

/// A value of any kind: null, bool, number, text, bytes, array, list or dict. Copies are deep.
class Json {
 public:
  Json() : value_(trireme_new()) {}
  template <class T>
  requires(Convertible<T> && !std::is_same_v<std::remove_cvref_t<T>, Json>) Json(const T& from)
      : Json() {  // NOLINT: implicit
    cell::put(value_, from);
  }
  Json(const Json& from) : value_(trireme_copy(from.value_)) {}
  Json(Json&& from) noexcept : value_(std::exchange(from.value_, nullptr)) {}
  Json& operator=(Json from) noexcept {
    std::swap(value_, from.value_);
    return *this;
  }
  ~Json() {
    if (value_ != nullptr) trireme_free(value_);
  }

  /// Takes a value over.
  static Json adopt(trireme_value* value) { return Json(value); }
  static Json list() {
    Json made;
    trireme_set_list(made.value_);
    return made;
  }
  static Json dict() {
    Json made;
    trireme_set_dict(made.value_);
    return made;
  }
  static Json bytes(std::string_view data) {
    Json made;
    trireme_set_bytes(made.value_, data.data(), data.size());
    return made;
  }
  static Json parse(std::string_view text) {
    Json made;
    if (!trireme_set_json(made.value_, text.data(), text.size())) {
      throw std::invalid_argument("this is not JSON text");
    }
    return made;
  }

  const trireme_value* get() const { return value_; }
  trireme_value* get() { return value_; }
  template <class T>
  T as() const {
    return cell::take<T>(value_);
  }
  bool is_null() const { return trireme_kind(value_) == TRIREME_NULL; }
  std::size_t size() const { return trireme_count(value_); }
  bool contains(std::string_view key) const {
    return trireme_find(value_, key.data(), key.size()) != nullptr;
  }
  /// Copies of entries.
  Json at(std::size_t index) const {
    if (index >= size()) throw std::out_of_range("there is no item " + std::to_string(index));
    return Json(trireme_copy(trireme_item(value_, index)));
  }
  Json at(std::string_view key) const {
    const trireme_value* found = trireme_find(value_, key.data(), key.size());
    if (found == nullptr) throw NameError("there is no entry '" + std::string(key) + "'");
    return Json(trireme_copy(found));
  }
  /// null becomes a list or dict.
  void push_back(const Json& item) {
    if (is_null()) trireme_set_list(value_);
    if (trireme_kind(value_) != TRIREME_LIST) fail_kind("a list", value_);
    trireme_assign(trireme_append(value_), item.value_);
  }
  void set(std::string_view key, const Json& item) {
    if (is_null()) trireme_set_dict(value_);
    if (trireme_kind(value_) != TRIREME_DICT) fail_kind("a dict", value_);
    trireme_assign(trireme_entry(value_, key.data(), key.size()), item.value_);
  }
  std::vector<std::int64_t> shape() const {
    const std::int64_t* lengths = nullptr;
    const std::size_t count = trireme_shape(value_, &lengths);
    return {lengths, lengths + count};
  }
  std::string dump(bool pretty = false) const {
    std::string text;
    trireme_json(value_, pretty ? 1 : 0, &take_text, &text);
    return text;
  }

 private:
  explicit Json(trireme_value* value) : value_(value) {}
  trireme_value* value_;
};

template <>
struct Convert<Json> {
  static constexpr bool kKnown = true;
  static Json take(const trireme_value* from) { return Json::adopt(trireme_copy(from)); }
  static void put(trireme_value* to, const Json& value) { trireme_assign(to, value.get()); }
};

}  // namespace trireme::cell
