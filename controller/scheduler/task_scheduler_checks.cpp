// The scheduler looks at itself: a description for people, and the promises it must keep.
#include <algorithm>
#include <string>

#include "controller/scheduler/task_scheduler.hpp"

namespace trireme {
namespace {

constexpr std::size_t kEnginesDescribedMax = 20;

}  // namespace

std::string TaskScheduler::describe() const {
  std::array<std::size_t, std::variant_size_v<TaskState>> counts{};
  for (TaskSlot slot = 0; slot < tasks_.slot_count(); ++slot) {
    if (const Task* task = tasks_.peek(slot)) ++counts[task->state().index()];
  }
  std::string text = "scheduler: " + std::string(scheme_name(options_.scheme)) + ", hwm " +
                     std::to_string(placement_.hwm()) + "; " + std::to_string(counts[1]) +
                     " checking, " + std::to_string(counts[2]) + " blocked, " +
                     std::to_string(counts[3]) + " ready, " + std::to_string(counts[4]) +
                     " running\n";
  text += "since the start: " + std::to_string(counters_.submitted) + " submitted, " +
          std::to_string(counters_.completed) + " completed, " + std::to_string(counters_.failed) +
          " failed, " + std::to_string(counters_.retried) + " retried, " +
          std::to_string(counters_.unmet) + " refused, " + std::to_string(counters_.stranded) +
          " stranded\n";
  const std::vector<EngineSlot> engines = placement_.list();
  text += std::to_string(engines.size()) + " engines, " + std::to_string(departures_.size()) +
          " departures in grace, " + std::to_string(placement_.room_count()) + " with room\n";
  for (std::size_t place = 0; place < engines.size() && place < kEnginesDescribedMax; ++place) {
    text += "  " + engines_.at(engines[place]).uuid.str() + ": load " +
            std::to_string(placement_.load(engines[place])) + "\n";
  }
  return text;
}

void TaskScheduler::check_engines() const {
  std::size_t running = 0;
  for (EngineSlot slot = 0; slot < engines_.slot_count(); ++slot) {
    const EngineTable::Engine& engine = engines_.at(slot);
    running += engine.running.size();
    TRIREME_CHECK(engine.registered == placement_.joined(slot),
                  "(1) engine " + engine.uuid.str() + " is here and not here\n" + describe());
    if (engine.registered) {
      TRIREME_CHECK(placement_.load(slot) == engine.running.size(),
                    "(1) wrong load of engine " + engine.uuid.str() + "\n" + describe());
    } else if (engine.in_use) {
      const bool has_departure =
          std::any_of(departures_.begin(), departures_.end(),
                      [slot](const Departure& gone) { return gone.engine == slot; });
      TRIREME_CHECK(has_departure && !engine.running.empty(),
                    "(1) engine " + engine.uuid.str() + " left and stays\n" + describe());
    }
    for (std::uint32_t position = 0; position < engine.running.size(); ++position) {
      const Task* task = tasks_.peek(engine.running[position]);
      const auto* state = task == nullptr ? nullptr : task->get<task_state::Running>();
      TRIREME_CHECK(state != nullptr && state->engine == slot && state->position == position,
                    "(2) engine " + engine.uuid.str() + " lists a task that it does not have");
    }
  }
  TRIREME_CHECK(running == running_count_, "(2) wrong count of running tasks\n" + describe());
}

void TaskScheduler::check_task(const Task& task) const {
  const std::string name = task.request.msg_id.str();
  TRIREME_CHECK(!outcomes_.contains(task.request.msg_id), "(8) " + name + " is live and ended");
  if (task.is<task_state::Running>()) {
    TRIREME_CHECK(!task.deadline, "(6) " + name + " runs and could time out");
    return;
  }
  TRIREME_CHECK(!task.is<task_state::Submitted>(), "(7) " + name + " was never looked at");
  TRIREME_CHECK(!task.deadline || (next_deadline() && *next_deadline() <= *task.deadline),
                "(6) nobody will wake for the timeout of " + name);
  const TaskSlot slot = task.ref.slot;
  if (task.is<task_state::Blocked>()) {
    const Verdict after = graph_.verdict(slot, Gate::kAfter);
    const Verdict follow = graph_.verdict(slot, Gate::kFollow);
    TRIREME_CHECK(after != Verdict::kUnreachable && follow != Verdict::kUnreachable,
                  "(5) " + name + " waits for what cannot come");
    TRIREME_CHECK(after == Verdict::kWaiting || !graph_.follow_is_complete(slot),
                  "(5) " + name + " is blocked by nothing");
  }
  const auto* ready = task.get<task_state::Ready>();
  if (ready == nullptr) return;
  TRIREME_CHECK(
      ready->reach != Reach::kOnly || ready->only.empty() == (engines_.registered_count() == 0),
      "(4) " + name + " has nowhere to go");
  for (EngineSlot engine : ready->only) {
    TRIREME_CHECK(engines_.at(engine).registered, "(4) " + name + " waits for a gone engine");
    TRIREME_CHECK(!placement_.has_room(engine), "(3) " + name + " could run\n" + describe());
  }
  if (ready->reach == Reach::kOnly || placement_.room_count() == 0) return;
  TRIREME_CHECK(ready->reach == Reach::kAnywhereBut, "(3) " + name + " could run\n" + describe());
  for (EngineSlot engine : placement_.list()) {
    TRIREME_CHECK(!placement_.has_room(engine) || !bans_permit(task.bans, engine, engines_),
                  "(3) " + name + " could run after all\n" + describe());
  }
}

void TaskScheduler::check_invariants() const {
  placement_.check_invariants();
  graph_.check_invariants();
  check_engines();
  for (const Departure& departure : departures_) {
    TRIREME_CHECK(engines_.at(departure.engine).in_use, "(1) a departure of nobody");
    TRIREME_CHECK(next_deadline() && *next_deadline() <= departure.when,
                  "(6) nobody will wake for stranded tasks");
  }
  for (TaskSlot slot = 0; slot < tasks_.slot_count(); ++slot) {
    if (const Task* task = tasks_.peek(slot)) check_task(*task);
  }
  TRIREME_CHECK(
      touched_.empty() && fresh_tasks_.empty() && fresh_engines_.empty() && idle_engines_.empty(),
      "(7) work of an event was left over");
}

}  // namespace trireme
