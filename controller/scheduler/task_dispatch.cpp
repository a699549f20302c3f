// Who runs where: readiness, queues, the match of tasks and engines.
#include <algorithm>
#include <utility>

#include "controller/scheduler/task_scheduler.hpp"

namespace trireme {

void TaskScheduler::touch(const std::vector<TaskRef>& tasks) {
  touched_.insert(touched_.end(), tasks.begin(), tasks.end());
}

/// Ends every event: follows the consequences until nothing changes, then gives out work.
void TaskScheduler::settle(SchedulerOutbox& out) {
  for (std::size_t next = 0; next < touched_.size(); ++next) {  // grows meanwhile
    Task* task = tasks_.current(touched_[next]);
    if (task == nullptr) continue;
    if (task->is<task_state::Blocked>() || task->is<task_state::Ready>()) reconsider(*task, out);
  }
  touched_.clear();
  dispatch(out);
  for (EngineSlot engine : idle_engines_) forget_if_done(engine);
  idle_engines_.clear();
  deadlines_.top([this](const Deadline& deadline) { return deadline_is_current(deadline); });
}

/// Moves a task whose dependencies are resolved to where it belongs: failed, blocked or ready.
void TaskScheduler::reconsider(Task& task, SchedulerOutbox& out) {
  const TaskSlot slot = task.ref.slot;
  const Verdict after = graph_.verdict(slot, Gate::kAfter);
  const Verdict follow = graph_.verdict(slot, Gate::kFollow);
  if (after == Verdict::kUnreachable || follow == Verdict::kUnreachable ||
      graph_.follow_is_impossible(slot)) {
    return fail(task, ErrorCode::kImpossibleDependency, out);
  }
  if (after == Verdict::kMet && follow == Verdict::kMet) return place(task, out);
  if (!task.is<task_state::Blocked>()) task.move_to(task_state::Blocked{});
}

/// The engines that the targets and follow of a task leave it, without those it must not ask.
TaskScheduler::Candidates TaskScheduler::candidates_of(const Task& task) const {
  Candidates candidates;
  const std::vector<EngineUuid>& targets = task.request.terms.targets;
  const bool has_follow = graph_.has_follow(task.ref.slot);
  const std::span<const EngineRef> ran_on = graph_.follow_engines(task.ref.slot);
  const auto take = [&](EngineRef engine) {
    if (engines_.is_registered(engine)) candidates.registered.push_back(engine.slot);
  };
  if (targets.empty()) {
    for (EngineRef engine : ran_on) {
      if (!task.bans.forbids(engine)) take(engine);
    }
    return candidates;
  }
  for (const EngineUuid& target : targets) {
    const std::optional<EngineSlot> slot = engines_.find(target.view());
    const bool is_here = slot && engines_.at(*slot).registered;
    const Ban* ban = slot ? task.bans.find(engines_.ref(*slot)) : nullptr;
    const bool is_refused = ban != nullptr && ban->kind == BanKind::kNever;
    if (!is_here || ban != nullptr) candidates.awaited.push_back(target);
    candidates.any_target_left |= !is_refused;
    if (!is_here || is_refused) continue;
    const EngineRef engine = engines_.ref(*slot);
    if (!has_follow || std::find(ran_on.begin(), ran_on.end(), engine) != ran_on.end()) {
      take(engine);
    }
  }
  return candidates;
}

/// Queues a task whose dependencies are met, or fails it when no engine can ever take it.
void TaskScheduler::place(Task& task, SchedulerOutbox& out) {
  const bool has_targets = !task.request.terms.targets.empty();
  const bool has_follow = graph_.has_follow(task.ref.slot);
  task_state::Ready ready;
  std::vector<EngineUuid> awaited;
  if (is_pure() || (!has_targets && !has_follow)) {
    ready.reach = task.bans.empty() ? Reach::kAnywhere : Reach::kAnywhereBut;
  } else {
    ready.reach = Reach::kOnly;
    Candidates candidates = candidates_of(task);
    if (has_targets && !candidates.any_target_left) {
      return fail(task, ErrorCode::kImpossibleDependency, out);
    }
    if (candidates.registered.empty() && engines_.registered_count() > 0) {
      if (graph_.follow_is_complete(task.ref.slot)) {
        return fail(task, ErrorCode::kImpossibleDependency, out);
      }
      if (!task.is<task_state::Blocked>()) task.move_to(task_state::Blocked{});
      return;
    }
    std::vector<EngineSlot>& preferred = ready.only;
    std::copy_if(
        candidates.registered.begin(), candidates.registered.end(), std::back_inserter(preferred),
        [&](EngineSlot engine) { return task.bans.find(engines_.ref(engine)) == nullptr; });
    if (preferred.empty()) preferred = std::move(candidates.registered);
    awaited = std::move(candidates.awaited);
  }
  task.move_to(std::move(ready));
  ready_.push(task, awaited);
  fresh_tasks_.push({task.ref.sequence, task.ref.slot}, [](const Fresh&) { return true; });
}

/// Gives out work, first submitted first. Only tasks that have just become ready and engines that
/// have just become free need a look: no older task may go to any other engine (invariant 3).
void TaskScheduler::dispatch(SchedulerOutbox& out) {
  while (placement_.room_count() > 0) {
    const Next next = next_to_run();
    if (next.task == nullptr) break;
    if (const std::optional<EngineSlot> engine = pick_for(*next.task)) {
      assign(*next.task, *engine, out);
    } else {
      TRIREME_CHECK(!next.must_run,
                    "task " + next.task->request.msg_id.str() + " found no engine\n" + describe());
    }
  }
  fresh_tasks_.clear();
  fresh_engines_.clear();
}

/// The first task worth a try: a fresh one, or one that a fresh engine may take.
TaskScheduler::Next TaskScheduler::next_to_run() {
  const auto is_ready = [this](const Fresh& fresh) {
    const Task* task = tasks_.current({fresh.slot, fresh.sequence});
    return task != nullptr && task->is<task_state::Ready>();
  };
  const Fresh* fresh = fresh_tasks_.top(is_ready);
  Next next{fresh == nullptr ? nullptr : &tasks_.at(fresh->slot), false};
  for (std::size_t index = 0; index < fresh_engines_.size();) {
    const EngineSlot engine = fresh_engines_[index];
    Task* first = placement_.has_room(engine) ? ready_.first_for(engine) : nullptr;
    if (first == nullptr) {
      fresh_engines_[index] = fresh_engines_.back();
      fresh_engines_.pop_back();
      continue;
    }
    if (next.task == nullptr || first->ref.sequence <= next.task->ref.sequence) {
      next = {first, true};
    }
    ++index;
  }
  if (fresh != nullptr && next.task->ref.sequence == fresh->sequence) fresh_tasks_.pop();
  return next;
}

/// An engine with room that the ready task may go to, by the scheme.
std::optional<EngineSlot> TaskScheduler::pick_for(const Task& task) {
  const auto& ready = *task.get<task_state::Ready>();
  if (ready.reach == Reach::kAnywhere) return placement_.pick();
  if (ready.reach == Reach::kOnly) return placement_.pick_among(ready.only);
  std::vector<EngineSlot> excluded;
  for (const Ban& ban : task.bans.entries()) {
    if (engines_.is_registered(ban.engine) && !bans_permit(task.bans, ban.engine.slot, engines_)) {
      excluded.push_back(ban.engine.slot);
    }
  }
  return placement_.pick_except(excluded);
}

void TaskScheduler::assign(Task& task, EngineSlot slot, SchedulerOutbox& out) {
  TRIREME_CHECK(placement_.has_room(slot), "engine has no room");
  put_on_engine(task, slot);
  ++task.attempts;
  out.effects.emplace_back(RunTask{&task.request, &engines_.at(slot).uuid, task.attempts});
}

/// The engine has the task from now on.
void TaskScheduler::put_on_engine(Task& task, EngineSlot slot) {
  EngineTable::Engine& engine = engines_.at(slot);
  placement_.assign(slot);
  const auto position = static_cast<std::uint32_t>(engine.running.size());
  engine.running.push_back(task.ref.slot);
  task.move_to(task_state::Running{slot, position, ++assignments_});
  task.deadline.reset();
  ++running_count_;
}

/// Undoes assign() for a task that moves on or ends right after; its engine may have room now.
EngineRef TaskScheduler::take_from_engine(Task& task) {
  const auto [slot, position, assignment] = *task.running();
  EngineTable::Engine& engine = engines_.at(slot);
  const TaskSlot last = engine.running.back();
  engine.running[position] = last;
  tasks_.at(last).running()->position = position;
  engine.running.pop_back();
  --running_count_;
  if (engine.registered) {
    placement_.release(slot);
    fresh_engines_.push_back(slot);
  } else {
    idle_engines_.push_back(slot);
  }
  return engines_.ref(slot);
}

/// Forgets a departed engine that runs nothing; does nothing for any other.
void TaskScheduler::forget_if_done(EngineSlot slot) {
  const EngineTable::Engine& engine = engines_.at(slot);
  if (!engine.in_use || engine.registered || !engine.running.empty()) return;
  std::erase_if(departures_, [slot](const Departure& gone) { return gone.engine == slot; });
  engines_.forget(slot);
}

}  // namespace trireme
