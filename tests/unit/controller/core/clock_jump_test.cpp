// The wall clock may be set at any time; nothing but the dates in records follows it.
#include <gtest/gtest.h>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

class ClockJump : public ::testing::TestWithParam<std::chrono::hours> {};

TEST_P(ClockJump, HeartsTimeoutsAndTasksFollowTheSteadyClock) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId running = world.submit();
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  const MsgId waiting = world.submit(task().after({running}).timeout(10));
  world.clock.jump(GetParam());
  world.advance(5s);
  EXPECT_TRUE(world.is_silent()) << "no timeout and no lost engine because of a jump";
  world.advance(6s);
  const Received refusal = world.take_for(ControllerWorld::kClient, Channel::kTaskClients);
  EXPECT_EQ(refusal.parent(), waiting);
  EXPECT_EQ(refusal.member("ename"), "\"TaskTimeout\"");
  world.reply(run);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), running);
  EXPECT_TRUE(world.record(running).completed);

  world.beating.clear();
  world.advance(20s);
  EXPECT_EQ(world.take(Channel::kNotification).type(), "unregistration_notification");
}

INSTANTIATE_TEST_SUITE_P(Jumps, ClockJump,
                         ::testing::Values(-24h * 365 * 10, -1h, 1h, 24h * 365 * 10));

}  // namespace
}  // namespace trireme::testing
