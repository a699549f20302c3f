// The engines a task should not go to again, and how strictly.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "controller/scheduler/slots.hpp"

namespace trireme {

/// kAvoid: the task failed there and prefers another engine, but goes back when there is none.
/// kNever: the engine cannot run the task (a functional dependency is not met there), or the task
/// failed there and a timeout bounds its wait for another; it is never asked again.
enum class BanKind : std::uint8_t { kAvoid, kNever };

struct Ban {
  EngineRef engine;
  BanKind kind;
  friend auto operator<=>(const Ban&, const Ban&) = default;
};

/// Sorted by engine, one ban an engine; kNever replaces kAvoid. Small: a task visits few engines.
class BanList {
 public:
  void add(EngineRef engine, BanKind kind) {
    auto place = std::lower_bound(
        bans_.begin(), bans_.end(), engine,
        [](const Ban& ban, const EngineRef& wanted) { return ban.engine < wanted; });
    if (place == bans_.end() || place->engine != engine) {
      bans_.insert(place, Ban{engine, kind});
    } else if (kind == BanKind::kNever) {
      place->kind = kind;
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
    return ban != nullptr && ban->kind == BanKind::kNever;
  }

  bool empty() const noexcept { return bans_.empty(); }
  const std::vector<Ban>& entries() const noexcept { return bans_; }

  friend auto operator<=>(const BanList&, const BanList&) = default;

 private:
  std::vector<Ban> bans_;
};

}  // namespace trireme
