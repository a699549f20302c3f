// Two indexes over the same tasks.
#include "controller/hub/direct_tasks.hpp"

#include <utility>

#include "session/result.hpp"

namespace trireme {

bool DirectTasks::add(const MsgId& msg_id, EngineId engine) {
  const auto [entry, is_new] = places_.try_emplace(msg_id, Place{engine, {}});
  if (!is_new) return false;
  Order& tasks = by_engine_[engine];
  entry->second.at = tasks.insert(tasks.end(), &entry->first);
  return true;
}

std::optional<EngineId> DirectTasks::finish(const MsgId& msg_id) {
  const auto found = places_.find(msg_id);
  if (found == places_.end()) return std::nullopt;
  const Place place = found->second;
  places_.erase(found);
  const auto tasks = by_engine_.find(place.engine);
  tasks->second.erase(place.at);
  if (tasks->second.empty()) by_engine_.erase(tasks);
  return place.engine;
}

std::vector<MsgId> DirectTasks::take_all(EngineId engine) {
  std::vector<MsgId> taken;
  const auto tasks = by_engine_.find(engine);
  if (tasks == by_engine_.end()) return taken;
  taken.reserve(tasks->second.size());
  for (const MsgId* msg_id : tasks->second) {
    taken.push_back(*msg_id);
    places_.erase(taken.back());
  }
  by_engine_.erase(tasks);
  return taken;
}

std::vector<MsgId> DirectTasks::pending() const {
  std::vector<MsgId> ids;
  ids.reserve(size());
  for (const auto& [engine, tasks] : by_engine_) {
    for (const MsgId* msg_id : tasks) ids.push_back(*msg_id);
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
  for (const MsgId* msg_id : tasks->second) pending.push_back(*msg_id);
  return pending;
}

void DirectTasks::check_invariants() const {
  std::size_t indexed = 0;
  for (const auto& [engine, tasks] : by_engine_) {
    TRIREME_CHECK(!tasks.empty(), "invariant 1: an engine without tasks is not indexed");
    for (auto at = tasks.begin(); at != tasks.end(); ++at) {
      const auto found = places_.find(**at);
      TRIREME_CHECK(found != places_.end() && found->second.engine == engine &&
                        Order::const_iterator(found->second.at) == at && &found->first == *at,
                    "invariant 1: " + (*at)->str());
      ++indexed;
    }
  }
  TRIREME_CHECK(indexed == places_.size(), "invariant 1: tasks without engine");
}

}  // namespace trireme
