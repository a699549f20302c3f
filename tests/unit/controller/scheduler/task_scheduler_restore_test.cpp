// Tasks taken over from a former controller, and attempts that got lost on the wire.
#include <gtest/gtest.h>

#include <chrono>

#include "controller/scheduler/task_scheduler.hpp"
#include "tests/unit/controller/scheduler/scheduler_world.hpp"

namespace trireme {
namespace {

using std::chrono::seconds;

TaskPast running_on(const std::string& engine, std::uint32_t attempts = 1) {
  return {attempts, 0, EngineUuid(engine)};
}

TEST(TaskRestore, WaitingTasksRunInTheirOldOrder) {
  SchedulerWorld world;
  world.restore(task("a"));
  world.restore(task("b"));
  world.expect_nothing();
  world.join("e1");
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run b on e1"});
  EXPECT_EQ(world.scheduler().counters().restored, 2u);
}

TEST(TaskRestore, ARunningTaskIsNotSentAgainAndItsReplyIsDelivered) {
  SchedulerWorld world;
  world.join("e1");
  world.restore(task("a"), running_on("e1"));
  world.expect_nothing();
  EXPECT_EQ(world.scheduler().load_of(EngineUuid("e1")), 1u);
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
}

TEST(TaskRestore, AnEngineKeepsMoreThanItsLimitButIsGivenNoMore) {
  SchedulerWorld world;
  world.join("e1");
  world.restore(task("a"), running_on("e1"));
  world.restore(task("b"), running_on("e1"));
  world.submit("c");
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e1"});
}

TEST(TaskRestore, ATaskWhoseEngineIsGoneWaits) {
  SchedulerWorld world;
  world.join("e2");
  world.restore(task("a"), running_on("e1"));
  world.expect({"run a on e2 again (2)"});
}

TEST(TaskRestore, RetriesUsedUpBeforeAreNotGivenAgain) {
  SchedulerWorld world;
  world.join("e1");
  world.restore(task("a").retries(2), {2, 1, EngineUuid("e1")});
  world.fail("a", "e1");
  world.expect({"run a on e1 again (3)"});
  world.fail("a", "e1");
  world.expect({"deliver a from e1: failed"});
  EXPECT_EQ(world.take_attempts(), std::vector<std::string>{"a 2 on e1: error"});
}

TEST(TaskRestore, ATaskComesBackOnce) {
  SchedulerWorld world;
  world.restore(task("a"));
  world.restore(task("a"));
  EXPECT_EQ(world.scheduler().live_count(), 1u);
}

TEST(TaskRestore, DependenciesOnRestoredTasksHold) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.restore(task("a"), running_on("e1"));
  world.restore(task("b").after({"a"}));
  world.expect_nothing();
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run b on e2"});
}

TEST(TaskRestore, DependenciesOfARunningTaskAreLookedAtWhenItMustRunAgain) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.restore(task("b").follow({"a"}).retries(1), running_on("e1"));
  world.fail("b", "e1");
  world.expect({"look up a for b"});
  world.answer("b", {{MsgId("a"), true, EngineUuid("e1")}});
  world.expect({"run b on e1 again (2)"});
}

TEST(TaskRestore, TimeoutsBeginAnew) {
  SchedulerWorld world;
  world.restore(task("a").timeout(seconds(5)));
  world.pass(seconds(4));
  world.expect_nothing();
  world.pass(seconds(1));
  world.expect({"fail a: TaskTimeout"});
}

TEST(TaskAttempts, ALostOneRunsAgainWithoutCostingARetry) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.lose_attempt("a", "e1");
  world.expect({"run a on e1", "run a on e1 again (2)"});
  EXPECT_EQ(world.take_attempts(), std::vector<std::string>{"a 1 on e1: reply lost"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  EXPECT_EQ(world.scheduler().counters().reruns, 1u);
}

TEST(TaskAttempts, OnlyTheEngineThatHasTheTaskCanLoseIt) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.expect({"run a on e1"});
  world.lose_attempt("a", "e2");
  world.lose_attempt("other", "e1");
  world.expect_nothing();
}

TEST(TaskAttempts, EachThatIsFollowedByAnotherIsReported) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(3));
  world.fail("a", "e2");
  world.refuse("a", "e1");
  world.abort("a", "e2");
  world.lose("e2");
  world.pass(seconds(6));
  EXPECT_EQ(world.take_attempts(),
            (std::vector<std::string>{"a 1 on e2: error", "a 2 on e1: unmet", "a 3 on e2: aborted",
                                      "a 4 on e2: engine lost"}));
  world.take_effects();
}

TEST(TaskAttempts, TheOneThatRunsIsKnown) {
  SchedulerWorld world;
  world.submit("a");
  EXPECT_FALSE(world.scheduler().running_attempt(MsgId("a")));
  world.join("e1");
  const auto attempt = world.scheduler().running_attempt(MsgId("a"));
  ASSERT_TRUE(attempt);
  EXPECT_EQ(attempt->engine->str(), "e1");
  EXPECT_EQ(attempt->attempt, 1u);
  world.take_effects();
}

}  // namespace
}  // namespace trireme
