#include "cli/map_run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace trireme::cli {
namespace {

std::vector<std::size_t> take_all(OutcomeOrder& order) {
  std::vector<std::size_t> taken;
  while (const auto outcome = order.next()) taken.push_back(outcome->index);
  return taken;
}

TEST(OutcomeOrderTest, HoldsOutcomesUntilTheEarlierOnesAreThere) {
  OutcomeOrder order(true);
  order.add({.index = 2});
  order.add({.index = 1});
  EXPECT_TRUE(take_all(order).empty());
  order.add({.index = 0});
  EXPECT_EQ(take_all(order), (std::vector<std::size_t>{0, 1, 2}));
  order.add({.index = 3});
  EXPECT_EQ(take_all(order), (std::vector<std::size_t>{3}));
}

TEST(OutcomeOrderTest, WithoutOrderLetsOutcomesPassAsTheyCome) {
  OutcomeOrder order(false);
  order.add({.index = 2});
  EXPECT_EQ(take_all(order), (std::vector<std::size_t>{2}));
  order.add({.index = 0});
  EXPECT_EQ(take_all(order), (std::vector<std::size_t>{0}));
}

TEST(OutcomeOrderTest, GivesEveryOutcomeOnceInOrderWhateverTheArrival) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::vector<std::size_t> arrivals(40);
    std::iota(arrivals.begin(), arrivals.end(), 0U);
    std::shuffle(arrivals.begin(), arrivals.end(), std::mt19937(seed));
    OutcomeOrder order(true);
    std::vector<std::size_t> taken;
    for (const std::size_t index : arrivals) {
      order.add({.index = index});
      const auto more = take_all(order);
      taken.insert(taken.end(), more.begin(), more.end());
    }
    std::sort(arrivals.begin(), arrivals.end());
    EXPECT_EQ(taken, arrivals) << "seed " << seed;
  }
}

TEST(CommandEndTest, TellsHowAProgramEnded) {
  EXPECT_EQ((CommandEnd{.exit_code = 3}).describe(), "exit code 3");
  EXPECT_EQ((CommandEnd{.exit_code = 137, .signal = "SIGKILL"}).describe(), "killed by SIGKILL");
  EXPECT_EQ((CommandEnd{.failure = "EngineError: gone"}).describe(), "EngineError: gone");
  EXPECT_TRUE(CommandEnd{}.ok());
  EXPECT_FALSE((CommandEnd{.exit_code = 3}).ok());
  EXPECT_FALSE((CommandEnd{.failure = "x"}).ok());
}

}  // namespace
}  // namespace trireme::cli
