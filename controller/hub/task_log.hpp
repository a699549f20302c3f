// Watched traffic becomes record changes: the controller's memory of what it has passed on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "controller/hub/direct_tasks.hpp"
#include "controller/hub/engine_registry.hpp"
#include "controller/hub/outbox.hpp"
#include "controller/hub/recent_ids.hpp"
#include "db/record_change.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// Record changes from messages, whose bytes they take over or share.
TaskSubmitted submitted_from(Message&& request, TaskQueue queue);
TaskFinished finished_from(const MsgId& msg_id, Message&& reply, Timestamp received);

/// Turns requests, replies and output into record changes, and keeps the few facts that records
/// alone cannot tell: which direct tasks are pending, and how many tasks each live engine
/// completed. Pure; one thread.
///
/// What is recorded, and where it differs from a stock controller:
/// - MUX requests to live engines, and the replies to them. Comm messages have no reply and are
///   not tasks; a stock controller counts them as pending for ever.
/// - Each target's part of a broadcast, under its own id; a stock controller knows of those only
///   by their output, and leaves half-empty records behind.
/// - Load-balanced tasks: submission, each assignment, and the end.
/// - Output, errors, results and inputs on iopub, by the request they belong to.
///
/// Nothing is remembered of a finished task, except the latest few: those that were given up with
/// their engine (its reply may still come and is better than the error made up in its place), and,
/// without records, those that just ended (clients ask whether they did).
class TaskLog {
 public:
  static constexpr std::size_t kRecentIdsMax = 16'384;

  /// `engines` must outlive the log. Without records only the facts are kept.
  TaskLog(const EngineRegistry& engines, bool keeps_records);

  /// A request for one engine was passed on. False when it is pending already; it is then a
  /// duplicate that should not be passed on again.
  bool direct_submitted(const EngineUuid& target, Message&& request, TaskQueue queue, Outbox& out);
  /// A direct request that a former controller passed on and saw no reply to. False when its
  /// engine is not here any more: then it ends with an EngineError.
  bool direct_restored(const EngineUuid& target, const MsgId& msg_id, Now now, Outbox& out);
  /// It was passed on again, and may be answered twice.
  void direct_repeated(const MsgId& msg_id) { repeated_.add(msg_id); }
  /// An engine answered a direct request. False when that is a second reply to a repeated one,
  /// which its client must not see.
  bool direct_finished(const EngineUuid& sender, Message&& reply, Now now, Outbox& out);

  void task_submitted(TaskSubmitted change, Outbox& out);
  void task_assigned(TaskAssigned change, Outbox& out);
  void attempt_ended(AttemptEnded change, Outbox& out);
  /// The task ended. `ran` is false for aborted tasks, which do not count as completed.
  void task_finished(TaskFinished change, bool ran, Outbox& out);

  /// A message on iopub.
  void output(const Message& message, Outbox& out);

  /// The engine left, and its grace is over: its direct tasks end with an EngineError.
  void give_up_engine(EngineId id, const EngineUuid& uuid, Now now, Outbox& out);
  /// The engine left; its count of completed tasks goes with it.
  void forget_counts(EngineId id) { completed_.erase(id); }

  const DirectTasks& direct() const noexcept { return direct_; }
  std::uint64_t completed_on(EngineId id) const;
  bool keeps_records() const noexcept { return keeps_records_; }
  /// Without records: whether the task ended lately.
  bool ended_lately(const MsgId& msg_id) const { return ended_.contains(msg_id); }

 private:
  void record(RecordChange change, Outbox& out);
  void give_up(const MsgId& msg_id, const EngineUuid& uuid, const std::string& engine, Now now,
               Outbox& out);
  void note_end(const MsgId& msg_id);

  const EngineRegistry& engines_;
  bool keeps_records_;
  DirectTasks direct_;
  std::map<EngineId, std::uint64_t> completed_;
  RecentIds given_up_{kRecentIdsMax};
  RecentIds repeated_{kRecentIdsMax};
  RecentIds ended_{kRecentIdsMax};
};

}  // namespace trireme
