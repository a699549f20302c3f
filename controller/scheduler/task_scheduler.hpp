// The load-balanced queue: decides when and where each task runs, again and for how long.
//
// One task's way: submitted -> (checking: the store is asked about ids nobody remembers) ->
// (blocked: waits for other tasks) -> ready: waits for an engine -> running -> ended. A reply
// that asks for another attempt leads from running back to ready.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/scheduler/dependency_graph.hpp"
#include "controller/scheduler/engine_table.hpp"
#include "controller/scheduler/lazy_heap.hpp"
#include "controller/scheduler/outcome_cache.hpp"
#include "controller/scheduler/placement.hpp"
#include "controller/scheduler/ready_queues.hpp"
#include "controller/scheduler/task_table.hpp"
#include "controller/scheduler/task_terms.hpp"
#include "session/clock.hpp"
#include "session/errors.hpp"

namespace trireme {

struct SchedulerOptions {
  Scheme scheme = Scheme::kLeastLoad;
  std::uint32_t hwm = 1;  // tasks an engine holds at most; 0 = no limit; pure ignores it
  std::chrono::nanoseconds engine_grace = std::chrono::seconds(5);  // for results of the departed
  std::size_t outcomes_remembered = OutcomeCache::kDefaultCapacity;
};

/// Give a task to an engine, and note that it has it. Both pointers are borrowed: they hold until
/// the scheduler is handed its next event.
struct RunTask {
  const TaskSubmission* task;
  const EngineUuid* engine;
  std::uint32_t attempt;  // from 1
};

/// Pass an engine's reply on to the client; the task has ended.
struct DeliverReply {
  RoutingId client;
  EngineUuid engine;
  MsgId msg_id;
  Frames body;
  bool ended_ok;
};

/// An attempt is over and another will follow: for the records.
struct AttemptOver {
  enum class End : std::uint8_t {
    kError,       // the task failed there
    kAborted,     // the engine gave it up
    kUnmet,       // the engine cannot run it
    kEngineLost,  // the engine left with it
    kReplyLost,   // the engine says it has nothing of the task any more
  };
  MsgId msg_id;
  EngineUuid engine;
  std::uint32_t number;  // from 1
  End end;
};
/// As records have it: `error`, `engine lost`, ...
std::string_view attempt_end_text(AttemptOver::End end);

/// Answer the client with an error of our own; the task has ended.
struct FailTask {
  RoutingId client;
  MsgId msg_id;
  Frame header_json;                 // of the request
  ErrorCode reason;                  // its wire name is the ename
  std::string evalue;                // empty for all reasons but kEngineError
  std::optional<EngineUuid> engine;  // on which it was stranded; the reply is routed as from there
};

/// Ask the store how these tasks ended and hand the answer to on_outcomes().
struct LookUpOutcomes {
  MsgId msg_id;            // of the task that waits for the answer
  std::vector<MsgId> ids;  // distinct, sorted
};

enum class DropReason : std::uint8_t {
  kDuplicateLive,      // a submission whose id is queued or running
  kDuplicateFinished,  // a submission whose id has ended lately
  kLateReply,          // a reply to a task that has ended lately
  kUnknownReply,       // a reply to a task nobody remembers
  kForeignReply,       // a reply from an engine that does not have the task (any more)
};
inline constexpr std::size_t kDropReasonCount = 5;
std::string_view drop_reason_text(DropReason reason);

/// A message was left aside; `peer` is the client's routing id or the engine's uuid.
struct CountedDrop {
  DropReason reason;
  MsgId msg_id;
  std::string peer;
};

using SchedulerEffect =
    std::variant<RunTask, DeliverReply, AttemptOver, FailTask, LookUpOutcomes, CountedDrop>;

/// What the scheduler wants done, in this order. The caller empties it after each event.
struct SchedulerOutbox {
  std::vector<SchedulerEffect> effects;
};

/// The store's word on one task: it has ended, so and there.
struct PastOutcome {
  MsgId msg_id;
  bool ended_ok = false;
  std::optional<EngineUuid> engine;
};

/// What a task went through under a former controller.
struct TaskPast {
  std::uint32_t attempts = 0;         // times it was given to an engine, this one included
  std::uint32_t retries_used = 0;     // attempts that failed
  std::optional<EngineUuid> running;  // the engine that has it
};

struct SchedulerCounters {
  std::uint64_t submitted = 0;  // without duplicates
  std::uint64_t completed = 0;  // ended well
  std::uint64_t failed = 0;     // ended otherwise, our own errors among them
  std::uint64_t retried = 0;    // attempts that failed and were followed by another
  std::uint64_t unmet = 0;      // attempts refused for a functional dependency
  std::uint64_t stranded = 0;   // attempts lost with their engine
  std::uint64_t restored = 0;   // taken over from a former controller
  std::uint64_t reruns = 0;     // attempts whose reply was lost on its way
  std::array<std::uint64_t, kDropReasonCount> dropped{};
};

/// The rules, each with its reason (docs/protocol.md has the wire's side):
/// - A task that can run never waits behind one that cannot; among those that can, the one
///   submitted first goes first, after a retry too. So engines never idle beside work.
/// - A reply is delivered once. The message id is the key: a submission whose id is live or has
///   ended lately is dropped, and so is a reply from an engine that does not have the task.
/// - Dependencies may name tasks of this queue only. Ids unknown here are asked of the store;
///   unknown there too, or the task's own id, or a dependency that no ending can meet: the task
///   fails with InvalidDependency, rather than waiting for what will not come.
/// - A dependency that can no longer be met fails the task with ImpossibleDependency at once.
///   `follow` counts as such when all of its ids are wanted and they ran on different engines or
///   one never ran; and when every engine it leaves has gone.
/// - A task whose targets are all gone, or all said to be unfit, fails with ImpossibleDependency.
///   While no engine at all is registered it waits: they may be on their way back.
/// - An attempt refused by an engine (functional dependency unmet) costs no retry; the engine is
///   never asked again. A failed attempt costs one; the task prefers another engine, and goes
///   back to where it failed only if there is none, since waiting then could be for ever. With a
///   timeout the wait has an end: then the task does not go back.
/// - A task on an engine that left is stranded once the grace is over: its result may still be on
///   the way. It is retried or fails with EngineError, also when an engine of that name has come
///   back meanwhile: that is a new process, as a rule, which knows nothing of the task.
/// - A timeout runs while a task waits, from the beginning of each wait; never while it runs.
/// - `pure` gives tasks to engines in turn, reads no terms and relays every reply.
///
/// Nothing is kept per ended task, except in the fixed OutcomeCache. An event costs O(log n) in
/// tasks and engines, plus its effects; engines joining and leaving also cost the tasks they
/// concern. Not thread-safe; pure: no clock, sockets or files. `now` must not go back.
class TaskScheduler {
 public:
  TaskScheduler(SchedulerOptions options, std::mt19937_64 random);
  TaskScheduler(const TaskScheduler&) = delete;
  TaskScheduler& operator=(const TaskScheduler&) = delete;

