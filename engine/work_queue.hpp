// The order of work on one engine: first come first served, so many at a time, aborted by name.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/task_request.hpp"

namespace trireme {

/// Names one run of one request on this engine; never used twice.
enum class RunNumber : std::uint64_t {};

/// Which requests wait, which run, and which shall not run. Pure bookkeeping: it starts nothing
/// and answers nobody.
///
/// Rules, with their reasons:
/// - Requests start in the order they came, as soon as a slot is free. One slot is the default
///   because tasks of one engine share its name space and callers count on their order.
/// - An abort may overtake its request (they travel on different sockets), so the names of aborted
///   requests not seen yet are remembered: the latest kEarlyAbortsMax of them.
/// - A request that comes again while it waits or runs is not queued twice: its id says that it is
///   the same.
/// - A request that runs is never taken away here; whoever runs it is asked to stop.
///
/// Invariants: (1) at most `slots` requests run; (2) every waiting request is indexed by its id
/// exactly once; (3) nothing waits while a slot is free once start_next() has returned empty;
/// (4) at most kEarlyAbortsMax names are remembered, each once.
class WorkQueue {
 public:
  static constexpr std::size_t kEarlyAbortsMax = 16384;

  /// `slots` (at least 1) requests may run at once.
  explicit WorkQueue(std::size_t slots);

  /// Where a new request went.
  enum class Admission {
    kWaiting,  // into the queue
    kAborted,  // nowhere: its abort came first and is now used up; answer it
    kKnown,    // nowhere: it waits already; the one that waits will be answered to where this
               // one came from
    kRunning,  // nowhere: it runs already
  };
  /// Queues the request. Unless it is kWaiting, `request` is left as it is.
  Admission admit(TaskRequest& request);

  struct Start {
    RunNumber run;
    const TaskRequest* request;  // valid until finish(run)
    int execution_count = 0;     // of execute requests; not the queue's business
  };
  /// Moves the oldest waiting request into a free slot; empty when none waits or all slots are
  /// taken.
  std::optional<Start> start_next();

  /// Frees the slot. Empty for a run that is not known.
  std::optional<TaskRequest> finish(RunNumber run);

  /// The request of a run, or null. Valid until finish(run).
  const TaskRequest* running(RunNumber run) const;
  /// The run of a request, if it runs.
  std::optional<RunNumber> run_of(const MsgId& id) const;

  struct Abort {
    std::optional<TaskRequest> waiting;  // taken out, to be answered
    std::optional<RunNumber> running;    // to be asked to stop
  };
  /// Aborts one request by id. An id not seen here is remembered for when its request comes.
  Abort abort(const MsgId& id);
  /// Takes out all waiting execute requests.
  std::vector<TaskRequest> take_waiting_executes();
  /// Takes out everything that waits.
  std::vector<TaskRequest> take_waiting();

  std::vector<RunNumber> runs() const;
  std::size_t waiting_count() const noexcept { return waiting_.size(); }
  std::size_t running_count() const noexcept { return running_.size(); }
  std::size_t slots() const noexcept { return slots_; }

  void check_invariants() const;

 private:
  using Waiting = std::list<TaskRequest>;

  TaskRequest take(Waiting::iterator position);
  void remember_abort(const MsgId& id);

  std::size_t slots_;
  std::uint64_t next_run_ = 1;
  Waiting waiting_;  // oldest first
  std::unordered_map<MsgId, Waiting::iterator> index_;
  std::map<RunNumber, TaskRequest> running_;
  std::unordered_set<MsgId> early_aborts_;
  std::deque<MsgId> early_abort_order_;  // oldest first; may name aborts already used up
};

}  // namespace trireme
