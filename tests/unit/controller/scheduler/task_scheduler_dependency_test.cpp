// After and follow: when tasks become ready, impossible or invalid.
#include <gtest/gtest.h>

#include <chrono>

#include "controller/scheduler/task_scheduler.hpp"
#include "tests/unit/controller/scheduler/scheduler_world.hpp"

namespace trireme {
namespace {

using std::chrono::seconds;

TEST(TaskDependencies, TaskRunsAfterAllItNames) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.submit("b");
  world.submit(task("c").after({"a", "b"}));
  world.expect({"run a on e2", "run b on e1"});
  world.succeed("a", "e2");
  world.expect({"deliver a from e2: ok"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e2"});
}

TEST(TaskDependencies, AnyOfThemIsEnoughWhenAsked) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.submit("b");
  world.submit(task("c").after_any({"a", "b"}));
  world.expect({"run a on e2", "run b on e1"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e1"});
}

struct EndingCase {
  const char* name;
  bool all, success, failure;
  std::vector<bool> endings;  // of a and b, as far as they have ended
  const char* expected;       // effect on c, or empty while it waits
};

class DependencyEndings : public testing::TestWithParam<EndingCase> {};

TEST_P(DependencyEndings, DecideTheTask) {
  const EndingCase& param = GetParam();
  for (const bool submitted_first : {true, false}) {
    SchedulerWorld world;
    for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
    world.submit("a");
    world.submit("b");
    TaskBuilder c = task("c");
    (param.all ? c.after({"a", "b"}) : c.after_any({"a", "b"}))
        .wanting(param.success, param.failure);
    if (submitted_first) world.submit(c);
    const std::vector<std::pair<std::string, std::string>> where{{"a", "e3"}, {"b", "e2"}};
    for (std::size_t index = 0; index < param.endings.size(); ++index) {
      const auto& [id, engine] = where[index];
      param.endings[index] ? world.succeed(id, engine) : world.fail(id, engine);
    }
    if (!submitted_first) world.submit(c);
    std::string last = "waits";
    for (const std::string& line : world.take_effects()) {
      if (line.starts_with("run c") || line.starts_with("fail c")) last = line;
    }
    EXPECT_EQ(last, param.expected) << (submitted_first ? "before" : "after") << " the endings";
  }
}

constexpr const char* kRuns = "run c on e1";
constexpr const char* kImpossible = "fail c: ImpossibleDependency";

INSTANTIATE_TEST_SUITE_P(
    Table, DependencyEndings,
    testing::Values(
        EndingCase{"AllSuccessOneOk", true, true, false, {true}, "waits"},
        EndingCase{"AllSuccessBothOk", true, true, false, {true, true}, kRuns},
        EndingCase{"AllSuccessOneFailed", true, true, false, {false}, kImpossible},
        EndingCase{"AllSuccessSecondFailed", true, true, false, {true, false}, kImpossible},
        EndingCase{"AllFailureBothFailed", true, false, true, {false, false}, kRuns},
        EndingCase{"AllFailureOneOk", true, false, true, {true}, kImpossible},
        EndingCase{"AllEitherMixed", true, true, true, {true, false}, kRuns},
        EndingCase{"AllEitherOne", true, true, true, {false}, "waits"},
        EndingCase{"AnySuccessOneOk", false, true, false, {true}, kRuns},
        EndingCase{"AnySuccessOneFailed", false, true, false, {false}, "waits"},
        EndingCase{"AnySuccessSecondOk", false, true, false, {false, true}, kRuns},
        EndingCase{"AnySuccessBothFailed", false, true, false, {false, false}, kImpossible},
        EndingCase{"AnyFailureOneFailed", false, false, true, {false}, kRuns},
        EndingCase{"AnyFailureBothOk", false, false, true, {true, true}, kImpossible},
        EndingCase{"AnyEitherOne", false, true, true, {false}, kRuns},
        EndingCase{"NothingEnded", false, true, true, {}, "waits"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(TaskDependencies, WantingNoEndingIsInvalid) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit(task("b").after({"a"}).wanting(false, false));
  world.submit(task("c").wanting(false, false));
  world.expect({"run a on e1", "fail b: InvalidDependency", "fail c: InvalidDependency"});
}

TEST(TaskDependencies, DependingOnItselfIsInvalid) {
  SchedulerWorld world;
  world.submit(task("a").after({"a"}));
  world.submit(task("b").follow({"b"}));
  world.expect({"fail a: InvalidDependency", "fail b: InvalidDependency"});
}

TEST(TaskDependencies, UnknownIdsAreAskedOfTheStore) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").after({"x"}).follow({"x", "y"}));
  world.expect({"look up x, y for a"});
  EXPECT_EQ(world.scheduler().waiting_count(), 1u);
  world.answer("a", {{MsgId("x"), true, EngineUuid("e1")}, {MsgId("y"), true, EngineUuid("e1")}});
  world.expect({"run a on e1"});
  world.submit(task("b").after({"x"}).on({"e1"}));
  world.expect_nothing();
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run b on e1"});
}

TEST(TaskDependencies, IdsUnknownToTheStoreAreInvalid) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").after({"x", "y"}));
  world.expect({"look up x, y for a"});
  world.answer("a", {{MsgId("x"), true, EngineUuid("e1")}});
  world.expect({"fail a: InvalidDependency"});
}

TEST(TaskDependencies, StoreMayKnowThatTheyFailed) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").after({"x"}));
  world.expect({"look up x for a"});
  world.answer("a", {{MsgId("x"), false, std::nullopt}});
  world.expect({"fail a: ImpossibleDependency"});
}

TEST(TaskDependencies, TaskThatWaitsForTheStoreCanTimeOut) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").after({"x"}).timeout(seconds(1)));
  world.expect({"look up x for a"});
  world.pass(seconds(1));
  world.expect({"fail a: TaskTimeout"});
  world.answer("a", {});
  world.expect_nothing();
}

TEST(TaskDependencies, EndingsDuringALookUpCount) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("live");
  world.submit(task("a").after({"live", "x"}));
  world.expect({"run live on e2", "look up x for a"});
  world.succeed("live", "e2");
  world.expect({"deliver live from e2: ok"});
  world.answer("a", {{MsgId("x"), true, EngineUuid("e2")}});
  world.expect({"run a on e1"});
}

TEST(TaskDependencies, FailureDuringALookUpIsToldAfterTheAnswer) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("live");
  world.submit(task("a").after({"live", "x"}));
  world.fail("live", "e1");
  world.expect({"run live on e1", "look up x for a", "deliver live from e1: failed"});
  world.answer("a", {{MsgId("x"), true, EngineUuid("e1")}});
  world.expect({"fail a: ImpossibleDependency"});
}

