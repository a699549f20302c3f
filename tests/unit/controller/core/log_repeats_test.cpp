// The log stays short, whatever peers provoke.
#include "controller/core/log_repeats.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

using std::chrono::seconds;

TEST(LogRepeats, ATextIsSaidOnceAndThenOnceAMinuteWithItsCount) {
  LogRepeats repeats;
  const Instant start{seconds(1000)};
  EXPECT_EQ(repeats.admit("a", start), "a");
  EXPECT_EQ(repeats.admit("b", start), "b");
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(repeats.admit("a", start + seconds(59)));
  EXPECT_EQ(repeats.admit("a", start + seconds(60)), "a (101 times since)");
  EXPECT_FALSE(repeats.admit("a", start + seconds(119)));
  EXPECT_EQ(repeats.admit("a", start + seconds(120)), "a (2 times since)");
}

TEST(LogRepeats, VeryManyDifferentTextsAreOnlyCounted) {
  LogRepeats repeats;
  const Instant start{seconds(1000)};
  std::size_t said = 0;
  for (int i = 0; i < 100'000; ++i) said += repeats.admit(std::to_string(i), start) ? 1 : 0;
  EXPECT_EQ(said, LogRepeats::kRememberedMax + 1);
  EXPECT_EQ(repeats.admit("later", start + seconds(60)), "later");
}

}  // namespace
}  // namespace trireme
