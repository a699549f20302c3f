// The shared state of one call: filled by the client's thread, read by whoever holds a result.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <trireme/async_result.hpp>

#include "client/call_reply.hpp"

namespace trireme {

/// What a call needs of the client that made it, as long as that lives.
class CallOwner {
 public:
  virtual ~CallOwner() = default;
  virtual void abort_tasks(const std::vector<std::string>& msg_ids) = 0;
  /// Whether the calling thread is the one that fills calls: it must not wait for them.
  virtual bool is_filling_thread() const = 0;
};

/// How many tasks of a client have not ended. Thread-safe.
class WorkCount {
 public:
  void add(std::size_t tasks);
  void end_one();
  std::size_t pending() const;
  /// Waits until none is pending. False when `limit` passed first.
  bool wait(AsyncCall::Duration limit) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable none_left_;
  std::size_t pending_ = 0;  // guarded by mutex_
};

/// One task as it is made.
struct CallTaskPlan {
  std::string msg_id;
  std::string engine_uuid;  // when the caller chose the engine
  int engine_id = -1;
  std::size_t items = 1;  // entries of a map it works on
};

/// What the client knows when it makes a call.
struct CallPlan {
  std::vector<CallTaskPlan> tasks;
  Timestamp submitted;
  /// Results are wanted with what the tasks showed: a task has ended when its output has, and its
  /// value is that of an ExecuteResult.
  bool is_execute = false;
  /// Told of every task that ends; null for queries and control requests, which are no work.
  std::shared_ptr<WorkCount> work;
};

/// Thread-safe. Invariants: (1) a task ends once and then its value, failure and times stay;
/// (2) finish_order_ names each ended task once; (3) callbacks_ is empty once all have ended.
class CallState {
 public:
  using Duration = AsyncCall::Duration;

  CallState(CallPlan plan, std::weak_ptr<CallOwner> owner);
  ~CallState();
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;

  // The client's thread.
  /// The reply of a task; only the first counts.
  void set_reply(std::size_t task, CallReply reply);
  /// A piece of output; kIdle is the last.
  void add_output(std::size_t task, CallOutput output);

  // Any thread.
  bool ready() const;
  bool successful() const;
  /// False when `limit` passed first.
  bool wait(std::optional<Duration> limit) const;
  bool wait_for_output(std::optional<Duration> limit) const;
  Value value(std::size_t task, std::optional<Duration> limit) const;
  std::vector<Value> values(std::optional<Duration> limit) const;
  std::size_t finished_at(std::size_t rank) const;
  void abort() const;
  const std::vector<std::string>& msg_ids() const noexcept { return msg_ids_; }
  TaskInfo info(std::size_t task) const;
  CallProgress progress() const;
  Duration elapsed() const;
  void on_ready(std::function<void()> callback);

 private:
  /// One stream of a task, and whether pieces of it are known to be missing.
  struct StreamText {
    std::string text;
    std::size_t expected = 0;  // offset of the next piece
    bool whole = true;

    void add(const CallOutput& piece);
  };
  struct Task {
    std::string engine_uuid;
    int engine_id;
    std::size_t items;
    bool replied = false;
    bool output_complete = false;
    bool ended = false;
    CallReply reply;
    StreamText stdout_text;
    StreamText stderr_text;
    Value execute_result;  // content of the iopub message
    List displays;
  };

  void end_if_due(std::unique_lock<std::mutex>& lock, std::size_t task);
  void compose_execute_result(Task& task) const;
  template <class Condition>
  bool wait_until(std::unique_lock<std::mutex>& lock, std::optional<Duration> limit,
                  Condition condition) const;
  void fail_if_filling_thread() const;
  std::string place(std::size_t task) const;

  const std::vector<std::string> msg_ids_;
  const Timestamp submitted_;
  const bool is_execute_;
  const std::shared_ptr<WorkCount> work_;
  const std::weak_ptr<CallOwner> owner_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Task> tasks_;  // guarded by mutex_, as all below
  std::vector<std::size_t> finish_order_;
  std::size_t outputs_complete_ = 0;
  std::size_t items_done_ = 0;
  std::size_t items_total_ = 0;
  bool failed_ = false;
  std::optional<Timestamp> last_received_;
  std::vector<std::function<void()>> callbacks_;
};

/// Lets the library make public handles from states and back.
class CallAccess {
 public:
  static AsyncCall make(std::shared_ptr<CallState> state) { return AsyncCall(std::move(state)); }
  static const std::shared_ptr<CallState>& state(const AsyncCall& call) { return call.state_; }
};

}  // namespace trireme
