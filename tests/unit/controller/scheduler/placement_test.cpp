// What each scheme chooses, and that the schemes with chance choose with the right chances.
#include "controller/scheduler/placement.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme {
namespace {

Placement with(Scheme scheme, std::uint32_t hwm = 0, std::uint64_t seed = 5) {
  return Placement(scheme, hwm, std::mt19937_64(seed));
}

void assign_times(Placement& placement, EngineSlot engine, int times) {
  for (int count = 0; count < times; ++count) placement.assign(engine);
}

TEST(Placement, NamesAndSchemesAgree) {
  for (const SchemeName& entry : kSchemeNames) {
    EXPECT_EQ(scheme_from_name(entry.name), entry.scheme);
    EXPECT_EQ(scheme_name(entry.scheme), entry.name);
  }
  EXPECT_FALSE(scheme_from_name("best"));
}

TEST(Placement, NobodyToChoose) {
  for (const SchemeName& entry : kSchemeNames) {
    Placement placement = with(entry.scheme, 1);
    EXPECT_FALSE(placement.pick()) << entry.name;
    placement.join(0);
    placement.join(1);
    EXPECT_EQ(placement.pick_among(std::vector<EngineSlot>{7, 0}), 0u) << entry.name;
    EXPECT_EQ(placement.pick_except(std::vector<EngineSlot>{0}), 1u) << entry.name;
    EXPECT_FALSE(placement.pick_except(std::vector<EngineSlot>{0, 1})) << entry.name;
    EXPECT_FALSE(placement.pick_among({})) << entry.name;
    placement.leave(1);
    EXPECT_EQ(placement.pick(), 0u) << entry.name;
    placement.check_invariants();
  }
}

TEST(Placement, ListBeginsWithTheNewestAndEndsWithTheLastAssigned) {
  Placement placement = with(Scheme::kLru);
  for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);
  EXPECT_EQ(placement.list(), (std::vector<EngineSlot>{2, 1, 0}));
  placement.assign(2);
  EXPECT_EQ(placement.list(), (std::vector<EngineSlot>{1, 0, 2}));
  placement.release(2);
  EXPECT_EQ(placement.list(), (std::vector<EngineSlot>{1, 0, 2}));
  placement.join(3);
  EXPECT_EQ(placement.list(), (std::vector<EngineSlot>{3, 1, 0, 2}));
}

TEST(Placement, LeastLoadTakesTheLowestLoadThenTheListsOrder) {
  Placement placement = with(Scheme::kLeastLoad);
  for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);
  std::vector<EngineSlot> chosen;
  for (int count = 0; count < 4; ++count) {
    chosen.push_back(*placement.pick());
    placement.assign(chosen.back());
  }
  EXPECT_EQ(chosen, (std::vector<EngineSlot>{2, 1, 0, 2}));
  placement.release(0);
  EXPECT_EQ(placement.pick(), 0u);
}

TEST(Placement, LruTakesTheLeastRecentlyAssignedWhateverItsLoad) {
  for (const Scheme scheme : {Scheme::kLru, Scheme::kPure}) {
    Placement placement = with(scheme);
    placement.join(0);
    placement.join(1);
    assign_times(placement, 0, 5);
    placement.assign(1);
    EXPECT_EQ(placement.pick(), 0u);
  }
}

TEST(Placement, FullEnginesAreNotChosen) {
  for (const SchemeName& entry : kSchemeNames) {
    if (entry.scheme == Scheme::kPure) continue;
    Placement placement = with(entry.scheme, 2);
    placement.join(0);
    placement.join(1);
    assign_times(placement, 0, 2);
    EXPECT_FALSE(placement.has_room(0));
    for (int count = 0; count < 20; ++count) EXPECT_EQ(placement.pick(), 1u) << entry.name;
    EXPECT_EQ(placement.room_count(), 1u);
    assign_times(placement, 1, 2);
    EXPECT_FALSE(placement.pick()) << entry.name;
    placement.release(0);
    EXPECT_EQ(placement.pick(), 0u) << entry.name;
    placement.check_invariants();
  }
}

/// How often each of the engines is chosen in 30000 draws, as shares.
std::map<EngineSlot, double> shares(Placement& placement, bool among) {
  constexpr int kDraws = 30000;
  const std::vector<EngineSlot> all{0, 1, 2};
  std::map<EngineSlot, double> share;
  for (int count = 0; count < kDraws; ++count) {
    share[among ? *placement.pick_among(all) : *placement.pick()] += 1.0 / kDraws;
  }
  return share;
}

TEST(Placement, PlainRandomIsEven) {
  for (const bool among : {false, true}) {
    Placement placement = with(Scheme::kPlainRandom);
    for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);
    assign_times(placement, 1, 4);
    for (const auto& [engine, share] : shares(placement, among)) {
      EXPECT_NEAR(share, 1.0 / 3, 0.02) << engine;
    }
  }
}

TEST(Placement, TwoBinPrefersTheEarlierInTheList) {
  for (const bool among : {false, true}) {
    Placement placement = with(Scheme::kTwoBin);
    for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);  // the list is 2, 1, 0
    auto share = shares(placement, among);
    EXPECT_NEAR(share[2], 5.0 / 9, 0.02);
    EXPECT_NEAR(share[1], 3.0 / 9, 0.02);
    EXPECT_NEAR(share[0], 1.0 / 9, 0.02);
  }
}

TEST(Placement, WeightedPrefersLightLoads) {
  for (const bool among : {false, true}) {
    Placement placement = with(Scheme::kWeighted);
    for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);
    placement.assign(0);
    assign_times(placement, 1, 2);
    assign_times(placement, 2, 4);
    auto share = shares(placement, among);  // weights 4, 2, 1 of 7; the lighter of two wins
    EXPECT_NEAR(share[0], 40.0 / 49, 0.02);
    EXPECT_NEAR(share[1], 8.0 / 49, 0.02);
    EXPECT_NEAR(share[2], 1.0 / 49, 0.02);
  }
}

TEST(Placement, WeightedTakesAnIdleEngineAlmostAlways) {
  Placement placement = with(Scheme::kWeighted);
  for (EngineSlot engine : {0u, 1u, 2u}) placement.join(engine);
  placement.assign(0);
  placement.assign(1);
  auto share = shares(placement, false);
  EXPECT_GT(share[2], 0.999);
}

TEST(Placement, IndexSurvivesRandomUse) {
  for (const SchemeName& entry : kSchemeNames) {
    Placement placement = with(entry.scheme, 3);
    std::mt19937_64 random(9);
    for (int step = 0; step < 5000; ++step) {
      const auto engine = static_cast<EngineSlot>(random() % 12);
      const auto action = random() % 8;
      if (!placement.joined(engine)) {
        placement.join(engine, static_cast<std::uint32_t>(random() % 4));
      } else if (action == 0) {
        placement.leave(engine);
      } else if (action < 4 && placement.load(engine) > 0) {
        placement.release(engine);
      } else if (const auto chosen = placement.pick()) {
        placement.assign(*chosen);
      }
      placement.check_invariants();
    }
  }
}

}  // namespace
}  // namespace trireme
