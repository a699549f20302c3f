// A call by name reaches the registered function with its arguments typed, and its result comes
// back; every way it can be wrong is a failure with a name.
#include "engine/function_executor.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <span>
#include <stdexcept>

#include "engine/executor_set.hpp"
#include "session/value_codec.hpp"
#include "tests/unit/engine/test_context.hpp"

namespace trireme {
namespace {

inline constexpr Task<double(std::vector<double>)> kSum{"test.sum"};
inline constexpr Task<std::string(std::string, int)> kRepeat{"test.repeat"};
inline constexpr Task<void(int)> kNothing{"test.nothing"};

struct FunctionExecutorTest : ::testing::Test {
  TaskOutcome call(std::string_view name, List args, Dict kwargs = {}) {
    const EncodedValue encoded = encode_call(name, args, kwargs);
    return run(encoded.json, encoded.buffers);
  }
  TaskOutcome run(std::string content, Frames buffers = {}) {
    TaskRequest request;
    request.message.header.msg_type = "apply_request";
    request.message.content_json = Frame(std::move(content));
    request.message.buffers = std::move(buffers);
    ExecutorSet executors;
    executors.add(std::make_unique<FunctionExecutor>(table));
    return executors.run(request, context);
  }
  static Value result_of(const TaskOutcome& outcome) {
    const auto* success = std::get_if<TaskSuccess>(&outcome);
    if (success == nullptr) {
      ADD_FAILURE() << "failed: " << std::get<TaskFailure>(outcome).evalue;
      return {};
    }
    return *decode_result(success->content_json, success->buffers);
  }
  static TaskFailure failure_of(const TaskOutcome& outcome) {
    const auto* failure = std::get_if<TaskFailure>(&outcome);
    if (failure != nullptr) return *failure;
    ADD_FAILURE() << "did not fail";
    return {};
  }

