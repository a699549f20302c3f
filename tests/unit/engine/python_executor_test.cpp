// Calls of Python clients, as captured and as written by us, on an engine of ours.
#include "engine/python_executor.hpp"

#include <gtest/gtest.h>

#include "engine/builtins.hpp"
#include "session/pickle_writer.hpp"
#include "session/python_call.hpp"
#include "tests/unit/engine/test_context.hpp"
#include "tests/unit/session/captured_pickles.hpp"

namespace trireme {
namespace {

class PythonCalls : public testing::Test {
 protected:
  PythonCalls() {
    auto table = std::make_shared<FunctionTable>();
    register_builtins(*table, {});
    table->add("f", [](Call& call) -> Value {
      return List{std::move(call.args), std::move(call.kwargs)};
    });
    table->add("square", [](double x) { return x * x; });
    executor_ = std::make_unique<PythonExecutor>(table);
  }

  TaskOutcome run(Frames buffers) {
    TaskRequest request;
    request.message.header.msg_type = "apply_request";
    request.message.content_json = Frame(std::string("{}"));
    request.message.buffers = std::move(buffers);
    EXPECT_TRUE(executor_->accepts(request));
    return executor_->run(request, context_);
  }
  static Value result_of(const TaskOutcome& outcome) {
    if (const auto* failure = std::get_if<TaskFailure>(&outcome)) {
      ADD_FAILURE() << failure->ename << ": " << failure->evalue;
      return {};
    }
    std::size_t next = 0;
    const Frames& buffers = std::get<TaskSuccess>(outcome).buffers;
    const Result<PythonObject> object = PythonObject::take(buffers, next);
    EXPECT_TRUE(object.has_value());
    EXPECT_EQ(next, buffers.size());
    return *object->to_value(nullptr);
  }
  static Frames captured(const std::string& wanted) {
    Frames found;
    visit_captured_buffers([&](const std::string& file, const nlohmann::json& message,
                               const Frames& buffers, const nlohmann::json&) {
      if (file == wanted && is_apply_request(message) && found.empty()) found = buffers;
    });
    return found;
  }
  /// A call of the helper function behind a method of Python's views.
  static Frames helper(std::string_view module, std::string_view name, const List& args,
                       const Dict& kwargs = {}) {
    PickleWriter writer;
    writer.global("ipyparallel.serialize.canning", "CannedFunction");
    writer.new_object();
    writer.value(Dict{{"module", module}, {"__name__", name}, {"buffers", List{}}});
    writer.build();
    Frames frames = write_python_call({PythonTarget::Kind::kExpression, "f"}, args, kwargs);
    frames.front() = Frame(writer.finish());
    return frames;
  }

