// Further attempts: retries, refused tasks, and the engines they avoid.
#include <gtest/gtest.h>

#include <chrono>

#include "controller/scheduler/task_scheduler.hpp"
#include "tests/unit/controller/scheduler/scheduler_world.hpp"

namespace trireme {
namespace {

using std::chrono::seconds;

TEST(TaskRetries, FailedTaskRunsAgainElsewhere) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(1));
  world.expect({"run a on e2"});
  world.fail("a", "e2");
  world.expect({"run a on e1 again (2)"});
  world.fail("a", "e1");
  world.expect({"deliver a from e1: failed"});
  EXPECT_EQ(world.scheduler().counters().retried, 1u);
}

TEST(TaskRetries, AbortedCountsAsFailed) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(1));
  world.expect({"run a on e2"});
  world.abort("a", "e2");
  world.expect({"run a on e1 again (2)"});
}

TEST(TaskRetries, ClientSeesNothingOfFailedAttempts) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(5));
  world.fail("a", "e2");
  world.expect({"run a on e2", "run a on e1 again (2)"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  EXPECT_EQ(world.scheduler().counters().completed, 1u);
}

TEST(TaskRetries, OnlyEngineIsTriedAgain) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").retries(2));
  world.fail("a", "e1");
  world.fail("a", "e1");
  world.fail("a", "e1");
  world.expect({"run a on e1", "run a on e1 again (2)", "run a on e1 again (3)",
                "deliver a from e1: failed"});
}

TEST(TaskRetries, WithATimeoutAnotherEngineIsWaitedFor) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").retries(2).timeout(seconds(1)));
  world.fail("a", "e1");
  world.expect({"run a on e1"});
  world.pass(seconds(2));
  world.expect({"fail a: TaskTimeout"});
}

TEST(TaskRetries, BetterEngineIsWaitedForWhileThereIsOne) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("long").on({"e1"}));
  world.submit(task("a").retries(1));
  world.expect({"run long on e1", "run a on e2"});
  world.fail("a", "e2");
  world.expect_nothing();
  world.submit("b");
  world.expect({"run b on e2"});
  world.succeed("long", "e1");
  world.expect({"deliver long from e1: ok", "run a on e1 again (2)"});
}

TEST(TaskRetries, LossOfTheBetterEngineLeadsBack) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("long").on({"e1"}));
  world.submit(task("a").retries(1));
  world.fail("a", "e2");
  world.expect({"run long on e1", "run a on e2"});
  world.lose("e1");
  world.expect({"run a on e2 again (2)"});
  world.pass(seconds(5));
  world.expect({"fail long: EngineError"});
}

TEST(TaskRetries, LossOfTheBetterTargetLeadsBack) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("long").on({"e1"}));
  world.submit(task("a").on({"e1", "e2"}).retries(1));
  world.fail("a", "e2");
  world.expect({"run long on e1", "run a on e2"});
  world.lose("e1");
  world.expect({"run a on e2 again (2)"});
  world.pass(seconds(5));
  world.expect({"fail long: EngineError"});
}

TEST(TaskRetries, RetriedTaskKeepsItsPlaceInTheOrder) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").retries(1));
  world.submit("b");
  world.fail("a", "e1");
  world.expect({"run a on e1", "run a on e1 again (2)"});
}

TEST(TaskRetries, BrokenEngineDoesNotHoldUpOtherTasks) {
  SchedulerWorld world;
  world.join("good");
  world.join("broken");
  world.submit(task("long").on({"good"}));
  for (int number = 0; number < 20; ++number) {
    world.submit(task("t" + std::to_string(number)).retries(1));
    world.fail("t" + std::to_string(number), "broken");
  }
  world.take_effects();
  EXPECT_EQ(world.scheduler().waiting_count(), 20u);
  world.succeed("long", "good");
  world.expect({"deliver long from good: ok", "run t0 on good again (2)"});
  world.submit("fresh");
  world.expect({"run fresh on broken"});
}

TEST(RefusedTasks, KeepTheirOrderHoweverDifferentTheirRefusals) {
  SchedulerWorld world;
  world.join("e2");
  world.join("e3");
  world.submit("t1");
  world.refuse("t1", "e3");
  world.refuse("t1", "e2");
  world.submit("t2");
  world.submit("t3");
  world.refuse("t3", "e2");
  world.submit("hold");
  world.refuse("t2", "e3");
  world.refuse("t3", "e3");
  world.expect({"run t1 on e3", "run t1 on e2 again (2)", "run t2 on e3", "run t3 on e2",
                "run hold on e2", "run t3 on e3 again (2)"});
  EXPECT_TRUE(world.cancel("t1"));  // t1 and t3 were refused by both, t2 by e3 alone
  world.expect({"fail t1: TaskAborted"});
  world.join("e1");
  world.expect({"run t2 on e1 again (2)"});
  world.succeed("t2", "e1");
  world.expect({"deliver t2 from e1: ok", "run t3 on e1 again (3)"});
}

TEST(RefusedTasks, GoToAnotherEngineWithoutCost) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit("a");
  world.refuse("a", "e3");
  world.refuse("a", "e2");
  world.expect({"run a on e3", "run a on e2 again (2)", "run a on e1 again (3)"});
  world.fail("a", "e1");
  world.expect({"deliver a from e1: failed"});
  EXPECT_EQ(world.scheduler().counters().unmet, 2u);
}

TEST(RefusedTasks, WaitForANewEngineWhenAllRefused) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.refuse("a", "e1");
  world.expect({"run a on e1"});
  world.submit("b");
  world.expect({"run b on e1"});
  world.join("e2");
  world.expect({"run a on e2 again (2)"});
}

TEST(RefusedTasks, AreImpossibleWhenAllTargetsRefused) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e1", "e2"}));
  world.refuse("a", "e2");
  world.refuse("a", "e1");
  world.expect({"run a on e2", "run a on e1 again (2)", "fail a: ImpossibleDependency"});
}

TEST(RefusedTasks, AreImpossibleWhenTheTargetsLeftAreGone) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e1", "e2"}));
  world.lose("e1");
  world.refuse("a", "e2");
  world.expect({"run a on e2", "fail a: ImpossibleDependency"});
}

TEST(RefusedTasks, NeverGoBackEvenAfterFailuresElsewhere) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(2));
  world.refuse("a", "e2");
  world.fail("a", "e1");
  world.fail("a", "e1");
  world.fail("a", "e1");
  world.expect({"run a on e2", "run a on e1 again (2)", "run a on e1 again (3)",
                "run a on e1 again (4)", "deliver a from e1: failed"});
}

TEST(RefusedTasks, ThatFollowHaveNowhereElse) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.succeed("a", "e2");
  world.submit(task("b").follow({"a"}));
  world.refuse("b", "e2");
  world.expect(
      {"run a on e2", "deliver a from e2: ok", "run b on e2", "fail b: ImpossibleDependency"});
}

TEST(RefusedTasks, MayGoToTheNextUserOfAnEngineName) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("long").on({"e1"}));
  world.submit(task("a").on({"e1", "e2"}));
  world.expect({"run long on e1", "run a on e2"});
  world.lose("e2");
  world.refuse("a", "e2");
  world.join("e2");
  world.expect({"run a on e2 again (2)"});
}

}  // namespace
}  // namespace trireme
