// The policies and their indexes.
#include "controller/scheduler/placement.hpp"

#include <algorithm>
#include <string>

#include "session/result.hpp"

namespace trireme {
namespace {

/// Chances of an engine under `weighted`; an idle one is a million times likelier than one with
/// a single task.
double weight_of(std::uint32_t load) { return 1.0 / (1e-6 + load); }

bool contains(std::span<const EngineSlot> engines, EngineSlot engine) {
  return std::find(engines.begin(), engines.end(), engine) != engines.end();
}

}  // namespace

std::optional<Scheme> scheme_from_name(std::string_view name) {
  for (const SchemeName& entry : kSchemeNames) {
    if (entry.name == name) return entry.scheme;
  }
  return std::nullopt;
}

std::string_view scheme_name(Scheme scheme) {
  for (const SchemeName& entry : kSchemeNames) {
    if (entry.scheme == scheme) return entry.name;
  }
  return "";
}

Placement::Placement(Scheme scheme, std::uint32_t hwm, std::mt19937_64 random)
    : scheme_(scheme), hwm_(scheme == Scheme::kPure ? 0 : hwm), random_(random) {}

Placement::Rank Placement::rank_of(EngineSlot engine) const {
  const Engine& state = engines_[engine];
  return {scheme_ == Scheme::kLeastLoad ? state.load : 0, state.order, engine};
}

/// Enters an engine into the index of the scheme if it has room.
void Placement::index(EngineSlot engine) {
  if (!has_room(engine)) return;
  ++room_count_;
  if (!uses_chance()) {
    by_rank_.insert(rank_of(engine));
    return;
  }
  std::vector<EngineSlot>& group = by_load_[engines_[engine].load];
  engines_[engine].position = static_cast<std::uint32_t>(group.size());
  group.push_back(engine);
}

/// Undoes index(), before load, order or presence change.
void Placement::unindex(EngineSlot engine) {
  if (!has_room(engine)) return;
  --room_count_;
  if (!uses_chance()) {
    by_rank_.erase(rank_of(engine));
    return;
  }
  auto found = by_load_.find(engines_[engine].load);
  std::vector<EngineSlot>& group = found->second;
  const std::uint32_t position = engines_[engine].position;
  group[position] = group.back();
  engines_[group[position]].position = position;
  group.pop_back();
  if (group.empty()) by_load_.erase(found);
}

void Placement::join(EngineSlot engine, std::uint32_t load) {
  if (engine >= engines_.size()) engines_.resize(engine + 1);
  TRIREME_CHECK(!engines_[engine].joined, "engine joined twice");
  engines_[engine] = {true, load, 0, --front_};
  index(engine);
}

void Placement::leave(EngineSlot engine) {
  TRIREME_CHECK(joined(engine), "engine is not joined");
  unindex(engine);
  engines_[engine].joined = false;
}

void Placement::assign(EngineSlot engine) {
  TRIREME_CHECK(joined(engine), "an engine that has not joined runs nothing");
  unindex(engine);
  ++engines_[engine].load;
  engines_[engine].order = ++back_;
  index(engine);
}

void Placement::release(EngineSlot engine) {
  TRIREME_CHECK(joined(engine) && engines_[engine].load > 0, "engine has nothing to release");
  unindex(engine);
  --engines_[engine].load;
  index(engine);
}

std::size_t Placement::random_index(std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
}

EngineSlot Placement::draw_uniform() {
  std::size_t index = random_index(room_count_);
  auto group = by_load_.begin();
  while (index >= group->second.size()) {
    index -= group->second.size();
    ++group;
  }
  return group->second[index];
}

EngineSlot Placement::draw_weighted() {
  double total = 0;
  for (const auto& [load, group] : by_load_) {
    total += weight_of(load) * static_cast<double>(group.size());
  }
  double left = std::uniform_real_distribution<double>(0, total)(random_);
  auto last = std::prev(by_load_.end());
  for (auto group = by_load_.begin(); group != last; ++group) {
    left -= weight_of(group->first) * static_cast<double>(group->second.size());
    if (left < 0) return group->second[random_index(group->second.size())];
  }
  return last->second[random_index(last->second.size())];
}

/// The one of two picks that the scheme prefers.
EngineSlot Placement::better_of(EngineSlot first, EngineSlot second) const {
  const Engine& one = engines_[first];
  const Engine& other = engines_[second];
  if (scheme_ == Scheme::kTwoBin) return other.order < one.order ? second : first;
  return other.load < one.load ? second : first;
}

std::optional<EngineSlot> Placement::pick() {
  if (room_count_ == 0) return std::nullopt;
  if (!uses_chance()) return by_rank_.begin()->engine;
  if (scheme_ == Scheme::kPlainRandom) return draw_uniform();
  if (scheme_ == Scheme::kTwoBin) {
    const EngineSlot first = draw_uniform();
    return better_of(first, draw_uniform());
  }
  const EngineSlot first = draw_weighted();
  return better_of(first, draw_weighted());
}

/// Chooses among candidates that all have room; there is at least one.
EngineSlot Placement::draw_from(std::span<const EngineSlot> candidates) {
  if (!uses_chance()) {
    return *std::min_element(
        candidates.begin(), candidates.end(),
        [this](EngineSlot left, EngineSlot right) { return rank_of(left) < rank_of(right); });
  }
  if (scheme_ != Scheme::kWeighted) {
    const EngineSlot first = candidates[random_index(candidates.size())];
    if (scheme_ == Scheme::kPlainRandom) return first;
    return better_of(first, candidates[random_index(candidates.size())]);
  }
  std::vector<double> weights;
  for (EngineSlot engine : candidates) weights.push_back(weight_of(engines_[engine].load));
  std::discrete_distribution<std::size_t> draw(weights.begin(), weights.end());
  const EngineSlot first = candidates[draw(random_)];
  return better_of(first, candidates[draw(random_)]);
}

std::optional<EngineSlot> Placement::pick_among(std::span<const EngineSlot> candidates) {
  if (room_count_ == 0) return std::nullopt;
  scratch_.clear();
  for (EngineSlot engine : candidates) {
    if (has_room(engine)) scratch_.push_back(engine);
  }
  if (scratch_.empty()) return std::nullopt;
  return draw_from(scratch_);
}

std::optional<EngineSlot> Placement::pick_except(std::span<const EngineSlot> excluded) {
  for (const Rank& rank : by_rank_) {  // empty for the schemes with chance
    if (!contains(excluded, rank.engine)) return rank.engine;
  }
  scratch_.clear();
  for (const auto& [load, group] : by_load_) {
    for (EngineSlot engine : group) {
      if (!contains(excluded, engine)) scratch_.push_back(engine);
    }
  }
  if (scratch_.empty()) return std::nullopt;
  return draw_from(scratch_);
}

std::vector<EngineSlot> Placement::list() const {
  std::vector<EngineSlot> engines;
  for (EngineSlot engine = 0; engine < engines_.size(); ++engine) {
    if (engines_[engine].joined) engines.push_back(engine);
  }
  std::sort(engines.begin(), engines.end(), [this](EngineSlot left, EngineSlot right) {
    return engines_[left].order < engines_[right].order;
  });
  return engines;
}

void Placement::check_invariants() const {
  std::size_t with_room = 0;
  const std::vector<EngineSlot> engines = list();
  for (std::size_t place = 0; place < engines.size(); ++place) {
    const EngineSlot engine = engines[place];
    TRIREME_CHECK(place == 0 || engines_[engines[place - 1]].order < engines_[engine].order,
                  "(2) two engines have one place in the list");
    if (!has_room(engine)) continue;
    ++with_room;
    if (uses_chance()) {
      auto group = by_load_.find(engines_[engine].load);
      TRIREME_CHECK(group != by_load_.end() && contains(group->second, engine),
                    "(1) engine missing from the groups by load");
    } else {
      TRIREME_CHECK(by_rank_.contains(rank_of(engine)), "(1) engine missing from the ranks");
    }
  }
  std::size_t indexed = by_rank_.size();
  for (const auto& [load, group] : by_load_) indexed += group.size();
  TRIREME_CHECK(indexed == with_room && room_count_ == with_room,
                "(1) the index holds " + std::to_string(indexed) + " engines, " +
                    std::to_string(with_room) + " have room");
}

}  // namespace trireme
