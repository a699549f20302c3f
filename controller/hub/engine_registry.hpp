// Who is here: engine ids and uuids, registrations waiting for their first heartbeat, and the dead.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/result.hpp"

namespace trireme {

/// Gives out engine ids and knows which engine has which. Pure; one thread.
///
/// An engine is first *pending* (it asked, and was given an id) and becomes *live* when its heart
/// has beaten `beats_to_join` times: twice, so that its other sockets, which it connects before the
/// heart, had time to arrive, and no message to it is lost. A pending registration whose heart
/// stays silent for `registration_timeout` *lapses*: its uuid and id may be taken by others, but
/// should the heart begin to beat after all, the engine joins with the id it was told. A stock
/// controller forgets such an engine for good.
///
/// Invariants:
/// 1. no id is live twice, and `ids_` and `live_` mirror each other;
/// 2. a uuid is in one of live, pending, lapsed;
/// 3. an id is in one of live, pending, lapsed;
/// 4. `next_id_` is above every id ever given, except ids above kRequestedIdMax, which are refused.
class EngineRegistry {
 public:
  struct Options {
    std::chrono::milliseconds registration_timeout{30'000};
    int beats_to_join = 2;
  };
  /// An engine may ask for an id up to this one; a higher wish is treated like a taken one.
  static constexpr std::int32_t kRequestedIdMax = 1'000'000;
  /// Longest uuid: what a ZeroMQ identity can hold.
  static constexpr std::size_t kUuidBytesMax = 255;
  /// Lapsed registrations that are remembered; the oldest go first.
  static constexpr std::size_t kLapsedMax = 4096;

  EngineRegistry() = default;
  explicit EngineRegistry(Options options) : options_(options) {}

  /// An engine asks to join, perhaps for a certain id. Gives the id it shall have. kKeyError when
  /// the uuid is live or pending, kBadFormat when it cannot be an identity. An id is used up even
  /// by a registration that fails.
  Result<EngineId> begin(const EngineUuid& uuid, std::optional<std::int32_t> wanted, Instant now);

  /// The heart of this engine beats. Gives the id when this completed a registration.
  std::optional<EngineId> on_beat(const EngineUuid& uuid);

  /// A live engine is gone; gives its uuid. Empty when no live engine has this id.
  std::optional<EngineUuid> remove(EngineId id);
  /// A pending engine gave up. True when there was one.
  bool cancel_pending(EngineId id);

  /// Pending registrations whose time is up lapse; gives them for the log.
  std::vector<EngineId> on_deadline(Instant now);
  std::optional<Instant> next_deadline() const;

  const std::map<EngineId, EngineUuid>& live() const noexcept { return live_; }
  std::optional<EngineId> id_of(const EngineUuid& uuid) const;
  std::optional<EngineUuid> uuid_of(EngineId id) const;
  bool is_live(EngineId id) const { return live_.contains(id); }
  /// True for ids that were live once and are not now.
  bool is_dead(EngineId id) const { return dead_.contains(id); }
  /// True while a heartbeat of this uuid would complete a registration.
  bool is_awaited(const EngineUuid& uuid) const;
  std::size_t pending_count() const noexcept { return pending_.size(); }

  /// The id that an awaited engine was told.
  std::optional<EngineId> awaited_id_of(const EngineUuid& uuid) const;
  /// `{"engines": {"<id>": "<uuid>"}, "awaited": {...}, "next_id": n}`: what a restarted controller
  /// needs. Those that are awaited were told their ids and have not joined yet; the member is left
  /// out when there are none.
  std::string snapshot_json() const;
  /// Takes over the engines of such a text; who was awaited has lapsed. kBadFormat, and nothing
  /// changes, when it is none.
  Result<void> restore(std::string_view json);

  void check_invariants() const;

 private:
  struct Registration {
    EngineId id;
    Instant deadline;
    int beats = 0;
  };

  using Pending = std::pair<EngineUuid, EngineId>;

  EngineId choose_id(std::optional<std::int32_t> wanted);
  bool is_taken(EngineId id) const;
  void forget_lapsed(EngineId id);

  Options options_;
  std::int32_t next_id_ = 0;
  std::map<EngineId, EngineUuid> live_;
  std::unordered_map<EngineUuid, EngineId> ids_;
  std::unordered_map<EngineUuid, Registration> pending_;
  std::deque<Pending> pending_order_;  // by deadline; may name registrations that are over
  std::unordered_map<EngineUuid, EngineId> lapsed_;
  std::deque<Pending> lapsed_order_;  // oldest first; may be outdated
  std::set<EngineId> dead_;
};

}  // namespace trireme
