// What every C++ cell can use: ns, display, input, and the call of its functions from outside.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <iostream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/runtimes/cell/host_calls.hpp"
#include "engine/runtimes/cell/print.hpp"
#include "engine/runtimes/cell/value.hpp"

namespace trireme::cell {

/// One thing in several representations: mime type -> text, bytes or JSON.
struct Bundle {
  Json data = Json::dict();
  Bundle() = default;
  Bundle(std::string_view mime, const Json& representation) { add(mime, representation); }
  Bundle& add(std::string_view mime, const Json& representation) {
    data.set(mime, representation);
    return *this;
  }
};

/// Shows it now. A later call with the same id and `update` replaces it.
TRIREME_CELL_INLINE void display(const Bundle& bundle, std::string_view id = {},
                                 bool update = false) {
  trireme_display(bundle.data.get(), nullptr, std::string(id).c_str(), update ? 1 : 0);
}
/// Text for text types and JSON, raw bytes for all others (image/png).
TRIREME_CELL_INLINE void display(std::string_view mime, std::string_view data) {
  const bool is_text =
      mime.starts_with("text/") || mime == "image/svg+xml" || mime == "application/javascript";
  if (mime == "application/json" || mime.ends_with("+json")) {
    display(Bundle(mime, Json::parse(data)));
  } else {
    display(Bundle(mime, is_text ? Json(data) : Json::bytes(data)));
  }
}
TRIREME_CELL_INLINE void html(std::string_view text) { display("text/html", text); }
TRIREME_CELL_INLINE void markdown(std::string_view text) { display("text/markdown", text); }
TRIREME_CELL_INLINE void png(std::string_view bytes) { display("image/png", bytes); }
TRIREME_CELL_INLINE void clear_output(bool wait = false) { trireme_clear_output(wait ? 1 : 0); }

/// Asks whoever sent the cell for one line. std::cin asks, too.
TRIREME_CELL_INLINE std::string input(std::string_view prompt = {}, bool is_password = false) {
  std::cout.flush();
  std::string line;
  if (!trireme_input(prompt.data(), prompt.size(), is_password ? 1 : 0, &take_text, &line)) {
    throw std::runtime_error(line);
  }
  return line;
}

/// Whether the cell was interrupted: for long loops that want to tidy up.
TRIREME_CELL_INLINE bool stop_requested() { return trireme_stop_requested() != 0; }
TRIREME_CELL_INLINE int engine_id() { return trireme_engine_id(); }

/// The named values of the engine: what clients push and pull.
class NameSpace {
 public:
  /// One name: converts to what is there, takes what is assigned.
  class Entry {
   public:
    explicit Entry(std::string_view name) : name_(name) {}
    template <class T>
    Entry& operator=(const T& value) {
      const Json json(value);
      trireme_ns_set(name_.data(), name_.size(), json.get());
      return *this;
    }
    Entry& operator=(const Entry& other) { return *this = other.json(); }
    Json json() const {
      trireme_value* found = trireme_ns_get(name_.data(), name_.size());
      if (found == nullptr) throw NameError("the engine has no name '" + name_ + "'");
      return Json::adopt(found);
    }
    template <class T>
    T as() const {
      return json().as<T>();
    }
    template <class T>
    requires(Owning<T>) operator T() const {  // NOLINT: implicit
      return as<T>();
    }

   private:
    std::string name_;
  };

