// The engines the scheduler knows: who is here, who has just left, and what each is running.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/scheduler/slots.hpp"
#include "session/ids.hpp"

namespace trireme {

/// Gives engines small slots. An engine that has left stays here, departed, for as long as tasks
/// are still counted as running on it. Slots are used again with a new generation, so the table
/// is as large as the largest number of engines at one time.
class EngineTable {
 public:
  struct Engine {
    EngineUuid uuid;
    std::uint32_t generation = 0;
    bool in_use = false;
    bool registered = false;        // false while in use: departed
    std::vector<TaskSlot> running;  // in no order
  };

  /// The slot of a registered or departed engine.
  std::optional<EngineSlot> find(std::string_view uuid) const;

  /// Registers an engine. A departed engine of that uuid comes back with what it is running.
  EngineSlot enter(const EngineUuid& uuid);
  /// Marks a registered engine departed.
  void depart(EngineSlot slot);
  /// Frees the slot of a departed engine that runs nothing.
  void forget(EngineSlot slot);

  Engine& at(EngineSlot slot) { return engines_[slot]; }
  const Engine& at(EngineSlot slot) const { return engines_[slot]; }
  EngineRef ref(EngineSlot slot) const { return {slot, engines_[slot].generation}; }

  /// Whether this very engine (not another user of its slot) is registered.
  bool is_registered(EngineRef engine) const {
    return engine.slot < engines_.size() && engines_[engine.slot].registered &&
           engines_[engine.slot].generation == engine.generation;
  }

  std::size_t registered_count() const noexcept { return registered_count_; }
  /// One more than the largest slot in use; for walks over all engines.
  std::size_t slot_count() const noexcept { return engines_.size(); }

 private:
  std::deque<Engine> engines_;  // stable addresses
  std::vector<EngineSlot> free_;
  // Keys are views of the uuids in engines_.
  std::unordered_map<std::string_view, EngineSlot> slots_by_uuid_;
  std::size_t registered_count_ = 0;
};

}  // namespace trireme
