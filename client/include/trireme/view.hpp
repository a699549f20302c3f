// Views: which engines a call goes to, and how.
//
// A function named "python:..." is one of Python's, for engines of ipyparallel (docs/python.md):
// "python:numpy.linalg.norm" is imported, "python:f" is looked up in the engine's namespace.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <trireme/async_result.hpp>
#include <trireme/dependency.hpp>
#include <trireme/lazy_map.hpp>
#include <trireme/task.hpp>
#include <trireme/value_traits.hpp>

namespace trireme {

class ClientState;
struct CallRequest;

/// Engines by id, or all there are at the time of each call.
class Targets {
 public:
  Targets() = default;  // all
  static Targets all() { return {}; }
  Targets(int id) : ids_{{id}} {}                          // NOLINT: implicit
  Targets(std::vector<int> ids) : ids_(std::move(ids)) {}  // NOLINT: implicit
  Targets(std::initializer_list<int> ids) : ids_(ids) {}   // NOLINT: implicit

  bool is_all() const noexcept { return !ids_.has_value(); }
  const std::vector<int>& ids() const { return *ids_; }

 private:
  std::optional<std::vector<int>> ids_;
};

/// How a load-balanced map spreads its entries.
struct MapOptions {
  /// Entries per task: more of them cost less each, fewer spread more evenly.
  std::size_t chunk_size = 1;
};

/// One List of arguments per entry of the ranges, up to the end of the shortest.
template <class R, class... Args, std::ranges::input_range... Ranges>
List zip_arguments(const Task<R(Args...)>& task, const Ranges&... ranges) {
  List lists;
  [&](auto... at) {
    while (((at.first != at.second) && ...)) {
      lists.push_back(encode_arguments(task, *at.first...));
      (++at.first, ...);
    }
  }(std::pair(std::ranges::begin(ranges), std::ranges::end(ranges))...);
  return lists;
}

/// One engine. Views are cheap handles; every function may be called from any thread. Calls throw
/// NoSuchEngine when the engine is not there, ConnectionError when the client was closed, TypeError
/// when an argument cannot travel.
class EngineView {
 public:
  int id() const noexcept { return id_; }

  template <class R, class... Args, class... Given>
  AsyncResult<R> apply(const Task<R(Args...)>& task, Given&&... given) const {
    return AsyncResult<R>(
        call(task.name(), encode_arguments(task, std::forward<Given>(given)...), {}));
  }
  /// By name; the result is whatever the function gives.
  AsyncResult<Value> apply(std::string_view function, List args = {}, Dict kwargs = {}) const;
  template <class R, class... Args, class... Given>
  R apply_sync(const Task<R(Args...)>& task, Given&&... given) const {
    return apply(task, std::forward<Given>(given)...).get();
  }

  /// Runs code in the engine's own language. `silent` code gives no output and no count.
  AsyncResult<ExecuteResult> execute(std::string_view code, bool silent = false) const;
  /// Asks what could stand before the character number `cursor` of a cell. Waits for its turn like
  /// a task.
  AsyncResult<CodeCompletions> complete(std::string_view code, std::size_t cursor) const;

  /// Names in the engine's namespace; a Python engine pulls any expression.
  AsyncResult<void> push(const Dict& items) const;
  template <class T = Value>
  AsyncResult<T> pull(std::string_view name) const {
    return AsyncResult<T>(pull_one(name));
  }
  AsyncResult<std::vector<std::string>> keys() const;
  /// Empties the namespace.
  AsyncResult<void> clear() const;

 private:
  friend class Client;
  EngineView(std::shared_ptr<ClientState> state, int id) : state_(std::move(state)), id_(id) {}
  AsyncCall call(std::string_view function, List args, Dict kwargs) const;
  AsyncCall pull_one(std::string_view name) const;

  std::shared_ptr<ClientState> state_;
  int id_;
};

/// Several engines: every call runs on each of them.
class GroupView {
 public:
  const Targets& targets() const noexcept { return targets_; }

