// The engines a task should not go to again, and how strictly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "controller/slots.hpp"

namespace trireme {

/// kFailed: the task failed there and prefers another engine; an engine that may do better is
/// worth waiting for only when there is one. kUnmet: the engine said that it cannot run the task
/// (a functional dependency is not met there); it is never asked again.
enum class BanReason : std::uint8_t { kFailed, kUnmet };

struct Ban {
  EngineRef engine;
  BanReason reason;
  friend auto operator<=>(const Ban&, const Ban&) = default;
};

/// Sorted by engine, one ban an engine; kUnmet replaces kFailed. Small: a task visits few engines.
class BanList {
 public:
  void add(EngineRef engine, BanReason reason) {
    auto place = std::lower_bound(
        bans_.begin(), bans_.end(), engine,
        [](const Ban& ban, const EngineRef& wanted) { return ban.engine < wanted; });
    if (place == bans_.end() || place->engine != engine) {
      bans_.insert(place, Ban{engine, reason});
    } else if (reason == BanReason::kUnmet) {
      place->reason = reason;
    }
  }

  const Ban* find(EngineRef engine) const {
    for (const Ban& ban : bans_) {
      if (ban.engine == engine) return &ban;
    }
    return nullptr;
  }
  bool forbids(EngineRef engine) const {
    const Ban* ban = find(engine);
    return ban != nullptr && ban->reason == BanReason::kUnmet;
  }

  bool empty() const noexcept { return bans_.empty(); }
  const std::vector<Ban>& entries() const noexcept { return bans_; }

  friend auto operator<=>(const BanList&, const BanList&) = default;

 private:
  std::vector<Ban> bans_;
};

}  // namespace trireme
