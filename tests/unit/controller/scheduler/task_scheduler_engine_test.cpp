// Engines that come, go and come back.
#include <gtest/gtest.h>

#include <chrono>

#include "controller/scheduler/task_scheduler.hpp"
#include "tests/unit/controller/scheduler/scheduler_world.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(DepartedEngines, GetNoMoreTasks) {
  SchedulerWorld world;
  world.join("e1");
  world.lose("e1");
  world.submit("a");
  world.expect_nothing();
  EXPECT_FALSE(world.scheduler().next_deadline());
}

TEST(DepartedEngines, ResultWithinTheGraceCounts) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.lose("e1");
  world.pass(milliseconds(4999));
  world.succeed("a", "e1");
  world.expect({"run a on e1", "deliver a from e1: ok"});
  EXPECT_FALSE(world.scheduler().next_deadline());
}

TEST(DepartedEngines, TasksWithoutResultFailAfterTheGrace) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("it's");
  world.lose("e1");
  world.pass(seconds(5));
  world.expect({"run it's on e1", "fail it's: EngineError"});
  EXPECT_EQ(world.last_failure().evalue, "Engine b'e1' died while running task \"it's\"");
  EXPECT_EQ(world.last_failure().engine, EngineUuid("e1"));
  world.succeed("it's", "e1");
  world.expect({"drop it's: the task has been answered already"});
}

TEST(DepartedEngines, StrandedTasksAreRetriedOnceElsewhere) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").retries(1));
  world.lose("e2");
  world.pass(seconds(5));
  world.expect({"run a on e2", "run a on e1 again (2)"});
  world.succeed("a", "e2");
  world.expect({"drop a: the engine does not have this task"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
}

TEST(DepartedEngines, FailTheirTasksInTheOrderOfAssignment) {
  SchedulerOptions options;
  options.hwm = 0;
  SchedulerWorld world(options);
  world.join("e1");
  for (const char* id : {"a", "b", "c", "d"}) world.submit(id);
  world.succeed("a", "e1");
  world.take_effects();
  world.lose("e1");
  world.pass(seconds(5));
  world.expect({"fail b: EngineError", "fail c: EngineError", "fail d: EngineError"});
}

TEST(DepartedEngines, GraceIsAnOption) {
  SchedulerOptions options;
  options.engine_grace = milliseconds(10);
  SchedulerWorld world(options);
  world.join("e1");
  world.submit("a");
  world.lose("e1");
  world.pass(milliseconds(9));
  world.expect({"run a on e1"});
  world.pass(milliseconds(1));
  world.expect({"fail a: EngineError"});
}

TEST(DepartedEngines, DependentsOfAStrandedTaskAreTold) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit(task("b").after({"a"}));
  world.submit(task("c").after({"a"}).wanting(false, true));
  world.lose("e1");
  world.join("e2");
  world.expect({"run a on e1"});
  world.pass(seconds(5));
  world.expect({"fail a: EngineError", "fail b: ImpossibleDependency", "run c on e2"});
}

TEST(DepartedEngines, TasksForThemAloneAreImpossible) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("a").on({"e1"}));
  world.submit(task("b").on({"e1"}));
  world.expect({"run a on e1"});
  world.lose("e1");
  world.expect({"fail b: ImpossibleDependency"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
}

TEST(DepartedEngines, LastOneLeavesTargetedTasksWaiting) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").on({"e1"}));
  world.submit(task("b").on({"e1"}));
  world.lose("e1");
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  world.join("e1");
  world.expect({"run b on e1"});
}

TEST(ReturningEngines, MayAnswerTheirOldTasksWithinTheGrace) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit("b");
  world.lose("e1");
  world.pass(seconds(3));
  world.join("e1");
  world.pass(seconds(1));
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run b on e1"});
}

TEST(ReturningEngines, ServeFollowersAgain) {
  SchedulerOptions options;
  options.hwm = 2;
  SchedulerWorld world(options);
  world.join("e1");
  world.submit("a");
  world.submit("long");
  world.expect({"run a on e1", "run long on e1"});
  world.succeed("a", "e1");
  world.lose("e1");
  world.submit(task("b").follow({"a"}));
  world.expect({"deliver a from e1: ok"});
  world.join("e1");
  world.expect({"run b on e1"});
}

TEST(ReturningEngines, ServeFollowersThatStillWaitForOthers) {
  SchedulerOptions options;
  options.hwm = 2;
  SchedulerWorld world(options);
  world.join("e1");
  world.submit("a");
  world.submit("long");
  world.succeed("a", "e1");
  world.join("e2");
  world.lose("e1");
  world.submit("c");
  world.submit(task("b").follow_any({"a", "c"}));
  world.expect({"run a on e1", "run long on e1", "deliver a from e1: ok", "run c on e2"});
  world.join("e1");
  world.expect({"run b on e1"});
}

TEST(ReturningEngines, DoNotKnowWhatTheirFormerSelfWasGiven) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").retries(1));
  world.submit("b");
  world.lose("e1");
  world.pass(seconds(1));
  world.join("e1");
  world.expect({"run a on e1"});
  world.pass(seconds(4));
  world.expect({"run a on e1 again (2)"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run b on e1"});
  world.pass(seconds(60));
  world.expect_nothing();
}

TEST(ReturningEngines, KeepTheTasksOfTheirNewLifeWhenTheOldGraceEnds) {
  SchedulerOptions options;
  options.hwm = 2;
  SchedulerWorld world(options);
  world.join("e1");
  world.submit("a");
  world.lose("e1");
  world.pass(seconds(1));
  world.join("e1");
  world.submit("b");
  world.expect({"run a on e1", "run b on e1"});
  world.pass(seconds(4));
  world.expect({"fail a: EngineError"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok"});
}

TEST(ReturningEngines, JoiningTwiceChangesNothing) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.join("e1");
  world.submit("b");
  world.expect({"run a on e1"});
  world.lose("nobody");
  world.expect_nothing();
}

TEST(ReturningEngines, SlotOfAnotherEngineIsNotTakenForTheOld) {
  SchedulerWorld world;
  world.join("old");
  world.submit("a");
  world.succeed("a", "old");
  world.lose("old");
  world.join("new");
  world.submit(task("b").follow({"a"}));
  world.expect({"run a on old", "deliver a from old: ok", "fail b: ImpossibleDependency"});
}

}  // namespace
}  // namespace trireme
