// What a call gives back at once: the tasks it made, and their results when they are there.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <trireme/errors.hpp>
#include <trireme/fields.hpp>
#include <trireme/value.hpp>
#include <trireme/value_traits.hpp>

namespace trireme {

class CallState;

/// Where a task of a call stands.
enum class TaskStatus { kPending, kOk, kError, kAborted };

/// What became of a task that was given up.
enum class CancelOutcome {
  kCancelled,  // it ends with TaskAborted
  kFinished,   // it had ended before, well or badly
  kGoesOn,     // it runs and did not stop within the limit; it may still end either way
};

/// What is known of one task of a call. Times are those of the machines that set them.
struct TaskInfo {
  using Time = std::chrono::system_clock::time_point;

  std::string msg_id;
  TaskStatus status = TaskStatus::kPending;
  int engine_id = -1;       // -1 until known
  std::string engine_uuid;  // empty until known
  Time submitted;
  std::optional<Time> started;    // by the engine
  std::optional<Time> completed;  // by the engine
  std::optional<Time> received;   // by this client
  std::string stdout_text;        // what it printed so far
  std::string stderr_text;
  /// False when a piece of the texts above is known to be lost, as happens while a controller is
  /// away. Pieces from Python engines are not numbered: theirs are taken to be whole.
  bool output_whole = true;
  std::optional<RemoteFailure> failure;
};

/// How far a call has come. Items are the entries of a map, else tasks.
struct CallProgress {
  std::size_t done = 0;
  std::size_t total = 0;
};

/// What running a piece of code gave.
struct ExecuteResult {
  std::int64_t execution_count = 0;
  Dict data;                    // of the last expression by MIME type; empty without one
  std::vector<Value> displays;  // contents of display_data messages
  std::string stdout_text;
  std::string stderr_text;

  /// `data["text/plain"]`, or "".
  std::string text() const;
};
TRIREME_FIELDS(ExecuteResult, execution_count, data, displays, stdout_text, stderr_text);

/// What could stand at a place in a cell: each of `matches` in place of the characters from
/// `cursor_start` to `cursor_end`. Characters are Unicode's, whatever bytes they take.
struct CodeCompletions {
  std::vector<std::string> matches;
  std::int64_t cursor_start = 0;
  std::int64_t cursor_end = 0;
};
TRIREME_FIELDS(CodeCompletions, matches, cursor_start, cursor_end);

/// The tasks of one call, whatever their results. A cheap handle: copies share the call, and it may
/// outlive the client (whose end fails what is still pending with ConnectionError). Every function
/// may be called from any thread; the waiting ones not from an on_ready callback.
class AsyncCall {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Empty; only valid() may be asked.
  AsyncCall() = default;

  bool valid() const noexcept { return state_ != nullptr; }
  /// Every task has ended, one way or another.
  bool ready() const;
  /// Ready, and nothing failed.
  bool successful() const;
  void wait() const;
  /// False when `limit` passed first.
  bool wait_for(Duration limit) const;
  /// Also until everything the tasks printed is here. Results may be there earlier.
  bool wait_for_output(Duration limit = std::chrono::hours(24 * 365)) const;

  /// Gives up what has not ended: tasks that wait, anywhere, end with TaskAborted, and engines of
  /// ours stop a running one that lets itself be stopped. Returns at once.
  void abort() const;
  /// The same, and waits until every task has ended, but at most `limit`: what became of each.
  std::vector<CancelOutcome> cancel(Duration limit = std::chrono::seconds(30)) const;

  /// The tasks, in the order of the call.
  std::size_t size() const;
  const std::vector<std::string>& msg_ids() const;
  TaskInfo task(std::size_t index) const;
  std::vector<TaskInfo> tasks() const;
  CallProgress progress() const;
  /// From the submission to the last result (so far: to now).
  Duration elapsed() const;

  /// Standard output of all tasks, in their order. Waits until it is complete.
  std::string stdout_text() const;
  std::string stderr_text() const;

  /// Calls `callback` once when ready (now, if it is): on the client's own thread, so it must be
  /// short and must not wait.
  void on_ready(std::function<void()> callback) const;

 protected:
  explicit AsyncCall(std::shared_ptr<CallState> state) : state_(std::move(state)) {}

  /// The result of one task, waiting for it at most `limit`. Throws what became of it, or
  /// TimeoutError.
  Value value(std::size_t index, std::optional<Duration> limit = std::nullopt) const;
  /// All results; throws the failure, or CompositeError when several tasks failed.
  std::vector<Value> values(std::optional<Duration> limit) const;
  /// The task that ended as number `rank` (from 0), waiting for it.
  std::size_t finished_at(std::size_t rank) const;

