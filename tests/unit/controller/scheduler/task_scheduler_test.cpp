// Submission, order, limits, timeouts, twins: the rules that need no dependencies.
#include "controller/scheduler/task_scheduler.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/controller/scheduler/scheduler_world.hpp"

namespace trireme {
namespace {

using std::chrono::seconds;

SchedulerOptions with_scheme(Scheme scheme, std::uint32_t hwm) {
  SchedulerOptions options;
  options.scheme = scheme;
  options.hwm = hwm;
  return options;
}

TEST(TaskScheduler, TaskRunsAtOnceOnAFreeEngine) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  EXPECT_EQ(world.scheduler().live_count(), 0u);
}

TEST(TaskScheduler, TasksWaitForTheFirstEngine) {
  SchedulerWorld world;
  world.submit("a");
  world.submit("b");
  world.expect_nothing();
  EXPECT_EQ(world.scheduler().waiting_count(), 2u);
  world.join("e1");
  world.expect({"run a on e1"});
  world.join("e2");
  world.expect({"run b on e2"});
}

TEST(TaskScheduler, EngineHoldsNoMoreThanTheLimit) {
  for (std::uint32_t hwm : {1u, 2u, 3u}) {
    SchedulerWorld world(with_scheme(Scheme::kLeastLoad, hwm));
    world.join("e1");
    for (int number = 0; number < 5; ++number) world.submit("t" + std::to_string(number));
    EXPECT_EQ(world.take_effects().size(), hwm);
    EXPECT_EQ(world.scheduler().load_of(EngineUuid("e1")), hwm);
    EXPECT_EQ(world.scheduler().waiting_count(), 5 - hwm);
    world.succeed("t0", "e1");
    world.expect({"deliver t0 from e1: ok", "run t" + std::to_string(hwm) + " on e1"});
  }
}

TEST(TaskScheduler, LimitOfZeroIsNone) {
  SchedulerWorld world(with_scheme(Scheme::kLeastLoad, 0));
  world.join("e1");
  for (int number = 0; number < 100; ++number) world.submit("t" + std::to_string(number));
  EXPECT_EQ(world.take_effects().size(), 100u);
  EXPECT_EQ(world.scheduler().load_of(EngineUuid("e1")), 100u);
}

TEST(TaskScheduler, FailedReplyIsDeliveredWhenNoRetriesAreLeft) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.expect({"run a on e1"});
  world.fail("a", "e1");
  world.expect({"deliver a from e1: failed"});
  EXPECT_EQ(world.scheduler().counters().failed, 1u);
}

TEST(TaskScheduler, SubmissionOrderIsKeptAmongTasksThatCanRun) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit(task("for e2").on({"e1"}));
  world.submit("b");
  world.submit(task("c").on({"e1"}));
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok", "run for e2 on e1"});
  world.succeed("for e2", "e1");
  world.expect({"deliver for e2 from e1: ok", "run b on e1"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e1"});
}

TEST(TaskScheduler, TaskThatCannotRunDoesNotHoldUpLaterOnes) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit(task("long").on({"e1"}));
  world.submit(task("stuck").on({"e1"}));
  world.submit("free");
  world.expect({"run long on e1", "run free on e2"});
}

TEST(TaskScheduler, TargetsRestrict) {
  SchedulerWorld world;
  for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
  world.submit(task("a").on({"e1", "e2"}));
  world.submit(task("b").on({"e1", "e2"}));
  world.submit(task("c").on({"e1", "e2"}));
  world.expect({"run a on e2", "run b on e1"});
  world.succeed("b", "e1");
  world.expect({"deliver b from e1: ok", "run c on e1"});
}

TEST(TaskScheduler, TargetsOfWhichNoneIsRegisteredAreImpossible) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").on({"gone", "gone too"}));
  world.expect({"fail a: ImpossibleDependency"});
}

