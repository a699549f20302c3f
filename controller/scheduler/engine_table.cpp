// Slots and generations of engines.
#include "controller/scheduler/engine_table.hpp"

#include "session/result.hpp"

namespace trireme {

std::optional<EngineSlot> EngineTable::find(std::string_view uuid) const {
  auto found = slots_by_uuid_.find(uuid);
  if (found == slots_by_uuid_.end()) return std::nullopt;
  return found->second;
}

EngineSlot EngineTable::enter(const EngineUuid& uuid) {
  ++registered_count_;
  if (std::optional<EngineSlot> known = find(uuid.view())) {
    TRIREME_CHECK(!engines_[*known].registered, "engine " + uuid.str() + " entered twice");
    engines_[*known].registered = true;
    return *known;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<EngineSlot>(engines_.size()));
    engines_.emplace_back();
  }
  const EngineSlot slot = free_.back();
  free_.pop_back();
  Engine& engine = engines_[slot];
  engine.uuid = uuid;
  engine.in_use = true;
  engine.registered = true;
  ++engine.generation;
  slots_by_uuid_.emplace(engine.uuid.view(), slot);
  return slot;
}

void EngineTable::depart(EngineSlot slot) {
  TRIREME_CHECK(engines_[slot].registered, "only a registered engine can depart");
  engines_[slot].registered = false;
  --registered_count_;
}

void EngineTable::forget(EngineSlot slot) {
  Engine& engine = engines_[slot];
  TRIREME_CHECK(engine.in_use && !engine.registered && engine.running.empty(),
                "engine " + engine.uuid.str() + " is still in use");
  slots_by_uuid_.erase(engine.uuid.view());
  engine.uuid = EngineUuid();
  engine.in_use = false;
  free_.push_back(slot);
}

}  // namespace trireme
