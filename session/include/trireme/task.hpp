// A task is a named function: one declaration, shared by the plug-in that offers it and the
// program that calls it, makes the call checked by the compiler.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <trireme/value_traits.hpp>

namespace trireme {

template <class Signature>
class Task;

/// Declares a task in a header that both sides include:
///   inline constexpr trireme::Task<double(std::vector<double>)> norm{"mytasks.norm"};
/// The name is what travels. Argument and result types need ValueTraits; results must own their
/// data (no span, no string_view).
template <class R, class... Args>
class Task<R(Args...)> {
 public:
  using Result = R;
  using Arguments = std::tuple<std::remove_cvref_t<Args>...>;
  static constexpr std::size_t kArity = sizeof...(Args);

  constexpr explicit Task(std::string_view name) : name_(name) {
    if (name.empty()) throw std::invalid_argument("a task needs a name");
  }
  constexpr std::string_view name() const noexcept { return name_; }

 private:
  std::string_view name_;
};

/// Whether `Given` may be passed where the task declares `Declared`.
template <class Given, class Declared>
concept ArgumentFor = std::convertible_to<Given, Declared> && ConvertibleToValue<Declared>;

/// One argument of a call, as the declared type says. Rvalues of that type are not copied.
template <class Declared, class Given>
requires ArgumentFor<Given, Declared> Value encode_argument(Given&& given) {
  if constexpr (std::same_as<std::remove_cvref_t<Given>, Declared>) {
    return to_value(std::forward<Given>(given));
  } else {
    return to_value(static_cast<Declared>(std::forward<Given>(given)));
  }
}

/// The positional arguments of a typed call.
template <class R, class... Args, class... Given>
requires(sizeof...(Args) == sizeof...(Given) &&
         (ArgumentFor<Given, std::remove_cvref_t<Args>> && ...)) List
    encode_arguments(const Task<R(Args...)>&, Given&&... given) {
  List list;
  list.reserve(sizeof...(Given));
  (list.push_back(encode_argument<std::remove_cvref_t<Args>>(std::forward<Given>(given))), ...);
  return list;
}

/// The other side: the arguments as the declaration types them. TypeError naming the task and the
/// argument when the count or a type is wrong. Views in the result point into `arguments`.
template <class... Args>
std::tuple<Args...> decode_arguments(std::string_view task, const List& arguments) {
  if (arguments.size() != sizeof...(Args)) {
    throw TypeError("task '" + std::string(task) + "' takes " + std::to_string(sizeof...(Args)) +
                    " arguments, but the call has " + std::to_string(arguments.size()));
  }
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::tuple<Args...>{detail::at_place(
        "argument " + std::to_string(I + 1) + " of task '" + std::string(task) + "'",
        [&] { return from_value<Args>(arguments[I]); })...};
  }
  (std::index_sequence_for<Args...>{});
}

}  // namespace trireme