  /// One result per engine, in the order of the targets.
  template <class R, class... Args, class... Given>
  AsyncResults<R> apply(const Task<R(Args...)>& task, Given&&... given) const {
    return AsyncResults<R>(
        call(task.name(), encode_arguments(task, std::forward<Given>(given)...), {}));
  }
  AsyncResults<Value> apply(std::string_view function, List args = {}, Dict kwargs = {}) const;
  template <class R, class... Args, class... Given>
  auto apply_sync(const Task<R(Args...)>& task, Given&&... given) const {
    return apply(task, std::forward<Given>(given)...).get();
  }

  AsyncResults<ExecuteResult> execute(std::string_view code, bool silent = false) const;
  AsyncResults<void> push(const Dict& items) const;
  template <class T = Value>
  AsyncResults<T> pull(std::string_view name) const {
    return AsyncResults<T>(pull_one(name));
  }
  AsyncResults<std::vector<std::string>> keys() const;

 protected:
  /// How the messages travel: one per engine, or one that the controller multiplies.
  enum class Route { kDirect, kBroadcast, kCoalescing };
  GroupView(std::shared_ptr<ClientState> state, Targets targets, Route route)
      : state_(std::move(state)), targets_(std::move(targets)), route_(route) {}

  AsyncCall call(std::string_view function, List args, Dict kwargs) const;
  AsyncCall pull_one(std::string_view name) const;
  AsyncCall send(CallRequest request) const;

  std::shared_ptr<ClientState> state_;
  Targets targets_;
  Route route_;
};

/// Several engines, each addressed by a message of its own.
class DirectView : public GroupView {
 public:
  /// Entries of the ranges, zipped, as the task's arguments; each engine gets a contiguous part.
  template <class R, class... Args, std::ranges::input_range... Ranges>
  requires(sizeof...(Args) == sizeof...(Ranges)) AsyncResults<R> map(const Task<R(Args...)>& task,
                                                                     const Ranges&... ranges)
  const { return map_list(task, zip_arguments(task, ranges...)); }
  template <class R, class... Args>
  AsyncResults<R> map_list(const Task<R(Args...)>& task, List argument_lists) const {
    return AsyncResults<R>(map_calls(task.name(), std::move(argument_lists)),
                           AsyncResults<R>::Layout::kListPerTask);
  }

  /// Each engine gets one contiguous part of the list or array under `name`; sizes differ by at
  /// most one, the first parts are the longer ones.
  AsyncResults<void> scatter(std::string_view name, const Value& sequence) const;
  template <class T>
  AsyncResults<void> scatter(std::string_view name, std::vector<T> items) const {
    return scatter(name, to_value(std::move(items)));
  }
  /// The engines' lists or arrays under `name`, joined.
  template <class T>
  AsyncResults<T> gather(std::string_view name) const {
    return AsyncResults<T>(pull_one(name), AsyncResults<T>::Layout::kListPerTask);
  }
  /// Empties the namespaces.
  AsyncResults<void> clear() const;

 private:
  friend class Client;
  using GroupView::GroupView;
  AsyncCall map_calls(std::string_view function, List argument_lists) const;
};

/// Several engines, reached by one message that the controller multiplies. Coalescing views get
/// one reply for all, which is cheaper when results are small; a failing engine then hides the
/// results of the others.
class BroadcastView : public GroupView {
 private:
  friend class Client;
  using GroupView::GroupView;
};

/// What a load-balanced task asks of the scheduler.
struct TaskOptions {
  TaskDependency after;                     // run only after these
  TaskDependency follow;                    // run only where these ran
  int retries = 0;                          // further attempts after a failure
  std::chrono::duration<double> timeout{};  // give up when not started by then; 0: never
  std::vector<int> targets;                 // run only on one of these; empty: anywhere
  std::string label;                        // stored with the task
};

/// The scheduler picks an engine for every task.
class LoadBalancedView {
 public:
  /// Changed copies, to be chained: view.after(first).retries(2).apply(...).
  LoadBalancedView with(TaskOptions options) const;
  LoadBalancedView after(TaskDependency dependency) const;
  LoadBalancedView follow(TaskDependency dependency) const;
  LoadBalancedView retries(int count) const;
  LoadBalancedView timeout(std::chrono::duration<double> limit) const;
  LoadBalancedView targets(std::vector<int> ids) const;
  LoadBalancedView label(std::string text) const;
  const TaskOptions& options() const noexcept { return options_; }

