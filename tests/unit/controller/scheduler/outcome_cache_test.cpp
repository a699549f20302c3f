// The cache remembers the latest outcomes exactly, and no more than it may.
#include "controller/scheduler/outcome_cache.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace trireme {
namespace {

MsgId id_of(std::size_t number) {
  return MsgId("0f3a-" + std::to_string(number) + "_77_" + std::to_string(number));
}

TEST(OutcomeCache, RemembersWhatItWasTold) {
  OutcomeCache cache(8);
  EXPECT_FALSE(cache.find(id_of(1)));
  cache.put(id_of(1), {true, EngineRef{3, 4}});
  cache.put(id_of(2), {false, std::nullopt});
  EXPECT_EQ(cache.find(id_of(1)), (Outcome{true, EngineRef{3, 4}}));
  EXPECT_EQ(cache.find(id_of(2)), (Outcome{false, std::nullopt}));
  EXPECT_FALSE(cache.contains(id_of(3)));
}

TEST(OutcomeCache, CapacityOfZeroRemembersNothing) {
  OutcomeCache cache(0);
  cache.put(id_of(1), {});
  EXPECT_FALSE(cache.contains(id_of(1)));
}

TEST(OutcomeCache, ForgetsTheOldestFirst) {
  OutcomeCache cache(100);
  for (std::size_t number = 0; number < 250; ++number) {
    cache.put(id_of(number), {number % 2 == 0, EngineRef{static_cast<EngineSlot>(number), 1}});
  }
  EXPECT_EQ(cache.size(), 100u);
  for (std::size_t number = 0; number < 250; ++number) {
    EXPECT_EQ(cache.contains(id_of(number)), number >= 150) << number;
  }
}

TEST(OutcomeCache, SecondOutcomeOfAnIdReplacesTheFirst) {
  OutcomeCache cache(4);
  cache.put(id_of(1), {false, std::nullopt});
  cache.put(id_of(1), {true, EngineRef{1, 1}});
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.find(id_of(1)), (Outcome{true, EngineRef{1, 1}}));
}

TEST(OutcomeCache, AgreesWithAMapUnderRandomUse) {
  const std::uint64_t seed = 42;
  std::mt19937_64 random(seed);
  OutcomeCache cache(500);
  std::map<std::size_t, Outcome> model;
  std::vector<std::size_t> order;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t number = random() % 2000;
    const Outcome outcome{random() % 2 == 0, EngineRef{static_cast<EngineSlot>(step), 1}};
    cache.put(id_of(number), outcome);
    if (model.insert_or_assign(number, outcome).second) order.push_back(number);
    if (order.size() > 500) {
      model.erase(order.front());
      order.erase(order.begin());
    }
    const std::size_t probe = random() % 2000;
    auto expected = model.find(probe);
    ASSERT_EQ(cache.find(id_of(probe)),
              expected == model.end() ? std::nullopt : std::optional<Outcome>(expected->second))
        << "step " << step << ", seed " << seed;
  }
}

TEST(OutcomeCache, TellsSimilarIdsApart) {
  OutcomeCache cache;
  const std::vector<std::string> ids{"",
                                     "a",
                                     "aa",
                                     "aaaaaaa",
                                     "aaaaaaaa",
                                     "aaaaaaaaa",
                                     "aaaaaaaab",
                                     "baaaaaaaa",
                                     "aaaaaaaa\0",
                                     std::string(1, '\0'),
                                     std::string(2, '\0')};
  for (std::size_t index = 0; index < ids.size(); ++index) {
    EXPECT_EQ(cache.contains(MsgId(ids[index])), ids[index] == "aaaaaaaa" && index != 4) << index;
    cache.put(MsgId(ids[index]), {});
  }
  std::mt19937_64 random(7);
  for (std::size_t number = 0; number < 60000; ++number) {
    EXPECT_FALSE(cache.contains(id_of(number))) << number;
    cache.put(id_of(number), {});
  }
}

}  // namespace
}  // namespace trireme
