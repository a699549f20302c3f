// Makes a struct of yours travel as a dict of its fields: TRIREME_FIELDS(Stats, lines, words).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <trireme/value_traits.hpp>

namespace trireme {

/// One field of a struct: its name on the wire and where it is.
template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};

/// A struct that TRIREME_FIELDS names.
template <class T>
concept HasFields = requires {
  trireme_fields(static_cast<const T*>(nullptr));
};

/// As a dict. Reading wants every field, except optional ones; further keys are ignored, so that
/// fields can be added later.
template <HasFields T>
struct ValueTraits<T> {
  static Value to(T thing) {
    Dict dict;
    std::apply(
        [&](const auto&... field) {
          (dict.emplace(field.name, to_value(std::move(thing.*field.member))), ...);
        },
        trireme_fields(static_cast<const T*>(nullptr)));
    return dict;
  }

  static T from(const Value& value) {
    value.as_dict();  // TypeError for anything else
    T thing{};
    std::apply([&](const auto&... field) { (read(value, field, thing), ...); },
               trireme_fields(static_cast<const T*>(nullptr)));
    return thing;
  }

 private:
  template <class Member>
  static void read(const Value& value, const Field<T, Member>& field, T& thing) {
    const Value* item = value.find(field.name);
    if (item == nullptr) {
      if constexpr (requires { thing.*field.member = std::nullopt; }) {
        return;
      } else {
        throw TypeError("field '" + std::string(field.name) + "' is missing");
      }
    }
    thing.*field.member = detail::at_place("field '" + std::string(field.name) + "'",
                                           [&] { return from_value<Member>(*item); });
  }
};

}  // namespace trireme

// Recursive expansion; 27 levels deep.
#define TRIREME_FIELDS_PARENS ()
#define TRIREME_FIELDS_EXPAND(...) \
  TRIREME_FIELDS_EXPAND1(TRIREME_FIELDS_EXPAND1(TRIREME_FIELDS_EXPAND1(__VA_ARGS__)))
#define TRIREME_FIELDS_EXPAND1(...) \
  TRIREME_FIELDS_EXPAND2(TRIREME_FIELDS_EXPAND2(TRIREME_FIELDS_EXPAND2(__VA_ARGS__)))
#define TRIREME_FIELDS_EXPAND2(...) \
  TRIREME_FIELDS_EXPAND3(TRIREME_FIELDS_EXPAND3(TRIREME_FIELDS_EXPAND3(__VA_ARGS__)))
#define TRIREME_FIELDS_EXPAND3(...) __VA_ARGS__
#define TRIREME_FIELDS_EACH(Type, field, ...)                                     \
  ::trireme::Field<Type, decltype(Type::field)>{#field, &Type::field} __VA_OPT__( \
      , TRIREME_FIELDS_AGAIN TRIREME_FIELDS_PARENS(Type, __VA_ARGS__))
#define TRIREME_FIELDS_AGAIN() TRIREME_FIELDS_EACH

/// Put it after the struct, in the struct's own namespace; up to 25 fields.
#define TRIREME_FIELDS(Type, ...)                                                     \
  [[maybe_unused]] constexpr auto trireme_fields(const Type*) {                       \
    return std::tuple{TRIREME_FIELDS_EXPAND(TRIREME_FIELDS_EACH(Type, __VA_ARGS__))}; \
  }                                                                                   \
  static_assert(true, "a semicolon may follow")