TEST(TaskScheduler, TargetsAreWaitedForWhileNoEngineIsRegistered) {
  SchedulerWorld world;
  world.submit(task("a").on({"e1"}));
  world.submit(task("b").on({"e2"}));
  world.expect_nothing();
  world.join("e1");
  world.expect({"fail b: ImpossibleDependency", "run a on e1"});
}

TEST(TaskScheduler, TargetThatRegistersLaterTakesTheTask) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("busy");
  world.submit(task("a").on({"e1", "e2"}));
  world.expect({"run busy on e1"});
  world.join("e2");
  world.expect({"run a on e2"});
}

TEST(TaskScheduler, DuplicateOfALiveOrFinishedTaskIsDropped) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.expect({"run a on e1"});
  world.submit("a");
  world.expect({"drop a: a task with this id is queued or running"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  world.submit("a");
  world.expect({"drop a: a task with this id has ended already"});
  EXPECT_EQ(world.scheduler().counters().submitted, 1u);
}

TEST(TaskScheduler, SecondReplyIsDropped) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.expect({"run a on e1"});
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
  world.succeed("a", "e1");
  world.expect({"drop a: the task has been answered already"});
  world.succeed("never heard of", "e1");
  world.expect({"drop never heard of: no such task"});
  EXPECT_EQ(world.scheduler().load_of(EngineUuid("e1")), 0u);
}

TEST(TaskScheduler, ReplyFromAnEngineWithoutTheTaskIsDropped) {
  SchedulerWorld world;
  world.join("e1");
  world.join("e2");
  world.submit("a");
  world.expect({"run a on e2"});
  world.succeed("a", "e1");
  world.expect({"drop a: the engine does not have this task"});
  world.submit(task("waiting").on({"e2"}));
  world.succeed("waiting", "e2");
  world.expect({"drop waiting: the engine does not have this task"});
}

TEST(TaskScheduler, WaitingTaskTimesOut) {
  SchedulerWorld world;
  world.submit(task("a").timeout(seconds(3)));
  world.submit(task("b").timeout(seconds(2)));
  world.pass(seconds(1));
  world.expect_nothing();
  world.pass(seconds(1));
  world.expect({"fail b: TaskTimeout"});
  world.pass(seconds(1));
  world.expect({"fail a: TaskTimeout"});
  EXPECT_FALSE(world.scheduler().next_deadline());
}

TEST(TaskScheduler, RunningTaskDoesNotTimeOut) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").timeout(seconds(1)));
  world.expect({"run a on e1"});
  EXPECT_FALSE(world.scheduler().next_deadline());
  world.pass(seconds(10));
  world.succeed("a", "e1");
  world.expect({"deliver a from e1: ok"});
}

TEST(TaskScheduler, EachWaitHasTheWholeTimeout) {
  SchedulerWorld world;
  world.join("e1");
  world.submit(task("a").timeout(seconds(2)));
  world.pass(seconds(5));
  world.refuse("a", "e1");
  world.expect({"run a on e1"});
  world.pass(seconds(1));
  world.expect_nothing();
  world.pass(seconds(1));
  world.expect({"fail a: TaskTimeout"});
}

TEST(TaskScheduler, CancelEndsAWaitingTaskOnly) {
  SchedulerWorld world;
  world.join("e1");
  world.submit("a");
  world.submit("b");
  world.submit(task("c").after({"b"}));
  world.expect({"run a on e1"});
  EXPECT_FALSE(world.cancel("a"));
  EXPECT_FALSE(world.cancel("nobody"));
  EXPECT_TRUE(world.cancel("b"));
  world.expect({"fail b: TaskAborted", "fail c: ImpossibleDependency"});
}

TEST(TaskScheduler, PureSchemeGivesTasksInTurnAndReadsNoTerms) {
  SchedulerWorld world(with_scheme(Scheme::kPure, 1));
  world.join("e1");
  world.join("e2");
  world.submit(task("a").on({"nobody"}).after({"nothing"}).retries(3).timeout(seconds(1)));
  world.submit("b");
  world.submit("c");
  world.expect({"run a on e2", "run b on e1", "run c on e2"});
  world.refuse("a", "e2");
  world.expect({"deliver a from e2: failed"});
  world.fail("b", "e1");
  world.expect({"deliver b from e1: failed"});
  EXPECT_FALSE(world.scheduler().next_deadline());
}

