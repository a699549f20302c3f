// A silent controller is lost after so many periods, and one ping sets the count back.
#include "engine/heart_watch.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

using std::chrono::milliseconds;

constexpr Instant kStart{};
constexpr milliseconds kPeriod = milliseconds(1'000) + HeartWatch::kSlack;

TEST(HeartWatchTest, AfterTheAllowedSilenceTheControllerIsLost) {
  HeartWatch watch(milliseconds(1'000), 3, kStart);
  for (int missed = 1; missed <= 3; ++missed) {
    EXPECT_EQ(watch.next_check(), kStart + missed * kPeriod);
    EXPECT_EQ(watch.on_check(watch.next_check()), missed == 3);
    EXPECT_EQ(watch.misses(), missed);
  }
}

TEST(HeartWatchTest, OnePingSetsTheCountBack) {
  HeartWatch watch(milliseconds(1'000), 2, kStart);
  for (int round = 0; round < 10; ++round) {
    EXPECT_FALSE(watch.on_check(watch.next_check()));
    watch.on_ping("1");
    EXPECT_FALSE(watch.on_check(watch.next_check()));
    EXPECT_EQ(watch.misses(), 0);
  }
}

TEST(HeartWatchTest, WithoutALimitTheControllerIsNeverLost) {
  HeartWatch watch(milliseconds(1'000), 0, kStart);
  for (int round = 0; round < 1'000; ++round) EXPECT_FALSE(watch.on_check(watch.next_check()));
}

TEST(HeartWatchTest, AControllerThatWasAwayHasReturned) {
  HeartWatch watch(milliseconds(500), 5, Instant{});
  EXPECT_FALSE(watch.on_ping("1.5"));
  EXPECT_FALSE(watch.on_ping("2.5"));
  watch.on_check(Instant{});
  EXPECT_FALSE(watch.on_ping("3.5"));
  watch.on_check(Instant{});
  watch.on_check(Instant{});  // a silent period
  EXPECT_TRUE(watch.on_ping("4.5"));
  EXPECT_FALSE(watch.on_ping("5.5"));
}

TEST(HeartWatchTest, AControllerThatCountsAnewIsAnother) {
  HeartWatch watch(milliseconds(500), 5, Instant{});
  EXPECT_FALSE(watch.on_ping("7"));
  EXPECT_TRUE(watch.on_ping("1"));
  EXPECT_FALSE(watch.on_ping("2"));
  EXPECT_TRUE(watch.on_ping("no number"));
}

}  // namespace
}  // namespace trireme
