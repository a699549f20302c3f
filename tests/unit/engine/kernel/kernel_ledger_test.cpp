// What becomes of runs when their kernel process ends, is too slow, or is not there yet.
#include "engine/kernel/kernel_ledger.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <list>

#include "tests/unit/engine/engine_fixture.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNoCpu{0};
constexpr milliseconds kStopGrace = TaskLimits{}.stop_grace;

/// A ledger, the clock, and everything that was asked for and not yet looked at.
struct KernelLedgerTest : ::testing::Test {
  void TearDown() override { ledger->check_invariants(); }

  void use(TaskLimits limits) { ledger = std::make_unique<KernelLedger>(limits); }
  /// All execute requests are of the language "slow".
  void use_slow_cells(TaskLimits limits = {}, std::string at_once = {}) {
    const auto language_of = [](const TaskRequest& request) {
      return std::string(request.is_execute() ? "slow" : "");
    };
    ledger = std::make_unique<KernelLedger>(limits, CellPlan{language_of, std::move(at_once)});
  }
  void be_prepared() { ledger->on_message(LinkPrepared{"slow"}, at(now), cpu, out); }
  void be_ready() {
    ledger->join({EngineUuid("uuid"), EngineId(4)}, out);
    ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
    ASSERT_FALSE(out.messages.empty());
    EXPECT_EQ(take<LinkJoined>().engine_id, 4);
  }
  RunNumber start(bool is_execute = false) {
    TaskRequest& request = requests.emplace_back();
    request.message = is_execute ? client.execute("1") : client.apply();
    request.kind = is_execute ? TaskRequest::Kind::kExecute : TaskRequest::Kind::kApply;
    const RunNumber run{++last_run};
    ledger->start({run, &request, 0}, at(now), cpu, out);
    return run;
  }
  RunNumber start_now() {
    const RunNumber run = start();
    EXPECT_EQ(take<LinkStart>().run, run);
    return run;
  }
  void pass(milliseconds time) {
    now += time;
    ledger->on_deadline(at(now), cpu, out);
  }
  void die(int signal, std::string last_words = {}) {
    ledger->on_death(KernelEnd{signal, 0, std::move(last_words)}, at(now), out);
  }
  void end(RunNumber run, TaskOutcome outcome) {
    ledger->on_message(LinkEnded{run, std::move(outcome), {}, false}, at(now), cpu, out);
  }

  /// The next message to the kernel.
  template <class Message>
  Message take() {
    if (out.messages.empty() || !std::holds_alternative<Message>(out.messages.front())) {
      ADD_FAILURE() << "no such message";
      return {};
    }
    Message message = std::get<Message>(std::move(out.messages.front()));
    out.messages.erase(out.messages.begin());
    return message;
  }
  TaskOutcome outcome_of(RunNumber run) {
    if (out.events.empty() || !std::holds_alternative<RunEnded>(out.events.front())) {
      ADD_FAILURE() << "no run has ended";
      return {};
    }
    RunEnded ended = std::get<RunEnded>(std::move(out.events.front()));
    out.events.erase(out.events.begin());
    EXPECT_EQ(ended.run, run);
    return std::move(ended.outcome);
  }
  TaskFailure failure_of(RunNumber run) {
    TaskOutcome outcome = outcome_of(run);
    auto* failure = std::get_if<TaskFailure>(&outcome);
    if (failure == nullptr) {
      ADD_FAILURE() << "the run did not fail";
      return {};
    }
    return std::move(*failure);
  }
  bool nothing_asked() const {
    return out.messages.empty() && out.events.empty() && !out.kill && !out.spawn;
  }