 private:
  friend class CallAccess;
  std::shared_ptr<CallState> state_;
};

/// The result of one task.
template <class R>
class AsyncResult : public AsyncCall {
 public:
  AsyncResult() = default;
  explicit AsyncResult(AsyncCall call) : AsyncCall(std::move(call)) {}

  /// Waits; throws RemoteError or one of its kin when the task failed, TypeError when the result
  /// is no R, ConnectionError when the client was closed.
  R get() const { return from_value<R>(value(0)); }
  /// Waits at most `limit`, then throws TimeoutError.
  R get(Duration limit) const { return from_value<R>(value(0, limit)); }
};

/// The results of a call with several tasks: one per engine, or the entries of a map. Iterating
/// gives them in order, each as soon as it is there.
template <class R>
class AsyncResults : public AsyncCall {
 public:
  /// How entries lie in the results of tasks.
  enum class Layout {
    kOnePerTask,   // each task's result is an entry
    kListPerTask,  // each task's result is a list of entries
  };
  using All = std::conditional_t<std::is_void_v<R>, void, std::vector<R>>;

  AsyncResults() = default;
  explicit AsyncResults(AsyncCall call, Layout layout = Layout::kOnePerTask)
      : AsyncCall(std::move(call)), layout_(layout) {}

  /// All entries, in order. Waits; throws the failure, or CompositeError when several tasks failed.
  All get() const { return collect(values(std::nullopt)); }
  /// Waits at most `limit`, then throws TimeoutError.
  All get(Duration limit) const { return collect(values(limit)); }

  class Iterator;
  class Range;
  /// Entries in order, each as soon as it is there; the increment throws what became of a task
  /// that failed.
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  /// Entries in the order in which their tasks end.
  Range as_completed() const;

 private:
  All collect(const std::vector<Value>& values) const {
    if constexpr (!std::is_void_v<R>) {
      All all;
      for (const Value& value : values) append(value, all);
      return all;
    }
  }
  template <class Entries>
  void append(const Value& value, Entries& entries) const {
    if (layout_ == Layout::kOnePerTask) {
      entries.push_back(from_value<R>(value));
      return;
    }
    for (R& entry : from_value<std::vector<R>>(value)) entries.push_back(std::move(entry));
  }

  Layout layout_ = Layout::kOnePerTask;
};

/// An input iterator over the entries of AsyncResults.
template <class R>
class AsyncResults<R>::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = R;
  using difference_type = std::ptrdiff_t;

  enum class Order { kOfTheCall, kAsCompleted };

  Iterator() = default;
  Iterator(AsyncResults results, Order order) : results_(std::move(results)), order_(order) {
    fill();
  }

  const R& operator*() const { return entries_[at_]; }
  const R* operator->() const { return &entries_[at_]; }
  Iterator& operator++() {
    ++at_;
    fill();
    return *this;
  }
  void operator++(int) { ++*this; }
  /// The task the current entry comes from.
  std::size_t task_index() const { return task_; }
  friend bool operator==(const Iterator& iterator, std::default_sentinel_t) {
    return iterator.at_ >= iterator.entries_.size();
  }

 private:
  void fill() {
    while (at_ >= entries_.size() && next_rank_ < results_.size()) {
      const std::size_t rank = next_rank_++;
      task_ = order_ == Order::kOfTheCall ? rank : results_.finished_at(rank);
      entries_.clear();
      at_ = 0;
      results_.append(results_.value(task_), entries_);
    }
  }

  AsyncResults results_;
  Order order_ = Order::kOfTheCall;
  std::size_t next_rank_ = 0;
  std::size_t task_ = 0;
  std::size_t at_ = 0;
  std::vector<R> entries_;
};

template <class R>
class AsyncResults<R>::Range {
 public:
  explicit Range(AsyncResults results) : results_(std::move(results)) {}
  Iterator begin() const { return Iterator(results_, Iterator::Order::kAsCompleted); }
  std::default_sentinel_t end() const { return {}; }

 private:
  AsyncResults results_;
};

template <class R>
typename AsyncResults<R>::Iterator AsyncResults<R>::begin() const {
  return Iterator(*this, Iterator::Order::kOfTheCall);
}
template <class R>
typename AsyncResults<R>::Range AsyncResults<R>::as_completed() const {
  return Range(*this);
}

}  // namespace trireme