  std::unique_ptr<PythonExecutor> executor_;
  TestContext context_;
};

TEST_F(PythonCalls, OnlyAppliesWithoutANamedFunctionAreAccepted) {
  TaskRequest request;
  request.message.content_json = Frame(std::string(R"({"function": "f"})"));
  EXPECT_FALSE(executor_->accepts(request));
  request.message.content_json = Frame();
  EXPECT_TRUE(executor_->accepts(request));
  request.kind = TaskRequest::Kind::kExecute;
  EXPECT_FALSE(executor_->accepts(request));
}

TEST_F(PythonCalls, AReferenceCallsTheFunctionOfThatName) {
  const Value result = result_of(run(captured("ipp71_mux_apply_reference_containers")));
  EXPECT_EQ(result.at(0).at(1), Value(Dict{{"a", 1}, {"b", List{nullptr}}}));
  EXPECT_EQ(result.at(1).at("zed"), Value("q"));
}

TEST_F(PythonCalls, CapturedPushesAndPullsWorkOnTheNameSpace) {
  EXPECT_TRUE(result_of(run(captured("ipp71_mux_push"))).is_null());
  EXPECT_FALSE(context_.names.keys().empty());
  EXPECT_TRUE(result_of(run(captured("ipp71_mux_push_numpy"))).is_null());
  const TaskOutcome missing = run(captured("ipp71_mux_pull_missing"));
  const auto& failure = std::get<TaskFailure>(missing);
  EXPECT_EQ(failure.ename, "NameError");
  EXPECT_TRUE(failure.evalue.starts_with("name '")) << failure.evalue;
  EXPECT_TRUE(failure.evalue.ends_with("' is not defined")) << failure.evalue;
}

TEST_F(PythonCalls, PushThenPullGivesTheSame) {
  const Array array = Array::of(std::vector<double>(500, 2.5));
  run(helper("ipyparallel.util", "_push", {}, {{"a", array}, {"b", "text"}}));
  EXPECT_EQ(result_of(run(helper("ipyparallel.util", "_pull", {"a"}))), Value(array));
  EXPECT_EQ(result_of(run(helper("ipyparallel.util", "_pull", {Value(List{"b", "a"})}))),
            Value(List{"text", array}));
}

TEST_F(PythonCalls, CppClientsPushAndPullByExpressionsThatEveryEngineUnderstands) {
  const auto refer = [](std::string_view expression, const Dict& kwargs) {
    return write_python_call({PythonTarget::Kind::kExpression, std::string(expression)}, {},
                             kwargs);
  };
  EXPECT_TRUE(result_of(run(refer(kPythonPush, {{"a", List{1, "x"}}, {"b", 2}}))).is_null());
  EXPECT_EQ(result_of(run(write_python_pull("a"))), Value(List{1, "x"}));
  EXPECT_EQ(result_of(run(refer(kPythonKeys, {}))), Value(List{"a", "b"}));
  const TaskOutcome missing = run(write_python_pull("c"));
  EXPECT_EQ(std::get<TaskFailure>(missing).ename, "NameError");
  const TaskOutcome empty = run(refer(kPythonIdentity, {}));
  EXPECT_EQ(std::get<TaskFailure>(empty).ename, "TypeError");
}

TEST_F(PythonCalls, MapAppliesTheReferencedFunctionToTheEntries) {
  for (const char* name : {"<lambda>", "_map"}) {
    Frames frames =
        helper("ipyparallel.client.remotefunction", name, {nullptr, Array::of<double>({1, 2, 3})});
    frames[2] = write_python_pull("square")[2];
    EXPECT_EQ(result_of(run(frames)), Value(List{1.0, 4.0, 9.0}));
  }
  context_.names.set("part", List{2, 3});
  Frames frames = helper("ipyparallel.client.view", "_broadcast_map", {nullptr, "part"});
  frames[2] = write_python_pull("square")[2];
  EXPECT_EQ(result_of(run(frames)), Value(List{4.0, 9.0}));
  EXPECT_TRUE(context_.names.keys().empty());
}

TEST_F(PythonCalls, WhatCannotRunSaysWhatItIsAndWhatWorks) {
  struct Case {
    Frames frames;
    const char* ename;
    const char* part;
  };
  const Case cases[] = {
      {captured("ipp71_mux_apply_lambda"), "NotImplementedError", "<lambda>"},
      {captured("ipp71_mux_apply_builtin"), "NotImplementedError", "math.sqrt"},
      {captured("ipp71_mux_apply_partial"), "NotImplementedError", "partial"},
      {captured("ipp71_mux_map"), "NotImplementedError", "Reference"},
      {captured("ipp71_mux_apply_reference_ints"), "TypeError", "64 bits"},
      {write_python_call({PythonTarget::Kind::kExpression, "trireme.ecko"}, {}, {}), "NameError",
       "trireme.echo"},
      {{Frame(std::string("garbage"))}, "NotImplementedError", "pickle"},
      {{}, "NotImplementedError", "Python client"},
  };
  for (const Case& one : cases) {
    const TaskOutcome outcome = run(one.frames);
    const auto* failure = std::get_if<TaskFailure>(&outcome);
    ASSERT_NE(failure, nullptr) << one.part;
    EXPECT_EQ(failure->ename, one.ename) << failure->evalue;
    EXPECT_NE(failure->evalue.find(one.part), std::string::npos) << failure->evalue;
    EXPECT_FALSE(failure->traceback.empty());
  }
}

}  // namespace
}  // namespace trireme
