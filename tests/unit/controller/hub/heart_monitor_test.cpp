// Beats, misses and eager pings.
#include "controller/hub/heart_monitor.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme {
namespace {

using namespace std::chrono_literals;

const EngineUuid kHeart("heart");

class Monitor : public testing::Test {
 protected:
  void SetUp() override { monitor_.start(now_); }
  void TearDown() override { monitor_.check_invariants(); }

  /// The next beat, eager pings aside.
  HeartMonitor::Beat beat() {
    monitor_.stop_eager_pings();
    now_ = *monitor_.next_deadline();
    HeartMonitor::Beat result = monitor_.on_deadline(now_);
    EXPECT_TRUE(result.ping.has_value());
    return result;
  }

  Instant now_{100s};
  HeartMonitor monitor_{{.period = 1s, .misses_max = 2}};
};

TEST_F(Monitor, SleepsUntilItIsStarted) {
  HeartMonitor idle{HeartMonitor::Options{}};
  EXPECT_FALSE(idle.next_deadline().has_value());
  EXPECT_FALSE(idle.on_deadline(now_).ping.has_value());
}

TEST_F(Monitor, BeatsAtOnceAndThenEveryPeriodWithNewPayloads) {
  EXPECT_EQ(monitor_.next_deadline(), now_);
  const auto first = beat().ping;
  EXPECT_EQ(monitor_.next_deadline(), now_ + 1s);
  EXPECT_FALSE(monitor_.on_deadline(now_ + 999ms).ping.has_value());
  const auto second = beat().ping;
  EXPECT_LT(std::stoll(*first), std::stoll(*second));
}

TEST_F(Monitor, SendsNoBeatsToCatchUpAfterAPause) {
  beat();
  now_ += 1h;
  EXPECT_TRUE(monitor_.on_deadline(now_).ping.has_value());
  EXPECT_EQ(monitor_.next_deadline(), now_ + 1s);
}

TEST_F(Monitor, CountsPongsToThisBeatAndTheOneBefore) {
  const std::string first = *beat().ping;
  const std::string second = *beat().ping;
  const std::string third = *beat().ping;
  EXPECT_EQ(monitor_.on_pong(kHeart, third), HeartMonitor::Pong::kOnTime);
  EXPECT_EQ(monitor_.on_pong(kHeart, second), HeartMonitor::Pong::kLate);
  for (const std::string& stray : {first, std::string("7.5"), std::string()}) {
    EXPECT_EQ(monitor_.on_pong(EngineUuid("other"), stray), HeartMonitor::Pong::kStray);
  }
  EXPECT_TRUE(monitor_.knows(kHeart));
  EXPECT_FALSE(monitor_.knows(EngineUuid("other")));
}

TEST_F(Monitor, FailsAHeartThatMissedMoreThanAllowed) {
  EXPECT_EQ(monitor_.on_pong(kHeart, *beat().ping), HeartMonitor::Pong::kOnTime);
  EXPECT_TRUE(beat().on_probation.empty());
  EXPECT_EQ(beat().on_probation, std::vector{kHeart});  // 1
  EXPECT_EQ(beat().on_probation, std::vector{kHeart});  // 2
  const auto last = beat();                             // 3
  EXPECT_EQ(last.failed, std::vector{kHeart});
  EXPECT_TRUE(last.on_probation.empty());
  EXPECT_FALSE(monitor_.knows(kHeart));
  EXPECT_TRUE(beat().failed.empty()) << "reported once";
}

TEST_F(Monitor, ForgivesEverythingForOnePong) {
  monitor_.on_pong(kHeart, *beat().ping);
  for (int round = 0; round < 5; ++round) {
    beat();
    beat();
    EXPECT_TRUE(beat().failed.empty());
    monitor_.on_pong(kHeart, *beat().ping);
  }
}

TEST_F(Monitor, AllowsNoMissWhenToldSo) {
  HeartMonitor strict{{.period = 1s, .misses_max = 0}};
  strict.start(now_);
  strict.on_pong(kHeart, *strict.on_deadline(now_).ping);
  EXPECT_TRUE(strict.on_deadline(now_ + 1s).failed.empty());
  EXPECT_EQ(strict.on_deadline(now_ + 2s).failed, std::vector{kHeart});
}

TEST_F(Monitor, DropsAWatchedHeartThatNeverAnswers) {
  monitor_.watch(kHeart);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(beat().failed.empty());
  EXPECT_EQ(beat().failed, std::vector{kHeart});
}

TEST_F(Monitor, ForgetsAHeartOnRequest) {
  monitor_.watch(kHeart);
  monitor_.forget(kHeart);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(beat().failed.empty());
}

TEST_F(Monitor, RepeatsTheCurrentPayloadWhileEnginesJoin) {
  const std::string payload = *beat().ping;
  monitor_.ping_eagerly(now_);
  EXPECT_EQ(monitor_.next_deadline(), now_ + 50ms);
  EXPECT_FALSE(monitor_.on_deadline(now_ + 49ms).ping.has_value());
  EXPECT_EQ(monitor_.on_deadline(now_ + 50ms).ping, payload);
  EXPECT_EQ(monitor_.next_deadline(), now_ + 100ms);
  EXPECT_EQ(monitor_.on_pong(kHeart, payload), HeartMonitor::Pong::kOnTime);
  monitor_.stop_eager_pings();
  EXPECT_EQ(monitor_.next_deadline(), now_ + 1s);
}

TEST_F(Monitor, StopsEagerPingsAfterAWhile) {
  beat();
  monitor_.ping_eagerly(now_);
  int pings = 0;
  for (const Instant end = now_ + 40s; now_ < end; now_ = *monitor_.next_deadline()) {
    if (monitor_.on_deadline(now_).ping) ++pings;
  }
  EXPECT_GT(pings, 500);
  EXPECT_LT(pings, 700);
  EXPECT_GE(*monitor_.next_deadline(), now_);
}

TEST_F(Monitor, PingsLessEagerlyTheMoreHeartsAnswer) {
  const std::string payload = *beat().ping;
  for (int i = 0; i < 1000; ++i) monitor_.on_pong(EngineUuid(std::to_string(i)), payload);
  monitor_.ping_eagerly(now_);
  EXPECT_EQ(monitor_.next_deadline(), now_ + 250ms);
}

TEST_F(Monitor, CountsNoMissForEagerPings) {
  monitor_.on_pong(kHeart, *beat().ping);
  monitor_.ping_eagerly(now_);
  for (int i = 0; i < 15; ++i) {
    now_ = *monitor_.next_deadline();
    const auto result = monitor_.on_deadline(now_);
    EXPECT_TRUE(result.failed.empty());
    EXPECT_TRUE(result.on_probation.empty());
  }
}

}  // namespace
}  // namespace trireme