TEST(TaskDependencies, AnyThatIsMetLeavesOtherIdsUnexamined) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.succeed("a", "e1");
  world.submit(task("b").after_any({"a", "b", "nobody"}));
  world.expect({"run a on e1", "deliver a from e1: ok", "run b on e1"});
}

TEST(TaskDependencies, FailureRunsDownTheChain) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit(task("b").after({"a"}));
  world.submit(task("c").after({"b"}));
  world.submit(task("d").after({"c"}).wanting(false, true));
  world.expect({"run a on e1"});
  world.fail("a", "e1");
  world.expect({"deliver a from e1: failed", "fail b: ImpossibleDependency",
                "fail c: ImpossibleDependency", "run d on e1"});
}

TEST(TaskDependencies, EarlierTaskThatBecomesReadyGoesFirst) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit(task("b").after({"a"}));
  world.submit("c");
  world.succeed("a", "e1");
  world.expect({"run a on e1", "deliver a from e1: ok", "run b on e1"});
}

TEST(TaskDependencies, FollowerRunsWhereTheOtherRan) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e2"}));
  world.expect({"run a on e2"});
  world.submit(task("b").follow({"a"}));
  world.expect_nothing();
  world.succeed("a", "e2");
  world.expect({"deliver a from e2: ok", "run b on e2"});
  world.submit(task("c").follow({"a"}));
  world.expect_nothing();
  world.succeed("b", "e2");
  world.expect({"deliver b from e2: ok", "run c on e2"});
}

TEST(TaskDependencies, FollowingTasksOfDifferentEnginesIsImpossible) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.submit("b");
  world.submit(task("c").follow({"a", "b"}));
  world.succeed("a", "e2");
  world.expect({"run a on e2", "run b on e1", "deliver a from e2: ok"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "fail c: ImpossibleDependency"});
}

TEST(TaskDependencies, FollowingAnyGoesToEitherEngine) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e1"}));
  world.submit(task("b").on({"e2"}));
  world.submit(task("c").follow_any({"a", "b"}));
  world.submit(task("d").follow_any({"a", "b"}));
  world.expect({"run a on e1", "run b on e2"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run c on e1"});
  world.succeed("b", "e2");
  world.expect({"deliver b from e2: ok", "run d on e2"});
}

TEST(TaskDependencies, FollowAndTargetsBothHold) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e1"}));
  world.submit(task("b").on({"e2"}));
  world.succeed("a", "e1");
  world.succeed("b", "e2");
  world.take_effects();
  world.submit(task("c").follow_any({"a", "b"}).on({"e2", "e3"}));
  world.expect({"run c on e2"});
  world.submit(task("d").follow({"a"}).on({"e3"}));
  world.expect({"fail d: ImpossibleDependency"});
}

TEST(TaskDependencies, FollowingATaskThatNeverRanIsImpossible) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").on({"nobody"}));
  world.submit(task("b").follow({"a"}).wanting(true, true));
  world.submit(task("c").follow_any({"a"}).wanting(true, true));
  world.expect({"fail a: ImpossibleDependency", "fail b: ImpossibleDependency",
                "fail c: ImpossibleDependency"});
}

TEST(TaskDependencies, FollowerOfAGoneEngineIsImpossible) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.succeed("a", "e1");
  world.join("e2");
  world.lose("e1");
  world.submit(task("b").follow({"a"}));
  world.expect({"run a on e1", "deliver a from e1: ok", "fail b: ImpossibleDependency"});
}

TEST(TaskDependencies, AfterAndFollowAreBothWaitedFor) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.submit("b");
  world.submit(task("c").after({"b"}).follow({"a"}));
  world.expect({"run a on e2", "run b on e1"});
  world.succeed("a", "e2");
  world.expect({"deliver a from e2: ok"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e2"});
}

TEST(TaskDependencies, ForgottenOutcomesAreAskedFor) {
  SchedulerOptions options;
  options.outcomes_remembered = 1;
  SchedulerWorld world(options);
  world.join("e1");
  for (const char* id : {"a", "b"}) {
    world.submit(id);
    world.succeed(id, "e1");
  }
  world.take_effects();
  world.submit(task("c").after({"a", "b"}));
  world.expect({"look up a for c"});
  world.answer("c", {{MsgId("a"), true, EngineUuid("e1")}});
  world.expect({"run c on e1"});
}

}  // namespace
}  // namespace trireme
