// The ledger of tasks sent to a named engine and not yet answered.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "session/ids.hpp"

namespace trireme {

/// Which direct tasks (MUX, and each target of a broadcast) run where. Pure; one thread. Keyed by
/// engine id, not uuid: an engine that comes back under its old uuid does not inherit the tasks
/// its former self took down.
///
/// Invariant 1: every task is in both indexes, once.
class DirectTasks {
 public:
  /// False when the id is pending already; then nothing changes.
  bool add(const MsgId& msg_id, EngineId engine);
  /// The task is answered; gives its engine. Empty when it was not pending.
  std::optional<EngineId> finish(const MsgId& msg_id);
  /// The engine is gone for good: its tasks, in order of submission, leave the ledger.
  std::vector<MsgId> take_all(EngineId engine);

  bool is_pending(const MsgId& msg_id) const { return places_.contains(msg_id); }
  std::size_t count_on(EngineId engine) const;
  /// In order of submission.
  std::vector<MsgId> pending_on(EngineId engine) const;
  /// All of them, engine by engine.
  std::vector<MsgId> pending() const;
  std::size_t size() const noexcept { return places_.size(); }

  void check_invariants() const;

 private:
  using Order = std::list<const MsgId*>;  // of submission; the ids are keys of places_
  struct Place {
    EngineId engine;
    Order::iterator at;
  };

  std::unordered_map<MsgId, Place> places_;
  std::map<EngineId, Order> by_engine_;
};

}  // namespace trireme
