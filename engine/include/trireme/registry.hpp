// Where native functions get their names: typed functions, or ones that take the call as it came.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <trireme/task.hpp>
#include <trireme/task_context.hpp>
#include <trireme/value_traits.hpp>

namespace trireme {

/// One call as it came: the arguments, not yet converted.
struct Call {
  TaskContext& context;
  std::string_view name;  // the function's
  List args;
  Dict kwargs;
};

/// What every registered function becomes. May run on several threads at once when the engine was
/// started with more than one.
using NativeFunction = std::function<Value(Call&)>;

namespace detail {

/// The parameter types of a function, function pointer, or object with one operator().
template <class F>
struct ParametersOf : ParametersOf<decltype(&F::operator())> {};
template <class R, class... P>
struct ParametersOf<R (*)(P...)> {
  using Result = R;
  using Tuple = std::tuple<P...>;
};
template <class R, class... P>
struct ParametersOf<R (*)(P...) noexcept> : ParametersOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct ParametersOf<R (C::*)(P...)> : ParametersOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct ParametersOf<R (C::*)(P...) const> : ParametersOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct ParametersOf<R (C::*)(P...) noexcept> : ParametersOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct ParametersOf<R (C::*)(P...) const noexcept> : ParametersOf<R (*)(P...)> {};

template <class Tuple>
struct WithoutContext {
  static constexpr bool kTakesContext = false;
  using Rest = Tuple;
};
template <class... P>
struct WithoutContext<std::tuple<TaskContext&, P...>> {
  static constexpr bool kTakesContext = true;
  using Rest = std::tuple<P...>;
};

template <class F>
concept TakesCall = std::same_as<typename ParametersOf<F>::Tuple, std::tuple<Call&>>;

template <class F, class Invoke>
Value result_of(Invoke&& invoke) {
  if constexpr (std::is_void_v<typename ParametersOf<F>::Result>) {
    invoke();
    return Value();
  } else {
    return to_value(invoke());
  }
}

template <class F, class... P>
NativeFunction typed_function(F function, std::tuple<P...>*) {
  return [function = std::move(function)](Call& call) -> Value {
    if (!call.kwargs.empty()) {
      throw TypeError("task '" + std::string(call.name) + "' takes no keyword arguments; it got '" +
                      call.kwargs.begin()->first + "'");
    }
    auto arguments = decode_arguments<std::remove_cvref_t<P>...>(call.name, call.args);
    return std::apply(
        [&](auto&... argument) {
          return result_of<F>([&]() -> decltype(auto) {
            if constexpr (WithoutContext<typename ParametersOf<F>::Tuple>::kTakesContext) {
              return function(call.context, std::forward<std::remove_cvref_t<P>>(argument)...);
            } else {
              return function(std::forward<std::remove_cvref_t<P>>(argument)...);
            }
          });
        },
        arguments);
  };
}

/// Whether a function that takes `Given...` can be called with what a task declares.
template <class Rest, class DeclaredTuple>
struct Accepts : std::false_type {};
template <class... P, class... Declared>
requires(sizeof...(P) ==
         sizeof...(Declared)) struct Accepts<std::tuple<P...>, std::tuple<Declared...>>
    : std::bool_constant<(std::convertible_to<Declared, P> && ...)> {
};

}  // namespace detail

/// The functions of an engine by name.
class Registry {
 public:
  virtual ~Registry() = default;

  /// std::invalid_argument when the name is empty or taken.
  virtual void add_function(std::string name, NativeFunction function) = 0;

  /// Under the task's name and with its types. `function` takes what the task declares (or
  /// something it converts to, such as a span for a vector: then nothing is copied), optionally
  /// after a TaskContext&.
  template <class R, class... Args, class F>
  void add(const Task<R(Args...)>& task, F function) {
    using Parameters = detail::ParametersOf<std::decay_t<F>>;
    using Rest = typename detail::WithoutContext<typename Parameters::Tuple>::Rest;
    static_assert(detail::Accepts<Rest, std::tuple<std::remove_cvref_t<Args>...>>::value,
                  "the function's parameters do not fit the declaration of the task");
    static_assert(std::is_void_v<R> || std::convertible_to<typename Parameters::Result, R>,
                  "the function's result does not fit the declaration of the task");
    if constexpr (std::is_void_v<R>) {
      add(task.name(), std::move(function));
    } else {
      auto converted = detail::typed_function(convert_result<R>(std::move(function)),
                                              static_cast<Rest*>(nullptr));
      add_function(std::string(task.name()), std::move(converted));
    }
  }

  /// Under a name: a function of convertible types, optionally after a TaskContext&; or one that
  /// takes a Call& and returns something convertible.
  template <class F>
  void add(std::string_view name, F function) {
    using Function = std::decay_t<F>;
    if constexpr (detail::TakesCall<Function>) {
      add_function(std::string(name), [function = std::move(function)](Call& call) -> Value {
        return detail::result_of<Function>([&]() -> decltype(auto) { return function(call); });
      });
    } else {
      using Rest =
          typename detail::WithoutContext<typename detail::ParametersOf<Function>::Tuple>::Rest;
      add_function(std::string(name),
                   detail::typed_function(std::move(function), static_cast<Rest*>(nullptr)));
    }
  }

 private:
  /// The same function with its result as the task declares it.
  template <class R, class F>
  static auto convert_result(F function) {
    return convert_result_of<R>(
        std::move(function),
        static_cast<typename detail::ParametersOf<std::decay_t<F>>::Tuple*>(nullptr));
  }
  template <class R, class F, class... P>
  static auto convert_result_of(F function, std::tuple<P...>*) {
    return [function = std::move(function)](P... parameters) -> R {
      return static_cast<R>(function(std::forward<P>(parameters)...));
    };
  }
};

}  // namespace trireme
