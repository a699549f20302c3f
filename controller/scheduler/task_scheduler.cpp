// The events of the load-balanced queue.
#include "controller/scheduler/task_scheduler.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace trireme {
namespace {

/// A quoted text as Python's repr() shows it; bytes beyond ASCII are escaped in `bytes` only.
std::string quoted(std::string_view text, bool bytes) {
  const bool use_double = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = use_double ? '"' : '\'';
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out(1, quote);
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (character == quote || character == '\\') {
      out += '\\';
      out += character;
    } else if (code < 0x20 || code == 0x7f || (bytes && code >= 0x80)) {
      out += {'\\', 'x', kHex[code >> 4], kHex[code & 15]};
    } else {
      out += character;
    }
  }
  return out + quote;
}

/// What stock controllers say; clients of theirs may look for it.
std::string engine_died_text(const EngineUuid& engine, const MsgId& msg_id) {
  return "Engine b" + quoted(engine.view(), true) + " died while running task " +
         quoted(msg_id.view(), false);
}

}  // namespace

std::string_view drop_reason_text(DropReason reason) {
  static constexpr std::array<std::string_view, kDropReasonCount> kTexts{
      "a task with this id is queued or running", "a task with this id has ended already",
      "the task has been answered already", "no such task", "the engine does not have this task"};
  return kTexts[static_cast<std::size_t>(reason)];
}

std::string_view attempt_end_text(AttemptOver::End end) {
  static constexpr std::array<std::string_view, 5> kTexts{"error", "aborted", "unmet",
                                                          "engine lost", "reply lost"};
  return kTexts[static_cast<std::size_t>(end)];
}

TaskScheduler::TaskScheduler(SchedulerOptions options, std::mt19937_64 random)
    : options_(options),
      placement_(options.scheme, options.hwm, random),
      ready_(tasks_, engines_),
      outcomes_(options.outcomes_remembered) {}

void TaskScheduler::drop(DropReason reason, const MsgId& msg_id, std::string_view peer,
                         SchedulerOutbox& out) {
  ++counters_.dropped[static_cast<std::size_t>(reason)];
  out.effects.emplace_back(CountedDrop{reason, msg_id, std::string(peer)});
}

/// Counts a submission, or drops it as a twin of another.
bool TaskScheduler::is_new(const MsgId& msg_id, const RoutingId& client, SchedulerOutbox& out) {
  const bool is_live_twin = tasks_.find(msg_id) != nullptr;
  if (is_live_twin || outcomes_.contains(msg_id)) {
    drop(is_live_twin ? DropReason::kDuplicateLive : DropReason::kDuplicateFinished, msg_id,
         client.view(), out);
    return false;
  }
  ++counters_.submitted;
  return true;
}

void TaskScheduler::on_submit(TaskSubmission request, Instant now, SchedulerOutbox& out) {
  if (!is_new(request.msg_id, request.client, out)) return;
  admit(tasks_.add(std::move(request)), now, out);
  settle(out);
}

void TaskScheduler::on_restored(TaskSubmission request, const TaskPast& past, Instant now,
                                SchedulerOutbox& out) {
  if (tasks_.find(request.msg_id) != nullptr) return;
  ++counters_.submitted;
  ++counters_.restored;
  Task& task = tasks_.add(std::move(request));
  task.attempts = past.attempts;
  task.retries_left -= std::min(task.retries_left, past.retries_used);
  const std::optional<EngineSlot> engine =
      past.running ? engines_.find(past.running->view()) : std::nullopt;
  if (engine && engines_.at(*engine).registered) {
    put_on_engine(task, *engine);
    task.is_unexamined = true;
  } else {
    admit(task, now, out);
  }
  settle(out);
}

void TaskScheduler::on_attempt_lost(const EngineUuid& engine, const MsgId& msg_id, Instant now,
                                    SchedulerOutbox& out) {
  Task* task = tasks_.find(msg_id);
  const auto* running = task == nullptr ? nullptr : task->get<task_state::Running>();
  if (running == nullptr || engines_.at(running->engine).uuid != engine) return;
  take_from_engine(*task);
  ++counters_.reruns;
  wait_again(*task, {msg_id, engine, task->attempts, AttemptOver::End::kReplyLost}, now, out);
  settle(out);
}

std::optional<RunTask> TaskScheduler::running_attempt(const MsgId& msg_id) const {
  const Task* task = tasks_.find(msg_id);
  const auto* running = task == nullptr ? nullptr : task->get<task_state::Running>();
  if (running == nullptr) return std::nullopt;
  return RunTask{&task->request, &engines_.at(running->engine).uuid, task->attempts};
}

