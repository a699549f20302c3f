// The shared state of a call: tasks end once, waiting ends with them, callbacks run once.
#include "client/call_state.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace trireme {
namespace {

using std::chrono::milliseconds;

class Owner : public CallOwner {
 public:
  void abort_tasks(const std::vector<std::string>& msg_ids) override { aborted = msg_ids; }
  bool is_filling_thread() const override { return is_filling; }
  std::vector<std::string> aborted;
  bool is_filling = false;
};

CallReply result(Value value) {
  CallReply reply;
  reply.value = std::move(value);
  return reply;
}
CallReply failure(CallFailureKind kind = CallFailureKind::kRemote) {
  return make_failed_reply(kind, "Broken", "badly");
}

class CallStateTest : public testing::Test {
 protected:
  std::shared_ptr<CallState> make(std::size_t tasks, bool is_execute = false) {
    CallPlan plan;
    for (std::size_t i = 0; i < tasks; ++i) {
      plan.tasks.push_back({"m" + std::to_string(i), "", -1, 10});
    }
    plan.is_execute = is_execute;
    plan.work = work_;
    return std::make_shared<CallState>(std::move(plan), owner_);
  }
  std::shared_ptr<Owner> owner_ = std::make_shared<Owner>();
  std::shared_ptr<WorkCount> work_ = std::make_shared<WorkCount>();
};

TEST_F(CallStateTest, ResultsComeInTheOrderOfTheTasks) {
  const auto call = make(2);
  call->set_reply(1, result("b"));
  EXPECT_FALSE(call->ready());
  EXPECT_EQ(call->progress().done, 10u);
  EXPECT_EQ(call->progress().total, 20u);
  call->set_reply(0, result("a"));
  EXPECT_TRUE(call->successful());
  EXPECT_EQ(call->values(std::nullopt), (std::vector<Value>{"a", "b"}));
  EXPECT_EQ(call->finished_at(0), 1u);
  EXPECT_EQ(call->finished_at(1), 0u);
}

TEST_F(CallStateTest, OnlyTheFirstReplyCounts) {
  const auto call = make(1);
  call->set_reply(0, result(1));
  call->set_reply(0, result(2));
  EXPECT_EQ(call->value(0, std::nullopt), Value(1));
  EXPECT_EQ(work_->pending(), 0u);
}

TEST_F(CallStateTest, ACallWithoutTasksIsReady) {
  const auto call = make(0);
  EXPECT_TRUE(call->ready());
  EXPECT_TRUE(call->values(std::nullopt).empty());
}

TEST_F(CallStateTest, OneFailureIsThrownAsItIsAndSeveralTogether) {
  const auto call = make(3);
  call->set_reply(0, result(1));
  call->set_reply(1, failure(CallFailureKind::kEngineDied));
  EXPECT_THROW(call->value(1, std::nullopt), EngineDied);
  call->set_reply(2, failure());
  EXPECT_FALSE(call->successful());
  try {
    call->values(std::nullopt);
    FAIL();
  } catch (const CompositeError& error) {
    ASSERT_EQ(error.failures().size(), 2u);
    EXPECT_EQ(error.failures()[0].msg_id, "m1");
    EXPECT_STREQ(error.what(), "2 tasks failed; the first: Broken: badly");
  }
}

TEST_F(CallStateTest, AClosedClientIsAConnectionErrorHoweverManyTasksItLost) {
  const auto call = make(2);
  for (std::size_t i = 0; i < 2; ++i) {
    call->set_reply(i, make_failed_reply(CallFailureKind::kConnection, "C", "closed"));
  }
  EXPECT_THROW(call->values(std::nullopt), ConnectionError);
}

TEST_F(CallStateTest, WaitingEndsWithTheLimitOrTheReply) {
  const auto call = make(1);
  EXPECT_FALSE(call->wait(milliseconds(1)));
  EXPECT_THROW(call->value(0, milliseconds(1)), TimeoutError);
  EXPECT_THROW(call->values(milliseconds(1)), TimeoutError);
  std::thread filler([&] { call->set_reply(0, result(7)); });
  EXPECT_EQ(call->value(0, std::nullopt), Value(7));
  filler.join();
}

TEST_F(CallStateTest, AnExecutionEndsWithItsOutput) {
  const auto call = make(1, true);
  call->set_reply(0, result(Dict{{"execution_count", 2}}));
  EXPECT_FALSE(call->ready());
  call->add_output(0, {CallOutput::Kind::kStdout, "hello", {}});
  call->add_output(0, {CallOutput::Kind::kResult, "", Dict{{"data", Dict{{"text/plain", "5"}}}}});
  call->add_output(0, {CallOutput::Kind::kDisplay, "", Dict{{"d", 1}}});
  call->add_output(0, {CallOutput::Kind::kIdle, "", {}});
  ASSERT_TRUE(call->ready());
  const auto value = call->value(0, std::nullopt).to<ExecuteResult>();
  EXPECT_EQ(value.execution_count, 2);
  EXPECT_EQ(value.stdout_text, "hello");
  EXPECT_EQ(value.text(), "5");
  EXPECT_EQ(value.displays.size(), 1u);
}

TEST_F(CallStateTest, AnAbortedExecutionDoesNotWaitForOutput) {
  const auto call = make(1, true);
  call->set_reply(0, failure(CallFailureKind::kAborted));
  EXPECT_TRUE(call->ready());
  EXPECT_TRUE(call->wait_for_output(milliseconds(0)));
}

TEST_F(CallStateTest, OutputIsWholeUntilAPieceIsMissing) {
  struct Case {
    const char* name;
    std::vector<std::optional<std::size_t>> offsets;  // of pieces of three bytes
    bool whole;
  };
  const Case cases[] = {
      {"not numbered", {{}, {}}, true},         {"one after the other", {0, 3, 6}, true},
      {"a second attempt", {0, 3, 0, 3}, true}, {"the first is lost", {3}, false},
      {"one between is lost", {0, 6}, false},   {"lost in the second attempt", {0, 3, 0, 6}, false},
  };
  for (const Case& each : cases) {
    const auto call = make(1);
    for (const auto& offset : each.offsets) {
      call->add_output(0, {CallOutput::Kind::kStdout, "abc", {}, offset});
    }
    EXPECT_EQ(call->info(0).output_whole, each.whole) << each.name;
    EXPECT_EQ(call->info(0).stdout_text.size(), 3 * each.offsets.size()) << each.name;
  }
}

TEST_F(CallStateTest, OutputMayComeAfterTheResult) {
  const auto call = make(1);
  call->set_reply(0, result(1));
  EXPECT_TRUE(call->ready());
  EXPECT_FALSE(call->wait_for_output(milliseconds(1)));
  call->add_output(0, {CallOutput::Kind::kStderr, "late", {}});
  call->add_output(0, {CallOutput::Kind::kIdle, "", {}});
  EXPECT_TRUE(call->wait_for_output(milliseconds(0)));
  EXPECT_EQ(call->info(0).stderr_text, "late");
}

TEST_F(CallStateTest, TheStatusOfATaskIsTold) {
  const auto call = make(3);
  CallReply reply = result(1);
  reply.engine_uuid = "e4";
  reply.engine_id = 4;
  reply.started = Timestamp(std::chrono::seconds(1));
  call->set_reply(0, std::move(reply));
  call->set_reply(1, failure(CallFailureKind::kAborted));
  EXPECT_EQ(call->info(0).status, TaskStatus::kOk);
  EXPECT_EQ(call->info(0).engine_id, 4);
  EXPECT_EQ(call->info(0).started, TaskInfo::Time(std::chrono::seconds(1)));
  EXPECT_EQ(call->info(1).status, TaskStatus::kAborted);
  EXPECT_EQ(call->info(2).status, TaskStatus::kPending);
  EXPECT_THROW(call->info(3), Exception);
}

TEST_F(CallStateTest, CallbacksRunOnceWhenTheLastTaskEnds) {
  const auto call = make(2);
  int calls = 0;
  call->on_ready([&] { ++calls; });
  call->set_reply(0, result(1));
  EXPECT_EQ(calls, 0);
  call->set_reply(1, result(1));
  EXPECT_EQ(calls, 1);
  call->on_ready([&] { ++calls; });
  EXPECT_EQ(calls, 2);
}

TEST_F(CallStateTest, ACallbackThatWouldWaitForeverIsToldSo) {
  const auto call = make(1);
  owner_->is_filling = true;
  EXPECT_THROW(call->wait(std::nullopt), Exception);
}

TEST_F(CallStateTest, AbortNamesOnlyTheTasksThatHaveNotEnded) {
  const auto call = make(3);
  call->set_reply(1, result(1));
  call->abort();
  EXPECT_EQ(owner_->aborted, (std::vector<std::string>{"m0", "m2"}));
  owner_.reset();
  EXPECT_NO_THROW(call->abort());
}

TEST_F(CallStateTest, WorkIsCountedUntilItEndsOrIsForgotten) {
  auto call = make(2);
  EXPECT_EQ(work_->pending(), 2u);
  call->set_reply(0, result(1));
  EXPECT_EQ(work_->pending(), 1u);
  EXPECT_FALSE(work_->wait(milliseconds(1)));
  call.reset();
  EXPECT_TRUE(work_->wait(milliseconds(0)));
}

TEST_F(CallStateTest, IterationGivesResultsAsTheyCome) {
  const auto call = make(3);
  const AsyncResults<int> results(CallAccess::make(call));
  std::thread filler([&] {
    call->set_reply(2, result(2));
    call->set_reply(0, result(0));
    call->set_reply(1, result(1));
  });
  std::vector<int> in_order;
  for (const int value : results) in_order.push_back(value);
  std::vector<int> as_completed;
  for (const int value : results.as_completed()) as_completed.push_back(value);
  filler.join();
  EXPECT_EQ(in_order, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(as_completed, (std::vector<int>{2, 0, 1}));
}

TEST_F(CallStateTest, ChunksAreIteratedEntryByEntry) {
  const auto call = make(3);
  const AsyncResults<int> results(CallAccess::make(call), AsyncResults<int>::Layout::kListPerTask);
  call->set_reply(0, result(List{1, 2}));
  call->set_reply(1, result(List{}));
  call->set_reply(2, result(Array::of<int>({3})));
  std::vector<int> all;
  for (const int value : results) all.push_back(value);
  EXPECT_EQ(all, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(results.get(), all);
}

TEST_F(CallStateTest, IterationGoesOnAfterAFailedTask) {
  const auto call = make(2);
  const AsyncResults<int> results(CallAccess::make(call));
  call->set_reply(0, result(1));
  call->set_reply(1, failure());
  auto at = results.begin();
  EXPECT_EQ(*at, 1);
  EXPECT_THROW(++at, RemoteError);
  EXPECT_TRUE(at == results.end());
}

TEST_F(CallStateTest, AResultOfAnotherTypeIsATypeError) {
  const auto call = make(1);
  call->set_reply(0, result("text"));
  EXPECT_THROW(AsyncResult<int>(CallAccess::make(call)).get(), TypeError);
  EXPECT_EQ(AsyncResult<std::string>(CallAccess::make(call)).get(), "text");
  EXPECT_NO_THROW(AsyncResult<void>(CallAccess::make(call)).get());
}

TEST(AsyncCall, AnEmptyHandleSaysSo) {
  const AsyncResult<int> nothing;
  EXPECT_FALSE(nothing.valid());
  EXPECT_THROW(nothing.get(), Exception);
}

}  // namespace
}  // namespace trireme