  void on_submit(TaskSubmission request, Instant now, SchedulerOutbox& out);
  /// A task that a former controller left unfinished. It runs on where it runs, if that engine has
  /// joined, and waits otherwise; its timeout begins anew. Tasks come in the order in which they
  /// were submitted. A task that is live already is dropped.
  void on_restored(TaskSubmission request, const TaskPast& past, Instant now, SchedulerOutbox& out);
  /// The engine has nothing of the attempt it was given: it never came, or its reply got lost. The
  /// task waits for an engine again; that costs no retry. Nothing happens when the engine does not
  /// have the task.
  void on_attempt_lost(const EngineUuid& engine, const MsgId& msg_id, Instant now,
                       SchedulerOutbox& out);
  /// The attempt that an engine is at; empty when the task does not run.
  std::optional<RunTask> running_attempt(const MsgId& msg_id) const;
  /// Takes note of a submission that is not taken, so that it has ended, failed, for those that
  /// depend on it. False when the id is live or has ended lately: it is then dropped.
  bool on_refused(const MsgId& msg_id, const RoutingId& client, SchedulerOutbox& out);
  /// `body` is what the client gets after the identities.
  void on_reply(const EngineUuid& engine, const MsgId& msg_id, const ReplyTerms& terms, Frames body,
                Instant now, SchedulerOutbox& out);
  /// An engine that is known already is left as it is.
  void on_engine_joined(const EngineUuid& engine, Instant now, SchedulerOutbox& out);
  void on_engine_left(const EngineUuid& engine, Instant now, SchedulerOutbox& out);
  /// The store's answer to LookUpOutcomes{waiting, ...}; ids it leaves out have not ended there.
  void on_outcomes(const MsgId& waiting, std::span<const PastOutcome> known, Instant now,
                   SchedulerOutbox& out);
  void on_deadline(Instant now, SchedulerOutbox& out);
  /// When on_deadline is next due.
  std::optional<Instant> next_deadline() const;
  /// Ends a task that waits, with kTaskAborted. False if no such task waits (it may be running).
  bool cancel(const MsgId& msg_id, Instant now, SchedulerOutbox& out);

  bool is_live(const MsgId& msg_id) const { return tasks_.find(msg_id) != nullptr; }
  std::size_t live_count() const noexcept { return tasks_.size(); }
  /// What the requests of live tasks take up.
  std::uint64_t live_bytes() const noexcept { return tasks_.bytes(); }
  std::size_t running_count() const noexcept { return running_count_; }
  std::size_t waiting_count() const noexcept { return tasks_.size() - running_count_; }
  /// In the order of submission; both walk all live tasks.
  std::vector<MsgId> waiting_ids() const { return ids_of(false); }
  std::vector<MsgId> live_ids() const { return ids_of(true); }
  /// In the order of assignment; also for an engine that has left but may still answer.
  std::vector<MsgId> running_on(const EngineUuid& engine) const;
  std::size_t load_of(const EngineUuid& engine) const;
  const SchedulerCounters& counters() const noexcept { return counters_; }
  const SchedulerOptions& options() const noexcept { return options_; }