TEST(TaskScheduler, EverySchemeRunsEveryTaskOnce) {
  for (const SchemeName& entry : kSchemeNames) {
    SchedulerWorld world(with_scheme(entry.scheme, 2));
    for (const char* engine : {"e1", "e2", "e3"}) world.join(engine);
    std::map<std::string, std::string> engine_of;
    std::size_t delivered = 0;
    for (int number = 0; number < 60; ++number) world.submit("t" + std::to_string(number));
    while (delivered < 60) {
      for (const std::string& line : world.take_effects()) {
        if (!line.starts_with("run ")) continue;
        const std::string id = line.substr(4, line.find(" on ") - 4);
        EXPECT_TRUE(engine_of.emplace(id, line.substr(line.find(" on ") + 4)).second) << line;
      }
      ASSERT_LT(delivered, engine_of.size()) << entry.name;
      const std::string id = "t" + std::to_string(delivered++);
      world.succeed(id, engine_of.at(id));
    }
    world.expect({"deliver t59 from " + engine_of.at("t59") + ": ok"});
    EXPECT_EQ(world.scheduler().counters().completed, 60u) << entry.name;
  }
}

TEST(TaskScheduler, FactsForTheHubAreInOrder) {
  SchedulerWorld world(with_scheme(Scheme::kLeastLoad, 3));
  world.join("e1");
  for (const char* id : {"a", "b", "c", "d", "e"}) world.submit(id);
  world.take_effects();
  world.succeed("a", "e1");
  world.take_effects();
  const std::vector<MsgId> running{MsgId("b"), MsgId("c"), MsgId("d")};
  EXPECT_EQ(world.scheduler().running_on(EngineUuid("e1")), running);
  EXPECT_EQ(world.scheduler().waiting_ids(), std::vector<MsgId>{MsgId("e")});
  EXPECT_TRUE(world.scheduler().is_live(MsgId("e")));
  EXPECT_FALSE(world.scheduler().is_live(MsgId("a")));
  EXPECT_NE(world.scheduler().describe().find("1 ready, 3 running"), std::string::npos);
}

TEST(TaskScheduler, LargeQueuesAndManyEnginesStayQuick) {
  SchedulerWorld world;
  TaskScheduler scheduler({}, std::mt19937_64(1));
  SchedulerOutbox out;
  const Instant now{};
  std::vector<std::pair<EngineUuid, MsgId>> running;
  std::size_t ended = 0;
  const auto collect = [&] {
    for (SchedulerEffect& effect : out.effects) {
      if (auto* run = std::get_if<RunTask>(&effect)) {
        running.emplace_back(*run->engine, run->task->msg_id);
      } else if (std::holds_alternative<DeliverReply>(effect)) {
        ++ended;
      }
    }
    out.effects.clear();
  };
  for (int number = 0; number < 20000; ++number) {
    TaskSubmission request;
    request.msg_id = MsgId("task " + std::to_string(number));
    if (number % 4 == 1) request.terms.targets.emplace_back("engine " + std::to_string(number % 7));
    if (number % 4 == 2) request.terms.after.ids.emplace_back("task " + std::to_string(number - 1));
    scheduler.on_submit(std::move(request), now, out);
  }
  for (int number = 0; number < 500; ++number) {
    scheduler.on_engine_joined(EngineUuid("engine " + std::to_string(number % 500)), now, out);
    collect();
  }
  for (std::size_t next = 0; next < running.size(); ++next) {
    const auto [engine, msg_id] = running[next];
    scheduler.on_reply(engine, msg_id, {}, {}, now, out);
    collect();
  }
  EXPECT_GT(ended, 10000u);
  EXPECT_EQ(scheduler.live_count(), 0u);
  scheduler.check_invariants();
}

}  // namespace
}  // namespace trireme