  std::unique_ptr<KernelLedger> ledger = std::make_unique<KernelLedger>(TaskLimits{});
  KernelOutbox out;
  TestClient client;
  std::list<TaskRequest> requests;
  std::uint64_t last_run = 0;
  milliseconds now{0};
  milliseconds cpu{0};
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(KernelLedgerTest, RunsWaitUntilTheKernelIsReady) {
  ledger->join({EngineUuid("uuid"), EngineId(4)}, out);
  const RunNumber first = start();
  const RunNumber second = start();
  EXPECT_TRUE(nothing_asked());
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  EXPECT_EQ(take<LinkStart>().run, first);
  EXPECT_EQ(take<LinkStart>().run, second);
  EXPECT_EQ(ledger->ready().functions, 2u);
}

TEST_F(KernelLedgerTest, ARunEndsAsTheKernelSays) {
  be_ready();
  const RunNumber run = start_now();
  end(run, TaskSuccess{"7", {}, {}});
  EXPECT_EQ(std::get<TaskSuccess>(outcome_of(run)).content_json, "7");
  EXPECT_EQ(ledger->next_deadline(), std::nullopt);
}

TEST_F(KernelLedgerTest, DeathFailsTheRunWithTheSignalAndTheLastLines) {
  be_ready();
  const RunNumber run = start_now();
  die(SIGSEGV, "old line\nlast line\n./engine(+0x12)[0x5566]\n");
  const TaskFailure failure = failure_of(run);
  EXPECT_EQ(failure.ename, "KernelDied");
  EXPECT_TRUE(contains(failure.evalue, "SIGSEGV")) << failure.evalue;
  EXPECT_EQ(failure.traceback.at(1), "  old line");
  EXPECT_EQ(failure.traceback.at(2), "  last line");
  EXPECT_EQ(failure.traceback.size(), 4u);
  EXPECT_TRUE(out.spawn);
}

TEST_F(KernelLedgerTest, WithoutLastWordsTheOutputSoFarIsShown) {
  be_ready();
  const RunNumber run = start_now();
  ledger->on_message(LinkOutput{run, {{OutputPiece::Kind::kStdout, "so far\n"}}}, at(now), kNoCpu,
                     out);
  out.events.clear();
  die(SIGKILL);
  EXPECT_EQ(failure_of(run).traceback.at(1), "  so far");
}

TEST_F(KernelLedgerTest, AnExitIsToldByItsStatus) {
  be_ready();
  const RunNumber run = start_now();
  ledger->on_death(KernelEnd{std::nullopt, 3, {}}, at(now), out);
  EXPECT_TRUE(contains(failure_of(run).evalue, "ended with status 3"));
}

TEST_F(KernelLedgerTest, WhatWasNotHandedOverRunsInTheNextKernel) {
  be_ready();
  const RunNumber victim = start_now();
  die(SIGSEGV);
  failure_of(victim);
  out.spawn = false;
  const RunNumber later = start();
  EXPECT_TRUE(nothing_asked());
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  EXPECT_EQ(take<LinkStart>().run, later);
}

TEST_F(KernelLedgerTest, TheNextCellIsToldOnceThatNamesAreLost) {
  be_ready();
  die(SIGSEGV);
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  const RunNumber task = start();
  EXPECT_TRUE(out.events.empty());
  const RunNumber cell = start(true);
  ASSERT_EQ(out.events.size(), 1u);
  const RunOutput told = std::get<RunOutput>(out.events.front());
  EXPECT_EQ(told.run, cell);
  EXPECT_TRUE(contains(told.pieces.at(0).text, "SIGSEGV"));
  out.events.clear();
  start(true);
  EXPECT_TRUE(out.events.empty());
  static_cast<void>(task);
}

TEST_F(KernelLedgerTest, AnInterruptedRunHasAsLongAsItIsGiven) {
  use({.wall = {}, .cpu = {}, .memory_bytes = {}, .stop_grace = 10 * kStopGrace});
  be_ready();
  ledger->stop(start_now(), StopReason::kInterrupted, at(now), out);
  take<LinkStop>();
  pass(10 * kStopGrace - milliseconds(1));
  EXPECT_FALSE(out.kill);
  pass(milliseconds(1));
  EXPECT_TRUE(out.kill);
  die(SIGKILL);
}

TEST_F(KernelLedgerTest, AnInterruptedRunThatDoesNotStopIsEndedByForce) {
  be_ready();
  const RunNumber run = start_now();
  ledger->stop(run, StopReason::kInterrupted, at(now), out);
  EXPECT_EQ(take<LinkStop>().reason, StopReason::kInterrupted);
  pass(kStopGrace - milliseconds(1));
  EXPECT_FALSE(out.kill);
  pass(milliseconds(1));
  EXPECT_TRUE(out.kill);
  die(SIGKILL);
  const TaskFailure failure = failure_of(run);
  EXPECT_EQ(failure.ename, "KeyboardInterrupt");
  EXPECT_TRUE(contains(failure.evalue, "did not heed"));
}

TEST_F(KernelLedgerTest, AnAbortOnlyAsks) {
  be_ready();
  const RunNumber run = start_now();
  ledger->stop(run, StopReason::kAborted, at(now), out);
  EXPECT_EQ(take<LinkStop>().reason, StopReason::kAborted);
  pass(std::chrono::hours(1));
  EXPECT_FALSE(out.kill);
  EXPECT_EQ(ledger->next_deadline(), std::nullopt);
}

TEST_F(KernelLedgerTest, ARunThatHeedsTheInterruptKeepsTheKernel) {
  be_ready();
  const RunNumber run = start_now();
  ledger->stop(run, StopReason::kInterrupted, at(now), out);
  take<LinkStop>();
  end(run, TaskFailure{"KeyboardInterrupt", "", {}});
  EXPECT_EQ(failure_of(run).ename, "KeyboardInterrupt");
  pass(kStopGrace);
  EXPECT_TRUE(nothing_asked());
}

TEST_F(KernelLedgerTest, ARunStoppedBeforeItWasHandedOverEndsAtOnce) {
  ledger->join({EngineUuid("uuid"), EngineId(4)}, out);
  const RunNumber aborted = start();
  const RunNumber interrupted = start();
  ledger->stop(aborted, StopReason::kAborted, at(now), out);
  EXPECT_TRUE(std::holds_alternative<TaskGaveUp>(outcome_of(aborted)));
  ledger->stop(interrupted, StopReason::kInterrupted, at(now), out);
  EXPECT_EQ(failure_of(interrupted).ename, "KeyboardInterrupt");
}

TEST_F(KernelLedgerTest, ATaskOverItsTimeIsAskedAndThenEnded) {
  use({.wall = milliseconds(2'500)});
  be_ready();
  const RunNumber run = start_now();
  pass(milliseconds(2'499));
  EXPECT_TRUE(nothing_asked());
  pass(milliseconds(1));
  take<LinkStop>();
  pass(kStopGrace);
  EXPECT_TRUE(out.kill);
  die(SIGKILL);
  const TaskFailure failure = failure_of(run);
  EXPECT_EQ(failure.ename, "TimeLimitExceeded");
  EXPECT_TRUE(contains(failure.evalue, "--task-timeout")) << failure.evalue;
  EXPECT_TRUE(contains(failure.evalue, "2.5 s")) << failure.evalue;
}

TEST_F(KernelLedgerTest, ATaskThatStopsWhenOverItsTimeFailsForTheLimit) {
  use({.wall = milliseconds(1'000)});
  be_ready();
  const RunNumber stopped = start_now();
  pass(milliseconds(1'000));
  take<LinkStop>();
  end(stopped, TaskGaveUp{});
  EXPECT_EQ(failure_of(stopped).ename, "TimeLimitExceeded");
  const RunNumber finished = start_now();
  pass(milliseconds(1'000));
  take<LinkStop>();
  end(finished, TaskSuccess{});  // just in time
  EXPECT_TRUE(std::holds_alternative<TaskSuccess>(outcome_of(finished)));
}

TEST_F(KernelLedgerTest, CpuTimeCountsFromTheStartOfTheTask) {
  use({.cpu = milliseconds(1'000)});
  be_ready();
  cpu = milliseconds(90'000);  // of tasks before
  const RunNumber run = start_now();
  for (int idle_seconds = 0; idle_seconds < 10; ++idle_seconds) pass(milliseconds(1'000));
  EXPECT_TRUE(nothing_asked());
  cpu += milliseconds(1'000);
  pass(milliseconds(1'000));
  take<LinkStop>();
  end(run, TaskGaveUp{});
  const TaskFailure failure = failure_of(run);
  EXPECT_EQ(failure.ename, "CpuLimitExceeded");
  EXPECT_TRUE(contains(failure.evalue, "--cpu-limit"));
}

TEST_F(KernelLedgerTest, OthersInAKernelThatHadToBeEndedAreToldSo) {
  be_ready();
  const RunNumber culprit = start_now();
  const RunNumber bystander = start_now();
  ledger->stop(culprit, StopReason::kInterrupted, at(now), out);
  take<LinkStop>();
  pass(kStopGrace);
  die(SIGKILL);
  EXPECT_EQ(failure_of(culprit).ename, "KeyboardInterrupt");
  EXPECT_TRUE(contains(failure_of(bystander).evalue, "another one"));
}

TEST_F(KernelLedgerTest, ARestartEndsWhatRunsAndSaysWhy) {
  be_ready();
  const RunNumber run = start_now();
  ledger->restart(out);
  EXPECT_TRUE(out.kill);
  die(SIGKILL);
  EXPECT_EQ(failure_of(run).ename, "KernelRestarted");
  EXPECT_TRUE(out.spawn);
}

TEST_F(KernelLedgerTest, AKernelThatCannotStartIsTriedAgainEverMoreSlowly) {
  ledger->join({EngineUuid("uuid"), EngineId(4)}, out);
  const RunNumber waiting = start();
  milliseconds pause = KernelLedger::kFirstPause;
  for (int attempt = 1; attempt < KernelLedger::kStartsMax; ++attempt) {
    die(SIGABRT);
    EXPECT_FALSE(out.spawn);
    EXPECT_EQ(ledger->next_deadline(), at(now + pause).instant);
    pass(pause);
    EXPECT_TRUE(std::exchange(out.spawn, false));
    pause = std::min(pause * 2, KernelLedger::kLongestPause);
  }
  EXPECT_TRUE(out.events.empty());
  ledger->on_message(LinkRefused{1, "the plug-in is gone"}, at(now), kNoCpu, out);
  ledger->on_death(KernelEnd{std::nullopt, 1, {}}, at(now), out);
  EXPECT_TRUE(contains(failure_of(waiting).evalue, "the plug-in is gone"));
  EXPECT_EQ(failure_of(start()).ename, "KernelDied");
}

TEST_F(KernelLedgerTest, InputIsAskedForAndAnswered) {
  be_ready();
  const RunNumber run = start_now();
  ledger->on_message(LinkWaits{run, Wanted::kLine, "name: "}, at(now), kNoCpu, out);
  ASSERT_EQ(out.events.size(), 1u);
  EXPECT_EQ(std::get<RunWaits>(out.events.front()).prompt, "name: ");
  out.events.clear();
  ledger->answer(run, "Ada", out);
  EXPECT_EQ(take<LinkAnswer>().text, "Ada");
}

TEST(LastLinesTest, OnlyTheLastFewLinesAreKept) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + "\n";
  const auto lines = last_lines(text);
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines.front(), "90");
  EXPECT_EQ(lines.back(), "99");
  EXPECT_TRUE(last_lines("").empty());
  EXPECT_EQ(last_lines("no end").back(), "no end");
}

TEST_F(KernelLedgerTest, ALanguageIsPreparedOnceBeforeItsFirstCell) {
  use_slow_cells();
  be_ready();
  const RunNumber first = start(true);
  EXPECT_EQ(take<LinkPrepare>().language, "slow");
  const RunNumber second = start(true);
  EXPECT_TRUE(nothing_asked());
  const RunNumber task = start_now();  // needs none
  be_prepared();
  EXPECT_EQ(take<LinkStart>().run, first);
  EXPECT_EQ(take<LinkStart>().run, second);
  const RunNumber third = start(true);
  EXPECT_EQ(take<LinkStart>().run, third);
  end(task, TaskSuccess{});
}

TEST_F(KernelLedgerTest, AnExpectedLanguageIsPreparedAsSoonAsTheKernelHasJoined) {
  use_slow_cells({}, "slow");
  be_ready();
  EXPECT_EQ(take<LinkPrepare>().language, "slow");
  EXPECT_FALSE(ledger->is_settled());
  be_prepared();
  EXPECT_TRUE(ledger->is_settled());
  const RunNumber run = start(true);
  EXPECT_EQ(take<LinkStart>().run, run);
  die(SIGSEGV);
  failure_of(run);
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  EXPECT_EQ(take<LinkPrepare>().language, "slow");
}

TEST_F(KernelLedgerTest, LimitsDoNotCountWhatPreparingTakes) {
  use_slow_cells({.wall = milliseconds(100), .cpu = milliseconds(100)});
  be_ready();
  const RunNumber task = start_now();
  cpu += milliseconds(60);  // the task's own
  const RunNumber cell = start(true);
  take<LinkPrepare>();
  cpu += milliseconds(900);
  pass(milliseconds(90));
  EXPECT_TRUE(nothing_asked());
  be_prepared();
  EXPECT_EQ(take<LinkStart>().run, cell);
  pass(milliseconds(1));
  EXPECT_TRUE(nothing_asked());
  cpu += milliseconds(60);
  pass(milliseconds(50));
  EXPECT_EQ(take<LinkStop>().run, task) << "it has used more than its own now";
  pass(milliseconds(49));
  EXPECT_EQ(take<LinkStop>().run, cell) << "its time counts from when it was handed over";
}

TEST_F(KernelLedgerTest, ACellThatWaitsForItsLanguageCanBeInterrupted) {
  use_slow_cells();
  be_ready();
  const RunNumber run = start(true);
  take<LinkPrepare>();
  ledger->stop(run, StopReason::kInterrupted, at(now), out);
  EXPECT_EQ(failure_of(run).ename, "KeyboardInterrupt");
  be_prepared();
  EXPECT_TRUE(nothing_asked());
}

TEST_F(KernelLedgerTest, AKernelThatDiesOfPreparingLeavesThatToTheCell) {
  use_slow_cells({}, "slow");
  be_ready();
  take<LinkPrepare>();
  const RunNumber run = start(true);
  die(SIGABRT);
  EXPECT_TRUE(out.spawn);
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  EXPECT_EQ(take<LinkStart>().run, run);
  out.events.clear();  // it is told that names are lost
  die(SIGABRT);
  EXPECT_TRUE(contains(failure_of(run).evalue, "SIGABRT"));
}

TEST_F(KernelLedgerTest, WhatIsClearedIsPreparedAgain) {
  use_slow_cells();
  be_ready();
  start(true);
  take<LinkPrepare>();
  be_prepared();
  take<LinkStart>();
  ledger->clear(out);
  take<LinkClear>();
  start(true);
  EXPECT_EQ(take<LinkPrepare>().language, "slow");
}

TEST_F(KernelLedgerTest, AKernelThatIsSpentIsReplacedBeforeTheNextRun) {
  be_ready();
  const RunNumber run = start_now();
  const TaskFailure failure{"MemoryLimitExceeded", "", {}};
  ledger->on_message(LinkEnded{run, failure, {}, true}, at(now), cpu, out);
  EXPECT_EQ(failure_of(run).ename, "MemoryLimitExceeded");
  EXPECT_TRUE(out.kill);
  const RunNumber next = start(true);
  EXPECT_TRUE(out.messages.empty());
  die(SIGKILL);
  ledger->on_message(LinkReady{2, "cpp"}, at(now), kNoCpu, out);
  take<LinkJoined>();
  EXPECT_EQ(take<LinkStart>().run, next);
  ASSERT_EQ(out.events.size(), 1u);
  const RunOutput told = std::get<RunOutput>(out.events.front());
  EXPECT_TRUE(contains(told.pieces.at(0).text, "its memory was used up"));
}

}  // namespace
}  // namespace trireme