  /// The state in a few lines, for people.
  std::string describe() const;
  void check_invariants() const;

 private:
  struct Deadline {
    Instant when;
    TaskRef task;
    friend bool operator>(const Deadline& left, const Deadline& right) {
      return left.when > right.when ||
             (left.when == right.when && left.task.sequence > right.task.sequence);
    }
  };
  struct Departure {
    Instant when;  // the grace is over
    EngineSlot engine;
    std::uint64_t assignments;  // made before it left; later ones are of the engine's next life
  };
  struct Candidates {  // for a task with targets or follow
    std::vector<EngineSlot> registered;
    std::vector<EngineUuid> awaited;  // targets whose joining (anew) would change this
    bool any_target_left = false;
  };

  // task_scheduler.cpp: events
  std::vector<MsgId> ids_of(bool with_running) const;
  void drop(DropReason reason, const MsgId& msg_id, std::string_view peer, SchedulerOutbox& out);
  bool is_new(const MsgId& msg_id, const RoutingId& client, SchedulerOutbox& out);
  void admit(Task& task, Instant now, SchedulerOutbox& out);
  bool resolve(Task& task, std::vector<task_state::UnknownId>& unknown);
  bool retry(Task& task, const ReplyTerms& terms, AttemptOver over, EngineRef engine, Instant now,
             SchedulerOutbox& out);
  void wait_again(Task& task, AttemptOver over, Instant now, SchedulerOutbox& out);
  void strand_tasks(const Departure& gone, Instant now, SchedulerOutbox& out);
  void start_wait(Task& task, Instant now);
  std::unique_ptr<Task> end(Task& task, const Outcome& outcome);
  void fail(Task& task, ErrorCode reason, SchedulerOutbox& out);
  bool deadline_is_current(const Deadline& deadline) const;
  bool is_pure() const noexcept { return options_.scheme == Scheme::kPure; }

  // task_dispatch.cpp: who runs where
  void settle(SchedulerOutbox& out);
  void reconsider(Task& task, SchedulerOutbox& out);
  void touch(const std::vector<TaskRef>& tasks);
  void place(Task& task, SchedulerOutbox& out);
  Candidates candidates_of(const Task& task) const;
  void dispatch(SchedulerOutbox& out);
  struct Next {
    Task* task;
    bool must_run;  // an engine with room may take it
  };
  Next next_to_run();
  std::optional<EngineSlot> pick_for(const Task& task);
  void assign(Task& task, EngineSlot engine, SchedulerOutbox& out);
  void put_on_engine(Task& task, EngineSlot engine);
  EngineRef take_from_engine(Task& task);
  void forget_if_done(EngineSlot engine);

  // task_scheduler_checks.cpp
  void check_engines() const;
  void check_task(const Task& task) const;

  SchedulerOptions options_;
  SchedulerCounters counters_;

  // Invariants, between events:
  // (1) An engine is joined to the placement exactly while registered; its load there is the
  //     number of its running tasks. A departed engine has running tasks and a departure.
  // (2) A running task stands once in its engine's list, at its position; running_count_ counts.
  // (3) No ready task may go to an engine with room.
  // (4) A ready task of Reach::kOnly names registered engines, or none while none is registered.
  // (5) A blocked task waits for a dependency that can still be met.
  // (6) next_deadline() is not later than any waiting task's deadline or any departure.
  // (7) touched_, fresh_tasks_, fresh_engines_ and idle_engines_ are empty.
  // (8) No live task is in the outcome cache.
  TaskTable tasks_;
  EngineTable engines_;
  Placement placement_;
  DependencyGraph graph_;
  ReadyQueues ready_;
  OutcomeCache outcomes_;
  LazyHeap<Deadline> deadlines_;
  std::deque<Departure> departures_;  // by time
  std::size_t running_count_ = 0;
  std::uint64_t assignments_ = 0;

  // Work of the present event.
  std::vector<TaskRef> touched_;  // something they wait for has changed
  struct Fresh {
    std::uint64_t sequence;
    TaskSlot slot;
    friend auto operator<=>(const Fresh&, const Fresh&) = default;
  };
  LazyHeap<Fresh> fresh_tasks_;            // became ready
  std::vector<EngineSlot> fresh_engines_;  // may take tasks they could not take before
  std::vector<EngineSlot> idle_engines_;   // departed, and maybe without tasks
};

}  // namespace trireme