  Entry operator[](std::string_view name) const { return Entry(name); }
  bool contains(std::string_view name) const {
    trireme_value* found = trireme_ns_get(name.data(), name.size());
    if (found != nullptr) trireme_free(found);
    return found != nullptr;
  }
  bool erase(std::string_view name) const {
    return trireme_ns_erase(name.data(), name.size()) != 0;
  }
  std::vector<std::string> names() const {
    return Json::adopt(trireme_ns_names()).as<std::vector<std::string>>();
  }
};
inline constexpr NameSpace ns{};

template <>
struct Convert<NameSpace::Entry> {
  static constexpr bool kKnown = true;
  static void put(trireme_value* to, const NameSpace::Entry& entry) {
    trireme_assign(to, entry.json().get());
  }
};

/// Types of users can have representations of their own: `trireme::Bundle mime_bundle(const T&)`,
/// found beside the type.
template <class T>
concept HasBundle = requires(const T& value) {
  Bundle(mime_bundle(value));
};

TRIREME_CELL_INLINE void show_bundle(const Bundle& bundle) { trireme_result(bundle.data.get()); }
TRIREME_CELL_INLINE void show_text(const std::string& text) {
  show_bundle(Bundle("text/plain", text));
}
TRIREME_CELL_INLINE void show_json(const Json& value) {
  Bundle bundle("text/plain", value.dump(true));
  const int kind = trireme_kind(value.get());
  if (kind == TRIREME_LIST || kind == TRIREME_DICT) bundle.add("application/json", value);
  show_bundle(bundle);
}

template <class T>
void show_any(const T& value) {
  if constexpr (std::is_same_v<T, Bundle>) {
    show_bundle(value);
  } else if constexpr (std::is_same_v<T, NameSpace::Entry>) {
    show_json(value.json());
  } else if constexpr (std::is_same_v<T, Json>) {
    show_json(value);
  } else if constexpr (std::is_function_v<T>) {
    show_text(std::string(type_name<T>()));
  } else {
    std::string text;
    print(text, value);
    if constexpr (HasBundle<T>) {
      Bundle bundle = mime_bundle(value);
      if (!bundle.data.contains("text/plain")) bundle.add("text/plain", text);
      show_bundle(bundle);
    } else {
      show_text(text);
    }
  }
}
template <class T>
void show_value(const T& value) {
  show_any(value);
}

/// The last expression of a cell stands right of a comma with one of these: void ones show nothing.
struct Show {};
template <class T>
void operator,(Show, T&& value) {
  using Type = std::remove_cvref_t<T>;
  if constexpr (!std::is_same_v<Type, std::ostream> && !std::is_base_of_v<std::ostream, Type>) {
    show_value<Type>(value);
  }
}

/// The types of a call's arguments as a function takes them.
template <class... P>
struct Parameters {
  static constexpr std::size_t kCount = sizeof...(P);
  template <class F>
  static void call(F&& function, const trireme_value* args, trireme_value* result) {
    using Result = std::invoke_result_t<F, P...>;
    if (trireme_count(args) != kCount) {
      throw TypeError("the function takes " + std::to_string(kCount) + " arguments, not " +
                      std::to_string(trireme_count(args)));
    }
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::tuple<std::remove_cvref_t<P>...> held{
          cell::take<std::remove_cvref_t<P>>(trireme_item(args, I))...};
      if constexpr (std::is_void_v<Result>) {
        function(static_cast<P>(std::get<I>(held))...);
        trireme_set_null(result);
      } else {
        cell::put(result, function(static_cast<P>(std::get<I>(held))...));
      }
    }
    (std::make_index_sequence<kCount>());
  }
};

/// Calls a function, or a lambda that is not generic, with what came for it.
template <class R, class... P>
void call(R (*function)(P...), const trireme_value* args, trireme_value* result) {
  Parameters<P...>::call(function, args, result);
}
template <class F, class R, class... P>
void call_member(F& function, R (F::*)(P...) const, const trireme_value* args,
                 trireme_value* result) {
  Parameters<P...>::call(function, args, result);
}
template <class F, class R, class... P>
void call_member(F& function, R (F::*)(P...), const trireme_value* args, trireme_value* result) {
  Parameters<P...>::call(function, args, result);
}
template <class F>
requires requires { &std::remove_cvref_t<F>::operator(); }
void call(F& function, const trireme_value* args, trireme_value* result) {
  call_member(function, &std::remove_cvref_t<F>::operator(), args, result);
}

/// A variable as a value; 0 when its type has none.
template <class T>
int put_variable(const T& variable, trireme_value* to) {
  if constexpr (Convertible<T>) {
    put(to, variable);
    return 1;
  } else {
    return 0;
  }
}

#ifdef TRIREME_CELL
// What most cells show is compiled once and for all.
#define TRIREME_SHOWN(...)                                 \
  template <>                                              \
  void show_value<__VA_ARGS__>(const __VA_ARGS__& value) { \
    show_any(value);                                       \
  }
TRIREME_SHOWN(bool)
TRIREME_SHOWN(char)
TRIREME_SHOWN(int)
TRIREME_SHOWN(long)
TRIREME_SHOWN(unsigned)
TRIREME_SHOWN(unsigned long)
TRIREME_SHOWN(float)
TRIREME_SHOWN(double)
TRIREME_SHOWN(std::string)
TRIREME_SHOWN(std::string_view)
TRIREME_SHOWN(std::vector<int>)
TRIREME_SHOWN(std::vector<double>)
TRIREME_SHOWN(std::vector<std::string>)
TRIREME_SHOWN(Json)
#undef TRIREME_SHOWN
#endif

}  // namespace trireme::cell

namespace trireme {
using cell::Bundle;
using cell::clear_output;
using cell::display;
using cell::engine_id;
using cell::html;
using cell::input;
using cell::Json;
using cell::markdown;
using cell::ns;
using cell::png;
using cell::stop_requested;
}  // namespace trireme

using trireme::ns;
