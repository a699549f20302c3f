// The text that shows a value of any type.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "engine/runtimes/cell/value.hpp"

namespace trireme::cell {

inline constexpr std::size_t kShownItemsMax = 1000;
inline constexpr std::size_t kShownBytesMax = 64 * 1024;

template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("T = ") + 4);
  return text.substr(0, text.size() - 1);
}

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <class T>
concept Range = requires(const T& range) {
  range.begin() != range.end();
  *range.begin();
};
template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
}
&&!Range<T>;
template <class T>
concept MapLike = Range<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
};
template <class T>
concept SetLike = Range<T> && requires {
  typename T::key_type;
} && !MapLike<T>;

template <class T>
void print(std::string& out, const T& value);

TRIREME_CELL_INLINE void print_quoted(std::string& out, std::string_view text) {
  trireme_quoted(text.data(), text.size(), &take_text, &out);
}

/// Between `open` and `close`, with `one` for each item.
template <class R, class One>
void print_range(std::string& out, const R& range, char open, char close, One one) {
  out += open;
  std::size_t count = 0;
  for (auto at = range.begin(); at != range.end(); ++at) {
    if (count > 0) out += ", ";
    if (++count > kShownItemsMax || out.size() > kShownBytesMax) {
      out += "...";
      break;
    }
    one(*at);
  }
  out += close;
}

template <class T>
void print_number(std::string& out, T value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += '\'';
    out += value;
    out += '\'';
  } else if constexpr (std::is_same_v<T, float>) {
    std::ostringstream text;
    text << value;
    out += text.str();
  } else if constexpr (std::is_floating_point_v<T>) {
    trireme_double_text(double(value), &take_text, &out);
  } else {
    out += std::to_string(value);
  }
}

/// Pointers: what unique and shared ones show is what they point to.
template <class T>
void print_pointer(std::string& out, const T& pointer) {
  if (pointer == nullptr) {
    out += "nullptr";
  } else if constexpr (std::is_pointer_v<T>) {
    std::ostringstream text;
    text << reinterpret_cast<const void*>(pointer);
    out += text.str();
  } else {
    out += "-> ";
    print(out, *pointer);
  }
}

template <class T>
void print_parts(std::string& out, const T& value) {
  out += '(';
  std::apply(
      [&](const auto&... part) {
        std::size_t count = 0;
        ((out += count++ > 0 ? ", " : "", print(out, part)), ...);
      },
      value);
  out += ')';
}

template <class T>
void print(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    out += value.dump();
  } else if constexpr (std::is_arithmetic_v<T>) {
    print_number(out, value);
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    out += "nullptr";
  } else if constexpr (std::is_same_v<T, const char*> || std::is_same_v<T, char*>) {
    value == nullptr ? void(out += "nullptr") : print_quoted(out, value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    print_quoted(out, value);
  } else if constexpr (std::is_array_v<T>) {
    print_range(out, std::span(value), '[', ']', [&](const auto& item) { print(out, item); });
  } else if constexpr (kIs<T, std::unique_ptr> || kIs<T, std::shared_ptr>) {
    print_pointer(out, value);
  } else if constexpr (std::is_pointer_v<T>) {
    print_pointer(out, value);
  } else if constexpr (kIs<T, std::optional>) {
    value ? print(out, *value) : void(out += "nullopt");
  } else if constexpr (kIs<T, std::variant>) {
    std::visit([&](const auto& held) { print(out, held); }, value);
  } else if constexpr (Streamable<T>) {
    std::ostringstream text;
    text << value;
    out += text.str();
  } else if constexpr (std::is_enum_v<T>) {
    out += type_name<T>();
    out += '(' + std::to_string(static_cast<long long>(value)) + ')';
  } else if constexpr (MapLike<T>) {
    print_range(out, value, '{', '}', [&](const auto& entry) {
      print(out, entry.first);
      out += ": ";
      print(out, entry.second);
    });
  } else if constexpr (Range<T>) {
    constexpr bool kSet = SetLike<T>;
    print_range(out, value, kSet ? '{' : '[', kSet ? '}' : ']', [&](const auto& item) {
      using Item = std::remove_cvref_t<decltype(*value.begin())>;
      if constexpr (std::is_same_v<T, std::vector<bool>>) {
        print(out, bool(item));
      } else {
        print<Item>(out, item);
      }
    });
  } else if constexpr (TupleLike<T>) {
    print_parts(out, value);
  } else {
    out += '<';
    out += type_name<T>();
    out += '>';
  }
}

}  // namespace trireme::cell
