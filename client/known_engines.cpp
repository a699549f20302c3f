#include "client/known_engines.hpp"

#include "session/result.hpp"

namespace trireme {

bool KnownEngines::add(EngineId id, const EngineUuid& uuid) {
  if (ids_.contains(uuid)) return false;
  gone_.erase(uuid);
  if (const auto held = uuids_.find(id); held != uuids_.end()) ids_.erase(held->second);
  uuids_[id] = uuid;
  ids_[uuid] = id;
  return true;
}

bool KnownEngines::remove(const EngineUuid& uuid) {
  const auto found = ids_.find(uuid);
  if (found == ids_.end()) return false;
  gone_[uuid] = found->second;
  left_meanwhile_.insert(uuid);
  uuids_.erase(found->second);
  ids_.erase(found);
  return true;
}

void KnownEngines::begin_refresh() {
  left_meanwhile_.clear();
  before_refresh_.clear();
  for (const auto& [uuid, id] : ids_) before_refresh_.insert(uuid);
}

KnownEngines::Changes KnownEngines::end_refresh(const std::map<EngineId, EngineUuid>& listed) {
  Changes changes;
  std::unordered_set<EngineUuid> there;
  for (const auto& [id, uuid] : listed) {
    there.insert(uuid);
    if (!left_meanwhile_.contains(uuid)) changes.any |= add(id, uuid);
  }
  for (const EngineUuid& uuid : before_refresh_) {
    if (there.contains(uuid) || !remove(uuid)) continue;
    changes.any = true;
    changes.gone.push_back(uuid);
  }
  before_refresh_.clear();
  return changes;
}

std::optional<EngineId> KnownEngines::id_of(const EngineUuid& uuid) const {
  if (const auto found = ids_.find(uuid); found != ids_.end()) return found->second;
  if (const auto found = gone_.find(uuid); found != gone_.end()) return found->second;
  return std::nullopt;
}

void KnownEngines::check_invariants() const {
  TRIREME_CHECK(ids_.size() == uuids_.size(), "ids and uuids name different engines");
  for (const auto& [id, uuid] : uuids_) {
    const auto found = ids_.find(uuid);
    TRIREME_CHECK(found != ids_.end() && found->second == id, "ids and uuids disagree");
    TRIREME_CHECK(!gone_.contains(uuid), "an engine is there and gone");
  }
}

}  // namespace trireme
