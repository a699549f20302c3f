// How the scheduling cores name tasks and engines among themselves: small indexes into tables.
#pragma once

#include <compare>
#include <cstdint>

namespace trireme {

/// Index of a live task in the task table; used again after the task has ended.
using TaskSlot = std::uint32_t;
/// Index of an engine in the engine table; used again after the engine has gone.
using EngineSlot = std::uint32_t;

/// One task for certain: the slot, and the submission number that tells its users apart.
struct TaskRef {
  TaskSlot slot = 0;
  std::uint64_t sequence = 0;
  friend bool operator==(const TaskRef&, const TaskRef&) = default;
};

/// One engine for certain: the slot, and which of its users is meant.
struct EngineRef {
  EngineSlot slot = 0;
  std::uint32_t generation = 0;
  friend auto operator<=>(const EngineRef&, const EngineRef&) = default;
};

/// An engine that ran something once and that no engine registered now is equal to.
inline constexpr EngineRef kGoneEngine{UINT32_MAX, 0};

}  // namespace trireme