bool TaskScheduler::on_refused(const MsgId& msg_id, const RoutingId& client, SchedulerOutbox& out) {
  if (!is_new(msg_id, client, out)) return false;
  ++counters_.failed;
  outcomes_.put(msg_id, {false, std::nullopt});
  return true;
}

/// Checks the dependencies of a new task and finds its place.
void TaskScheduler::admit(Task& task, Instant now, SchedulerOutbox& out) {
  if (is_pure()) return place(task, out);
  const TaskTerms& terms = task.request.terms;
  start_wait(task, now);
  if (!terms.after.ids.empty() || !terms.follow.ids.empty()) {
    graph_.add(task.ref, terms.after, terms.follow);
  }
  std::vector<task_state::UnknownId> unknown;
  if (!terms.after.makes_sense() || !terms.follow.makes_sense() || !resolve(task, unknown)) {
    return fail(task, ErrorCode::kInvalidDependency, out);
  }
  if (unknown.empty()) return reconsider(task, out);
  LookUpOutcomes question{task.request.msg_id, {}};
  for (const task_state::UnknownId& entry : unknown) question.ids.push_back(entry.id);
  std::sort(question.ids.begin(), question.ids.end());  // an id may stand in both dependencies
  question.ids.erase(std::unique(question.ids.begin(), question.ids.end()), question.ids.end());
  out.effects.emplace_back(std::move(question));
  task.move_to(task_state::Checking{std::move(unknown)});
}

/// Tells the graph what each id is; collects those that nobody here remembers. False when the
/// task depends on itself. An `after` that is met leaves its other ids unexamined.
bool TaskScheduler::resolve(Task& task, std::vector<task_state::UnknownId>& unknown) {
  const TaskTerms& terms = task.request.terms;
  for (const Gate gate : {Gate::kAfter, Gate::kFollow}) {
    const std::size_t unknown_before = unknown.size();
    bool names_itself = false;
    for (const MsgId& id : (gate == Gate::kAfter ? terms.after : terms.follow).ids) {
      if (id == task.request.msg_id) {
        names_itself = true;
      } else if (std::optional<Outcome> outcome = outcomes_.find(id)) {
        graph_.settle(task.ref, gate, *outcome);
      } else if (const Task* live = tasks_.find(id)) {
        graph_.await(task.ref, gate, live->ref.slot);
      } else {
        unknown.push_back({id, gate});
      }
    }
    if (gate == Gate::kAfter && graph_.verdict(task.ref.slot, gate) == Verdict::kMet) {
      unknown.resize(unknown_before);
    } else if (names_itself) {
      return false;
    }
  }
  return true;
}

void TaskScheduler::on_outcomes(const MsgId& waiting, std::span<const PastOutcome> known,
                                Instant /*now*/, SchedulerOutbox& out) {
  Task* task = tasks_.find(waiting);
  const auto* checking = task == nullptr ? nullptr : task->get<task_state::Checking>();
  if (checking == nullptr) return;  // it has timed out or was cancelled
  std::unordered_map<std::string_view, const PastOutcome*> answers;
  for (const PastOutcome& past : known) answers.emplace(past.msg_id.view(), &past);
  bool all_known = true;
  for (const task_state::UnknownId& entry : checking->unknown) {
    auto found = answers.find(entry.id.view());
    if (found == answers.end()) {
      // It may have come, or come and ended, since the store was asked.
      if (const std::optional<Outcome> outcome = outcomes_.find(entry.id)) {
        graph_.settle(task->ref, entry.gate, *outcome);
      } else if (const Task* live = tasks_.find(entry.id)) {
        graph_.await(task->ref, entry.gate, live->ref.slot);
      } else {
        all_known = false;
        break;
      }
      continue;
    }
    const PastOutcome* answer = found->second;
    Outcome outcome{answer->ended_ok, std::nullopt};
    if (answer->engine) {
      const std::optional<EngineSlot> slot = engines_.find(answer->engine->view());
      outcome.engine = slot ? engines_.ref(*slot) : kGoneEngine;
    }
    graph_.settle(task->ref, entry.gate, outcome);
    if (!is_live(entry.id)) outcomes_.put(entry.id, outcome);
  }
  if (all_known) {
    reconsider(*task, out);
  } else {
    fail(*task, ErrorCode::kInvalidDependency, out);
  }
  settle(out);
}

