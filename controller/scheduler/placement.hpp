// Which engine gets a task: the policies, over the engines that have room.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "controller/scheduler/slots.hpp"

namespace trireme {

/// The ways to choose among engines with room, in a list that begins with the newest engines and
/// then goes from the least to the most recently assigned one:
/// leastload: the lowest load, the first in the list among equals. Fair to long tasks.
/// lru: the first in the list, whatever its load. Spreads evenly when tasks are alike.
/// plainrandom: any, each equally likely.
/// twobin: the earlier in the list of two picked at random. Nearly lru without a central order.
/// weighted: two picks, each with chances as 1 to load, and the less loaded of them.
/// pure: round robin; the scheduler then reads no terms and knows no limit per engine.
enum class Scheme : std::uint8_t { kLeastLoad, kLru, kPlainRandom, kTwoBin, kWeighted, kPure };

struct SchemeName {
  Scheme scheme;
  std::string_view name;  // as on the command line and in connection files
};
inline constexpr std::array kSchemeNames{
    SchemeName{Scheme::kLeastLoad, "leastload"},     SchemeName{Scheme::kLru, "lru"},
    SchemeName{Scheme::kPlainRandom, "plainrandom"}, SchemeName{Scheme::kTwoBin, "twobin"},
    SchemeName{Scheme::kWeighted, "weighted"},       SchemeName{Scheme::kPure, "pure"},
};
std::optional<Scheme> scheme_from_name(std::string_view name);
std::string_view scheme_name(Scheme scheme);

/// Loads and order of the engines, and the choice among those that have room. An engine has room
/// while its load is below `hwm`; 0 means that it always has. Every operation costs O(log n) in
/// the number of engines, except the choice under restrictions for the schemes with chance, and
/// weighted, whose choice walks the distinct loads (few, as the policy evens them out).
///
/// Invariants: (1) exactly the joined engines with room are in the index of the scheme. (2) No
/// two joined engines have the same place in the list.
class Placement {
 public:
  /// `random` is drawn from by the schemes with chance only.
  Placement(Scheme scheme, std::uint32_t hwm, std::mt19937_64 random);

  /// Puts an engine at the front of the list. It must not be joined.
  void join(EngineSlot engine, std::uint32_t load = 0);
  void leave(EngineSlot engine);
  /// One task more, whether or not there is room: the engine moves to the end of the list.
  void assign(EngineSlot engine);
  /// One task less: the engine stays where it is in the list.
  void release(EngineSlot engine);

  bool joined(EngineSlot engine) const {
    return engine < engines_.size() && engines_[engine].joined;
  }
  bool has_room(EngineSlot engine) const {
    return joined(engine) && (hwm_ == 0 || engines_[engine].load < hwm_);
  }
  std::uint32_t load(EngineSlot engine) const { return engines_[engine].load; }
  std::size_t room_count() const noexcept { return room_count_; }

  /// Chooses among all engines with room; empty when there are none.
  std::optional<EngineSlot> pick();
  /// Chooses among those of `candidates` (distinct) that have room.
  std::optional<EngineSlot> pick_among(std::span<const EngineSlot> candidates);
  /// Chooses among the engines with room except `excluded` (few).
  std::optional<EngineSlot> pick_except(std::span<const EngineSlot> excluded);

  Scheme scheme() const noexcept { return scheme_; }
  std::uint32_t hwm() const noexcept { return hwm_; }
  /// All joined engines, in the order of the list. For people and tests.
  std::vector<EngineSlot> list() const;
  void check_invariants() const;

 private:
  struct Engine {
    bool joined = false;
    std::uint32_t load = 0;
    std::uint32_t position = 0;  // in its group of by_load_
    std::int64_t order = 0;      // place in the list
  };
  struct Rank {  // what the schemes without chance sort by
    std::uint32_t load;
    std::int64_t order;
    EngineSlot engine;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };

  bool uses_chance() const {
    return scheme_ == Scheme::kPlainRandom || scheme_ == Scheme::kTwoBin ||
           scheme_ == Scheme::kWeighted;
  }
  Rank rank_of(EngineSlot engine) const;
  void index(EngineSlot engine);
  void unindex(EngineSlot engine);
  EngineSlot draw_uniform();
  EngineSlot draw_weighted();
  EngineSlot better_of(EngineSlot first, EngineSlot second) const;
  EngineSlot draw_from(std::span<const EngineSlot> candidates);
  std::size_t random_index(std::size_t count);

  Scheme scheme_;
  std::uint32_t hwm_;
  std::mt19937_64 random_;
  std::vector<Engine> engines_;  // by slot
  std::size_t room_count_ = 0;
  std::int64_t front_ = 0;
  std::int64_t back_ = 0;
  std::set<Rank> by_rank_;  // engines with room, for the schemes without chance
  std::map<std::uint32_t, std::vector<EngineSlot>> by_load_;  // the same, for those with chance
  std::vector<EngineSlot> scratch_;
};

}  // namespace trireme
