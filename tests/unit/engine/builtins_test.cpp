// The functions that every engine has do what their page says.
#include "engine/builtins.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "tests/unit/engine/test_context.hpp"

namespace trireme {
namespace {

struct BuiltinsTest : ::testing::Test {
  BuiltinsTest() { register_builtins(table, BuiltinFacts{3}); }

  Value call(const std::string& name, List args = {}, Dict kwargs = {}) {
    const FunctionTable::Entry* entry = table.find("trireme." + name);
    if (entry == nullptr) throw std::logic_error("no such builtin: " + name);
    Call one{context, name, std::move(args), std::move(kwargs)};
    return entry->function(one);
  }
  std::string error_name(const std::string& name, List args, Dict kwargs = {}) {
    try {
      call(name, std::move(args), std::move(kwargs));
    } catch (const TaskError& error) {
      return error.ename();
    } catch (const TypeError&) {
      return "TypeError";
    }
    return "none";
  }

  FunctionTable table;
  TestContext context;
};

TEST_F(BuiltinsTest, EchoGivesBackWhatItGets) {
  EXPECT_EQ(call("echo"), Value());
  EXPECT_EQ(call("echo", {"x"}), Value("x"));
  EXPECT_EQ(call("echo", {1, 2}), Value(List{1, 2}));
}

TEST_F(BuiltinsTest, PushedNamesArePulledUntilCleared) {
  call("push", {}, {{"a", 1}, {"b", "two"}});
  EXPECT_EQ(call("pull", {"a"}), Value(1));
  EXPECT_EQ(call("pull", {List{"b", "a"}}), Value(List{"two", 1}));
  EXPECT_EQ(call("keys"), Value(List{"a", "b"}));
  call("clear", {List{"a", "unknown"}});
  EXPECT_EQ(call("keys"), Value(List{"b"}));
  EXPECT_EQ(error_name("pull", {"a"}), "NameError");
  EXPECT_EQ(error_name("pull", {List{"b", "a"}}), "NameError");
  call("clear");
  EXPECT_EQ(call("keys"), Value(List{}));
}

TEST_F(BuiltinsTest, APartOfAWholeIsScatteredAndGathered) {
  const Array part = Array::of(std::vector<double>{1, 2});
  call("scatter", {"x", part});
  EXPECT_EQ(call("gather", {"x"}), Value(part));
  EXPECT_EQ(error_name("gather", {"y"}), "NameError");
}

TEST_F(BuiltinsTest, SleepEndsEarlyWhenAskedToStop) {
  call("sleep", {0});
  EXPECT_EQ(error_name("sleep", {-1}), "TypeError");
  EXPECT_EQ(error_name("sleep", {1e300}), "TypeError");
  EXPECT_EQ(error_name("sleep", {"long"}), "TypeError");
  std::thread stopper([this] { context.stop.request_stop(); });
  EXPECT_THROW(call("sleep", {1000}), TaskStopped);
  stopper.join();
}

TEST_F(BuiltinsTest, MapAppliesTheFunctionToEachListOfArguments) {
  table.add("test.add", [](int a, int b) { return a + b; });
  EXPECT_EQ(call("map", {"test.add", List{List{1, 2}, List{3, 4}}}), Value(List{3, 7}));
  EXPECT_EQ(call("map", {"test.add", List{}}), Value(List{}));
  EXPECT_EQ(error_name("map", {"test.unknown", List{}}), "NameError");
  EXPECT_EQ(error_name("map", {"test.add", List{1}}), "TypeError");
  EXPECT_EQ(error_name("map", {"test.add"}), "TypeError");
  context.stop.request_stop();
  EXPECT_THROW(call("map", {"test.add", List{List{1, 2}}}), TaskStopped);
}

TEST_F(BuiltinsTest, FactsAboutTheMachineAndTheEngineAreTold) {
  const Value facts = call("host_info");
  EXPECT_EQ(facts.at("pid"), Value(getpid()));
  EXPECT_EQ(facts.at("engine_id"), Value(7));
  EXPECT_EQ(facts.at("engine_threads"), Value(3));
  EXPECT_FALSE(facts.at("hostname").as_string().empty());
  EXPECT_GT(facts.at("memory_bytes").as_int(), 0);
}

TEST_F(BuiltinsTest, EnvironmentVariablesAreToldAllOrByName) {
  setenv("TRIREME_TEST_ENVIRONMENT", "a=b", 1);
  EXPECT_EQ(call("environment").at("TRIREME_TEST_ENVIRONMENT"), Value("a=b"));
  EXPECT_EQ(call("environment", {List{"TRIREME_TEST_ENVIRONMENT", "NOT_THERE"}}),
            Value(Dict{{"TRIREME_TEST_ENVIRONMENT", "a=b"}}));
}

TEST_F(BuiltinsTest, FunctionsAreListedByName) {
  const Value names = call("functions");
  EXPECT_NE(std::find(names.as_list().begin(), names.as_list().end(), Value("trireme.echo")),
            names.as_list().end());
}

TEST_F(BuiltinsTest, ACommandsOutputIsShownAndReturned) {
  const Value end = call("run_command", {"cat; echo err >&2; exit 3"}, {{"stdin", "input"}});
  EXPECT_EQ(end.at("exit_code"), Value(3));
  EXPECT_EQ(end.at("signal"), Value());
  EXPECT_EQ(end.at("stdout"), Value("input"));
  EXPECT_EQ(end.at("stderr"), Value("err\n"));
  EXPECT_EQ(end.at("truncated"), Value(false));
  EXPECT_EQ(context.out, "input");
  EXPECT_EQ(context.err, "err\n");
}

TEST_F(BuiltinsTest, ACommandsOutputThatIsNoTextComesAsBytes) {
  const Value end = call("run_command", {List{"printf", "\\377\\200"}});
  EXPECT_EQ(end.at("stdout"), Value(Bytes("\xFF\x80")));
}

TEST_F(BuiltinsTest, ACommandKilledByASignalSaysWhich) {
  const Value end = call("run_command", {"kill -TERM $$"});
  EXPECT_EQ(end.at("signal"), Value("SIGTERM"));
  EXPECT_EQ(end.at("exit_code"), Value(-15));
}

TEST_F(BuiltinsTest, CommandsFailUnderFittingNames) {
  EXPECT_EQ(error_name("run_command", {List{"/no/such/program"}}), "FileNotFoundError");
  EXPECT_EQ(error_name("run_command", {"exit 1"}, {{"check", true}}), "CalledProcessError");
  EXPECT_EQ(error_name("run_command", {"exit 0"}, {{"check", true}}), "none");
  EXPECT_EQ(error_name("run_command", {List{}}), "TypeError");
  EXPECT_EQ(error_name("run_command", {}), "TypeError");
  EXPECT_EQ(error_name("run_command", {"true"}, {{"unknown", 1}}), "TypeError");
}

TEST_F(BuiltinsTest, AStoppedCommandGivesUp) {
  context.stop.request_stop();
  EXPECT_THROW(call("run_command", {"sleep 1000"}), TaskStopped);
}

}  // namespace
}  // namespace trireme
