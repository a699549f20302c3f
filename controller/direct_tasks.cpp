// Two indexes over the same tasks.
#include "controller/direct_tasks.hpp"

#include <utility>

#include "session/result.hpp"

namespace trireme {

bool DirectTasks::add(const MsgId& msg_id, EngineId engine) {
  if (!places_.emplace(msg_id, Place{engine, next_sequence_}).second) return false;
  by_engine_[engine].emplace(next_sequence_++, msg_id);
  return true;
}

std::optional<EngineId> DirectTasks::finish(const MsgId& msg_id) {
  const auto found = places_.find(msg_id);
  if (found == places_.end()) return std::nullopt;
  const Place place = found->second;
  places_.erase(found);
  const auto tasks = by_engine_.find(place.engine);
  tasks->second.erase(place.sequence);
  if (tasks->second.empty()) by_engine_.erase(tasks);
  return place.engine;
}

std::vector<MsgId> DirectTasks::take_all(EngineId engine) {
  std::vector<MsgId> taken;
  const auto tasks = by_engine_.find(engine);
  if (tasks == by_engine_.end()) return taken;
  taken.reserve(tasks->second.size());
  for (auto& [sequence, msg_id] : tasks->second) {
    places_.erase(msg_id);
    taken.push_back(std::move(msg_id));
  }
  by_engine_.erase(tasks);
  return taken;
}

std::vector<MsgId> DirectTasks::pending() const {
  std::vector<MsgId> ids;
  ids.reserve(size());
  for (const auto& [engine, tasks] : by_engine_) {
    for (const auto& [sequence, msg_id] : tasks) ids.push_back(msg_id);
  }
  return ids;
}

std::size_t DirectTasks::count_on(EngineId engine) const {
  const auto tasks = by_engine_.find(engine);
  return tasks == by_engine_.end() ? 0 : tasks->second.size();
}

std::vector<MsgId> DirectTasks::pending_on(EngineId engine) const {
  std::vector<MsgId> pending;
  const auto tasks = by_engine_.find(engine);
  if (tasks == by_engine_.end()) return pending;
  pending.reserve(tasks->second.size());
  for (const auto& [sequence, msg_id] : tasks->second) pending.push_back(msg_id);
  return pending;
}

void DirectTasks::check_invariants() const {
  std::size_t indexed = 0;
  for (const auto& [engine, tasks] : by_engine_) {
    TRIREME_CHECK(!tasks.empty(), "invariant 1: an engine without tasks is not indexed");
    for (const auto& [sequence, msg_id] : tasks) {
      const auto found = places_.find(msg_id);
      TRIREME_CHECK(found != places_.end() && found->second.engine == engine &&
                        found->second.sequence == sequence,
                    "invariant 1: " + msg_id.str());
      ++indexed;
    }
  }
  TRIREME_CHECK(indexed == places_.size(), "invariant 1: tasks without engine");
}

}  // namespace trireme