void TaskScheduler::on_reply(const EngineUuid& engine, const MsgId& msg_id, const ReplyTerms& terms,
                             Frames body, Instant now, SchedulerOutbox& out) {
  Task* task = tasks_.find(msg_id);
  if (task == nullptr) {
    const bool is_late = outcomes_.contains(msg_id);
    return drop(is_late ? DropReason::kLateReply : DropReason::kUnknownReply, msg_id, engine.view(),
                out);
  }
  const auto* running = task->get<task_state::Running>();
  if (running == nullptr || engines_.at(running->engine).uuid != engine) {
    return drop(DropReason::kForeignReply, msg_id, engine.view(), out);
  }
  const EngineRef ran_on = take_from_engine(*task);
  const bool is_aborted = terms.status == ReplyStatus::kAborted;
  AttemptOver over{msg_id, engine, task->attempts,
                   is_aborted ? AttemptOver::End::kAborted : AttemptOver::End::kError};
  if (!retry(*task, terms, std::move(over), ran_on, now, out)) {
    const bool ended_ok = terms.status == ReplyStatus::kOk;
    std::unique_ptr<Task> ended = end(*task, {ended_ok, ran_on});
    out.effects.emplace_back(DeliverReply{std::move(ended->request.client), engine,
                                          std::move(ended->request.msg_id), std::move(body),
                                          ended_ok});
  }
  settle(out);
}

/// Queues the task again if the reply calls for it; false if the attempt was its last.
bool TaskScheduler::retry(Task& task, const ReplyTerms& terms, AttemptOver over, EngineRef engine,
                          Instant now, SchedulerOutbox& out) {
  if (is_pure()) return false;
  if (!terms.dependencies_met) {
    ++counters_.unmet;
    over.end = AttemptOver::End::kUnmet;
    task.bans.add(engine, BanKind::kNever);
  } else if (terms.status != ReplyStatus::kOk && task.retries_left > 0) {
    ++counters_.retried;
    --task.retries_left;
    task.bans.add(engine, task.request.terms.timeout ? BanKind::kNever : BanKind::kAvoid);
  } else {
    return false;
  }
  wait_again(task, std::move(over), now, out);
  return true;
}

/// An attempt is over, the task is not.
void TaskScheduler::wait_again(Task& task, AttemptOver over, Instant now, SchedulerOutbox& out) {
  out.effects.emplace_back(std::move(over));
  if (std::exchange(task.is_unexamined, false)) return admit(task, now, out);
  start_wait(task, now);
  reconsider(task, out);
}

void TaskScheduler::on_engine_joined(const EngineUuid& engine, Instant /*now*/,
                                     SchedulerOutbox& out) {
  const std::optional<EngineSlot> known = engines_.find(engine.view());
  if (known && engines_.at(*known).registered) return;
  const EngineSlot slot = engines_.enter(engine);
  placement_.join(slot, static_cast<std::uint32_t>(engines_.at(slot).running.size()));
  if (known) {  // it comes back within the grace
    for (TaskSlot other = 0; other < tasks_.slot_count(); ++other) {
      if (graph_.has_follow(other)) touched_.push_back(tasks_.at(other).ref);
    }
  }
  touch(ready_.take_waiting_for(engine));
  if (engines_.registered_count() == 1) touch(ready_.take_homeless());
  fresh_engines_.push_back(slot);
  settle(out);
}

void TaskScheduler::on_engine_left(const EngineUuid& engine, Instant now, SchedulerOutbox& out) {
  const std::optional<EngineSlot> slot = engines_.find(engine.view());
  if (!slot || !engines_.at(*slot).registered) return;
  placement_.leave(*slot);
  engines_.depart(*slot);
  departures_.push_back({now + options_.engine_grace, *slot, assignments_});
  idle_engines_.push_back(*slot);
  touch(ready_.take_queued_on(*slot));
  for (EngineSlot fallback : ready_.fallback_engines()) fresh_engines_.push_back(fallback);
  settle(out);
}

void TaskScheduler::on_deadline(Instant now, SchedulerOutbox& out) {
  const auto is_current = [this](const Deadline& deadline) {
    return deadline_is_current(deadline);
  };
  for (const Deadline* due = deadlines_.top(is_current); due != nullptr && due->when <= now;
       due = deadlines_.top(is_current)) {
    Task& task = tasks_.at(due->task.slot);
    deadlines_.pop();
    fail(task, ErrorCode::kTaskTimeout, out);
  }
  while (!departures_.empty() && departures_.front().when <= now) {
    const Departure gone = departures_.front();
    departures_.pop_front();
    strand_tasks(gone, now, out);
  }
  settle(out);
}

std::optional<Instant> TaskScheduler::next_deadline() const {
  std::optional<Instant> next;
  if (const Deadline* first = deadlines_.peek()) next = first->when;
  if (!departures_.empty() && (!next || departures_.front().when < *next)) {
    next = departures_.front().when;
  }
  return next;
}