  std::shared_ptr<FunctionTable> table = std::make_shared<FunctionTable>();
  TestContext context;
};

TEST_F(FunctionExecutorTest, ADeclaredTaskReadsItsArgumentsWhereTheyLie) {
  const double* seen = nullptr;
  table->add(kSum, [&](std::span<const double> values) {
    seen = values.data();
    return std::accumulate(values.begin(), values.end(), 0.0);
  });
  const Array array = Array::of(std::vector<double>{1, 2, 3.5});
  EXPECT_EQ(result_of(call("test.sum", {array})), Value(6.5));
  EXPECT_EQ(static_cast<const void*>(seen), static_cast<const void*>(array.data().data()));
}

TEST_F(FunctionExecutorTest, ADeclaredTaskMayTakeTheContextFirst) {
  table->add(kRepeat, [](TaskContext& task, const std::string& text, int times) {
    task.write_out("on engine " + std::to_string(task.engine_id()));
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
  });
  table->add(kNothing, [](int) {});
  EXPECT_EQ(result_of(call("test.repeat", {"ab", 2})), Value("abab"));
  EXPECT_EQ(context.out, "on engine 7");
  EXPECT_EQ(result_of(call("test.nothing", {1})), Value());
}

TEST_F(FunctionExecutorTest, AFunctionMayTakeTheCallAsItCame) {
  table->add("test.count", [](Call& call) {
    return Dict{{"name", call.name}, {"args", call.args.size()}, {"kwargs", call.kwargs.size()}};
  });
  EXPECT_EQ(result_of(call("test.count", {1, 2}, {{"x", 1}})),
            Value(Dict{{"name", "test.count"}, {"args", 2}, {"kwargs", 1}}));
}

TEST_F(FunctionExecutorTest, BigResultsTravelAsBuffers) {
  table->add("test.range", [](int count) {
    std::vector<double> values(static_cast<std::size_t>(count));
    std::iota(values.begin(), values.end(), 0.0);
    return values;
  });
  const TaskOutcome outcome = call("test.range", {1000});
  ASSERT_EQ(std::get<TaskSuccess>(outcome).buffers.size(), 1u);
  EXPECT_EQ(std::get<TaskSuccess>(outcome).buffers[0].size(), 8000u);
  EXPECT_EQ(result_of(outcome).as_array().size(), 1000u);
}

TEST_F(FunctionExecutorTest, APackedResultStandsInItsBuffers) {
  table->add("test.one", [] { return std::vector<double>{1, 2}; });
  const EncodedValue encoded = encode_call("test.one", {}, {}, ResultForm::kPacked);
  const TaskOutcome outcome = run(encoded.json, encoded.buffers);
  const auto& success = std::get<TaskSuccess>(outcome);
  const auto results = decode_packed_results(success.buffers);
  ASSERT_TRUE(results.has_value()) << results.error().text;
  EXPECT_EQ(*results, std::vector{Value(Array::of(std::vector<double>{1, 2}))});
}

TEST_F(FunctionExecutorTest, WrongArgumentsFailAsTypeErrorsThatNameThem) {
  table->add("test.add", [](int a, int b) { return a + b; });
  struct Case {
    List args;
    Dict kwargs;
    const char* told;
  };
  const Case cases[] = {
      {{1}, {}, "takes 2 arguments"},           {{1, 2, 3}, {}, "takes 2 arguments"},
      {{1, "two"}, {}, "argument 2"},           {{1, 2}, {{"c", 3}}, "no keyword arguments"},
      {{1, 5'000'000'000}, {}, "does not fit"},
  };
  for (const Case& each : cases) {
    const TaskFailure failure = failure_of(call("test.add", each.args, each.kwargs));
    EXPECT_EQ(failure.ename, "TypeError");
    EXPECT_NE(failure.evalue.find(each.told), std::string::npos) << failure.evalue;
  }
}

TEST_F(FunctionExecutorTest, AnUnknownNameFailsAndTheNearestOneIsTold) {
  table->add("mytasks.norm", [] {});
  const TaskFailure near = failure_of(call("mytasks.nrom", {}));
  EXPECT_EQ(near.ename, "NameError");
  EXPECT_NE(near.evalue.find("did you mean 'mytasks.norm'?"), std::string::npos);
  const TaskFailure far = failure_of(call("something.else", {}));
  EXPECT_NE(far.evalue.find("--load"), std::string::npos);
}

TEST_F(FunctionExecutorTest, WhatAFunctionThrowsIsTheFailure) {
  table->set_source("plug-in libx.so");
  table->add("test.throw", []() -> int { throw std::out_of_range("too far"); });
  const TaskFailure failure = failure_of(call("test.throw", {}));
  EXPECT_EQ(failure.ename, "out_of_range");
  EXPECT_EQ(failure.evalue, "too far");
  EXPECT_EQ(failure.traceback.front(), "In task 'test.throw' (plug-in libx.so) on engine 7");
}

TEST_F(FunctionExecutorTest, ATaskThatStopsGivesUp) {
  table->add("test.stop", [](TaskContext& task) { task.throw_if_stopped(); });
  EXPECT_TRUE(std::holds_alternative<TaskSuccess>(call("test.stop", {})));
  context.stop.request_stop();
  EXPECT_TRUE(std::holds_alternative<TaskGaveUp>(call("test.stop", {})));
}

TEST_F(FunctionExecutorTest, ContentsThatAreNoCallsAreExplained) {
  EXPECT_EQ(failure_of(run("{}")).ename, "NotImplementedError");
  EXPECT_EQ(failure_of(run(R"({"x": 1})")).ename, "NotImplementedError");
  EXPECT_EQ(failure_of(run(R"({"function": 5})")).ename, "ValueError");
  EXPECT_EQ(failure_of(run(R"({"function": "f", "args": [{"$buffer": 3}]})")).ename, "ValueError");
  EXPECT_EQ(failure_of(run("not json")).ename, "ValueError");
}

TEST(ExecutorSetTest, SourceCodeIsRefusedWithTheListOfWhatRuns) {
  TaskRequest request;
  request.kind = TaskRequest::Kind::kExecute;
  ExecutorSet executors;
  executors.add(std::make_unique<FunctionExecutor>(std::make_shared<FunctionTable>()));
  TestContext context;
  const auto failure = std::get<TaskFailure>(executors.run(request, context));
  EXPECT_EQ(failure.ename, "NotImplementedError");
  EXPECT_NE(failure.evalue.find("registered native functions"), std::string::npos);
}

TEST(FunctionTableTest, ANameIsGivenOnce) {
  FunctionTable table;
  table.add("x", [] {});
  table.set_source("plug-in liby.so");
  EXPECT_THROW(table.add("x", [] {}), std::invalid_argument);
  EXPECT_THROW(table.add("", [] {}), std::invalid_argument);
  EXPECT_THROW(table.add_function("z", nullptr), std::invalid_argument);
  EXPECT_EQ(table.names(), std::vector<std::string>{"x"});
  EXPECT_EQ(table.find("x")->source, "built-in");
}

}  // namespace
}  // namespace trireme
