// Requests run on worker threads; their output and their end are reported, and they can be stopped.
#include "engine/task_runner.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <latch>
#include <mutex>

#include "engine/name_space.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Runs whatever the test says.
class ScriptedExecutor final : public Executor {
 public:
  using Script = std::function<TaskOutcome(const TaskRequest&, TaskContext&)>;
  explicit ScriptedExecutor(Script script) : script_(std::move(script)) {}
  std::string description() const override { return "scripts"; }
  bool accepts(const TaskRequest&) const override { return true; }
  TaskOutcome run(const TaskRequest& request, TaskContext& context) override {
    return script_(request, context);
  }

 private:
  Script script_;
};

struct TaskRunnerTest : ::testing::Test {
  std::unique_ptr<TaskRunner> make(std::size_t threads, ScriptedExecutor::Script script) {
    executors.add(std::make_unique<ScriptedExecutor>(std::move(script)));
    return std::make_unique<TaskRunner>(
        TaskRunner::Options{{EngineUuid("uuid"), EngineId(1)}, threads}, executors, names, nullptr,
        [this](RunEvent event) {
          const std::lock_guard lock(mutex);
          events.push_back(std::move(event));
          changed.notify_all();
        });
  }
  /// The next event of this kind; others before it are dropped.
  template <class Event>
  Event wait_for() {
    std::unique_lock lock(mutex);
    for (;;) {
      if (!changed.wait_for(lock, seconds(60), [&] { return !events.empty(); })) {
        ADD_FAILURE() << "the event did not come";
        return {};
      }
      RunEvent event = std::move(events.front());
      events.erase(events.begin());
      if (auto* wanted = std::get_if<Event>(&event)) return std::move(*wanted);
    }
  }

  ExecutorSet executors;
  EngineNameSpace names;
  TaskRequest request;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<RunEvent> events;  // guarded by mutex
};

TaskOutcome ok() { return TaskSuccess{"1", {}, {}}; }

TEST_F(TaskRunnerTest, ARunEndsWithItsOutcomeAndItsOutput) {
  const auto runner = make(1, [](const TaskRequest&, TaskContext& context) {
    context.write_out("shown");
    return ok();
  });
  runner->start(RunNumber{1}, request);
  const RunEnded ended = wait_for<RunEnded>();
  EXPECT_EQ(ended.run, RunNumber{1});
  EXPECT_TRUE(std::holds_alternative<TaskSuccess>(ended.outcome));
  ASSERT_EQ(ended.output.size(), 1u);
  EXPECT_EQ(ended.output[0].text, "shown");
}

TEST_F(TaskRunnerTest, OutputCanBeTakenWhileTheTaskRuns) {
  std::latch seen(1);
  const auto runner = make(1, [&](const TaskRequest&, TaskContext& context) {
    context.write_err("early");
    seen.wait();
    return ok();
  });
  runner->start(RunNumber{1}, request);
  EXPECT_EQ(wait_for<OutputWaits>().urgency, TaskOutput::Urgency::kSoon);
  const auto pieces = runner->take_output(RunNumber{1});
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].text, "early");
  seen.count_down();
  EXPECT_TRUE(wait_for<RunEnded>().output.empty());
}

TEST_F(TaskRunnerTest, AsManyRunsGoAtOnceAsThereAreThreads) {
  std::latch all(3);
  const auto runner = make(3, [&](const TaskRequest&, TaskContext&) {
    all.arrive_and_wait();
    return ok();
  });
  for (std::uint64_t run = 1; run <= 3; ++run) runner->start(RunNumber{run}, request);
  for (int i = 0; i < 3; ++i) wait_for<RunEnded>();
  EXPECT_TRUE(runner->wait_until_idle(seconds(60)));
}

struct StopCase {
  StopReason reason;
  bool gives_up;  // else fails as KeyboardInterrupt
};

TEST_F(TaskRunnerTest, AStoppedTaskEndsTheWayItsStopperMeant) {
  const auto runner = make(1, [](const TaskRequest&, TaskContext& context) -> TaskOutcome {
    context.write_out("running");
    while (!context.stop_requested()) std::this_thread::yield();
    throw TaskStopped();
  });
  std::uint64_t run = 0;
  for (const StopCase& each :
       {StopCase{StopReason::kAborted, true}, StopCase{StopReason::kInterrupted, false}}) {
    runner->start(RunNumber{++run}, request);
    wait_for<OutputWaits>();
    runner->stop(RunNumber{run}, each.reason);
    const RunEnded ended = wait_for<RunEnded>();
    EXPECT_EQ(std::holds_alternative<TaskGaveUp>(ended.outcome), each.gives_up);
    if (const auto* failure = std::get_if<TaskFailure>(&ended.outcome)) {
      EXPECT_EQ(failure->ename, "KeyboardInterrupt");
      EXPECT_EQ(failure->evalue, "");
    }
    runner->forget(RunNumber{run});
  }
}

TEST_F(TaskRunnerTest, ATaskThatStopsUnaskedFails) {
  const auto runner =
      make(1, [](const TaskRequest&, TaskContext&) -> TaskOutcome { throw TaskStopped(); });
  runner->start(RunNumber{1}, request);
  const RunEnded ended = wait_for<RunEnded>();
  ASSERT_TRUE(std::holds_alternative<TaskFailure>(ended.outcome));
  EXPECT_EQ(std::get<TaskFailure>(ended.outcome).ename, "TaskStopped");
}

TEST_F(TaskRunnerTest, WaitingForAHungTaskHasAnEnd) {
  std::latch release(1);
  const auto runner = make(1, [&](const TaskRequest&, TaskContext&) {
    release.wait();
    return ok();
  });
  runner->start(RunNumber{1}, request);
  EXPECT_FALSE(runner->wait_until_idle(milliseconds(1)));
  release.count_down();
  EXPECT_TRUE(runner->wait_until_idle(seconds(60)));
}

TEST_F(TaskRunnerTest, DestructionStopsWhatRuns) {
  auto runner = make(1, [](const TaskRequest&, TaskContext& context) {
    while (!context.stop_requested()) std::this_thread::yield();
    return ok();
  });
  runner->start(RunNumber{1}, request);
  runner.reset();
  wait_for<RunEnded>();
}

TEST_F(TaskRunnerTest, DestructionLetsAFloodEnd) {
  auto runner = make(1, [](const TaskRequest&, TaskContext& context) {
    while (!context.stop_requested()) context.write_out("water, water everywhere\n");
    return ok();
  });
  runner->start(RunNumber{1}, request);
  while (wait_for<OutputWaits>().urgency != TaskOutput::Urgency::kNow && !HasFailure()) {
  }
  runner.reset();
  wait_for<RunEnded>();
}

TEST_F(TaskRunnerTest, NamesAreSharedFromTaskToTask) {
  const auto runner = make(1, [](const TaskRequest&, TaskContext& context) -> TaskOutcome {
    const auto old = context.name_space().get("count");
    const std::int64_t count = old ? old->as_int() + 1 : 1;
    context.name_space().set("count", count);
    return TaskSuccess{std::to_string(count), {}, {}};
  });
  for (int i = 1; i <= 2; ++i) {
    runner->start(RunNumber{static_cast<std::uint64_t>(i)}, request);
    EXPECT_EQ(std::get<TaskSuccess>(wait_for<RunEnded>().outcome).content_json, std::to_string(i));
  }
}

}  // namespace
}  // namespace trireme