/// The tasks of an engine that did not answer within the grace are retried or fail.
void TaskScheduler::strand_tasks(const Departure& gone, Instant now, SchedulerOutbox& out) {
  const EngineUuid uuid = engines_.at(gone.engine).uuid;
  for (const MsgId& msg_id : running_on(uuid)) {
    Task& task = *tasks_.find(msg_id);
    if (task.running()->assignment > gone.assignments) break;  // they come by assignment
    ++counters_.stranded;
    const EngineRef ran_on = take_from_engine(task);
    AttemptOver over{msg_id, uuid, task.attempts, AttemptOver::End::kEngineLost};
    if (retry(task, {true, ReplyStatus::kError}, std::move(over), ran_on, now, out)) continue;
    std::unique_ptr<Task> ended = end(task, {false, ran_on});
    out.effects.emplace_back(
        FailTask{std::move(ended->request.client), std::move(ended->request.msg_id),
                 std::move(ended->request.header_json), ErrorCode::kEngineError,
                 engine_died_text(uuid, msg_id), uuid});
  }
}

bool TaskScheduler::cancel(const MsgId& msg_id, Instant /*now*/, SchedulerOutbox& out) {
  Task* task = tasks_.find(msg_id);
  if (task == nullptr || !task->is_waiting()) return false;
  fail(*task, ErrorCode::kTaskAborted, out);
  settle(out);
  return true;
}

/// Begins a wait, and with it the task's timeout. (If the task finds an engine at once, the
/// deadline is void.)
void TaskScheduler::start_wait(Task& task, Instant now) {
  if (!task.request.terms.timeout) return;
  task.deadline = now + *task.request.terms.timeout;
  deadlines_.push({*task.deadline, task.ref},
                  [this](const Deadline& deadline) { return deadline_is_current(deadline); });
}

bool TaskScheduler::deadline_is_current(const Deadline& deadline) const {
  const Task* task = tasks_.current(deadline.task);
  return task != nullptr && task->deadline == deadline.when;
}

/// Takes a task out; the tasks that wait for it become touched.
std::unique_ptr<Task> TaskScheduler::end(Task& task, const Outcome& outcome) {
  const TaskSlot slot = task.ref.slot;
  graph_.finish(slot, outcome, touched_);
  graph_.remove(slot);
  outcomes_.put(task.request.msg_id, outcome);
  ++(outcome.ended_ok ? counters_.completed : counters_.failed);
  return tasks_.take(slot);
}

/// Ends a task that waits with an error of ours.
void TaskScheduler::fail(Task& task, ErrorCode reason, SchedulerOutbox& out) {
  std::unique_ptr<Task> ended = end(task, {false, std::nullopt});
  out.effects.emplace_back(FailTask{std::move(ended->request.client),
                                    std::move(ended->request.msg_id),
                                    std::move(ended->request.header_json),
                                    reason,
                                    "",
                                    {}});
}

std::vector<MsgId> TaskScheduler::ids_of(bool with_running) const {
  std::vector<const Task*> tasks;
  for (TaskSlot slot = 0; slot < tasks_.slot_count(); ++slot) {
    const Task* task = tasks_.peek(slot);
    if (task != nullptr && (with_running || task->is_waiting())) tasks.push_back(task);
  }
  std::sort(tasks.begin(), tasks.end(), [](const Task* left, const Task* right) {
    return left->ref.sequence < right->ref.sequence;
  });
  std::vector<MsgId> ids;
  ids.reserve(tasks.size());
  for (const Task* task : tasks) ids.push_back(task->request.msg_id);
  return ids;
}

std::vector<MsgId> TaskScheduler::running_on(const EngineUuid& engine) const {
  const std::optional<EngineSlot> slot = engines_.find(engine.view());
  if (!slot) return {};
  std::vector<TaskSlot> running = engines_.at(*slot).running;
  const auto assignment = [this](TaskSlot task) {
    return tasks_.at(task).get<task_state::Running>()->assignment;
  };
  std::sort(running.begin(), running.end(),
            [&](TaskSlot left, TaskSlot right) { return assignment(left) < assignment(right); });
  std::vector<MsgId> ids;
  ids.reserve(running.size());
  for (TaskSlot task : running) ids.push_back(tasks_.at(task).request.msg_id);
  return ids;
}

std::size_t TaskScheduler::load_of(const EngineUuid& engine) const {
  const std::optional<EngineSlot> slot = engines_.find(engine.view());
  return slot ? engines_.at(*slot).running.size() : 0;
}

}  // namespace trireme