  template <class R, class... Args, class... Given>
  AsyncResult<R> apply(const Task<R(Args...)>& task, Given&&... given) const {
    return AsyncResult<R>(
        call(task.name(), encode_arguments(task, std::forward<Given>(given)...), {}));
  }
  AsyncResult<Value> apply(std::string_view function, List args = {}, Dict kwargs = {}) const;
  template <class R, class... Args, class... Given>
  R apply_sync(const Task<R(Args...)>& task, Given&&... given) const {
    return apply(task, std::forward<Given>(given)...).get();
  }

  /// Runs code in the language of whichever engine gets it.
  AsyncResult<ExecuteResult> execute(std::string_view code, bool silent = false) const;

  /// Entries of the ranges, zipped, as the task's arguments.
  template <class R, class... Args, std::ranges::input_range... Ranges>
  requires(sizeof...(Args) == sizeof...(Ranges)) AsyncResults<R> map(const Task<R(Args...)>& task,
                                                                     const Ranges&... ranges)
  const { return map_list(task, zip_arguments(task, ranges...)); }
  template <class R, class... Args, std::ranges::input_range... Ranges>
  requires(sizeof...(Args) == sizeof...(Ranges)) AsyncResults<R> map(MapOptions options,
                                                                     const Task<R(Args...)>& task,
                                                                     const Ranges&... ranges)
  const { return map_list(task, zip_arguments(task, ranges...), options); }
  /// `argument_lists` holds one List of arguments per entry.
  template <class R, class... Args>
  AsyncResults<R> map_list(const Task<R(Args...)>& task, List argument_lists,
                           MapOptions options = {}) const {
    const auto layout = options.chunk_size > 1 ? AsyncResults<R>::Layout::kListPerTask
                                               : AsyncResults<R>::Layout::kOnePerTask;
    return AsyncResults<R>(map_calls(task.name(), std::move(argument_lists), options), layout);
  }
  AsyncResults<Value> map_list(std::string_view function, List argument_lists,
                               MapOptions options = {}) const;

  /// Over any input, also an endless one: tasks are made as their results are read. `inputs` is
  /// called for the next List of arguments until it gives none, always by the reading thread.
  template <class R, class... Args>
  LazyMap<R> imap(const Task<R(Args...)>& task, std::function<std::optional<List>()> inputs,
                  LazyMapOptions options = {}) const {
    return LazyMap<R>(lazy_map(task.name(), std::move(inputs), options));
  }
  /// Over a range, which must outlive the map.
  template <class R, class Arg, std::ranges::input_range Range>
  LazyMap<R> imap(const Task<R(Arg)>& task, Range& range, LazyMapOptions options = {}) const {
    auto next = [at = std::ranges::begin(range), &range, task]() mutable -> std::optional<List> {
      if (at == std::ranges::end(range)) return std::nullopt;
      List arguments = encode_arguments(task, *at);
      ++at;
      return arguments;
    };
    return imap(task, std::function<std::optional<List>()>(std::move(next)), options);
  }

 private:
  friend class Client;
  explicit LoadBalancedView(std::shared_ptr<ClientState> state) : state_(std::move(state)) {}
  AsyncCall call(std::string_view function, List args, Dict kwargs) const;
  AsyncCall map_calls(std::string_view function, List argument_lists, MapOptions options) const;
  LazyMapCore lazy_map(std::string_view function, std::function<std::optional<List>()> inputs,
                       LazyMapOptions options) const;

  std::shared_ptr<ClientState> state_;
  TaskOptions options_;
};

}  // namespace trireme
