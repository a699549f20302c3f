// The engines a client knows: told by notifications, corrected by the hub's own list.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "session/ids.hpp"

namespace trireme {

/// Who is there, by id and by uuid. Invariants: (1) ids_ and uuids_ name the same engines;
/// (2) no engine that is there is in gone_.
class KnownEngines {
 public:
  /// True when the engine was not there; it may have been before.
  bool add(EngineId id, const EngineUuid& uuid);
  /// True when the engine was there. No list that was asked for before brings it back.
  bool remove(const EngineUuid& uuid);

  /// The hub's list is asked for: remembers who is there now. Only these can be missing from the
  /// answer because they are gone; others may have come while it travelled.
  void begin_refresh();
  struct Changes {
    bool any = false;
    std::vector<EngineUuid> gone;
  };
  Changes end_refresh(const std::map<EngineId, EngineUuid>& listed);

  const std::map<EngineId, EngineUuid>& engines() const noexcept { return uuids_; }
  /// The id of an engine that is or was there.
  std::optional<EngineId> id_of(const EngineUuid& uuid) const;
  bool contains(const EngineUuid& uuid) const { return ids_.contains(uuid); }
  void check_invariants() const;

 private:
  std::map<EngineId, EngineUuid> uuids_;
  std::unordered_map<EngineUuid, EngineId> ids_;
  std::unordered_map<EngineUuid, EngineId> gone_;
  std::unordered_set<EngineUuid> before_refresh_;
  std::unordered_set<EngineUuid> left_meanwhile_;  // since the latest list was asked for
};

}  // namespace trireme
