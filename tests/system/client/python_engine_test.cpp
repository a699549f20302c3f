// The client library with Python's engines.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <trireme/task.hpp>

#include "tests/system/client/cluster_suite.hpp"

namespace trireme {
namespace {

class PythonEngines : public ClusterSuite<Make::kStock> {};
INSTANTIATE_TEST_SUITE_P(Controllers, PythonEngines, ::testing::ValuesIn(controllers()), case_name);

TEST_P(PythonEngines, RunCodeAndShowItsValueAndOutput) {
  const ExecuteResult result =
      client().engine(first_id()).execute("print('hi'); 6 * 7").get(kLimit);
  EXPECT_EQ(result.text(), "42");
  EXPECT_EQ(result.stdout_text, "hi\n");
  EXPECT_GT(result.execution_count, 0);
}

TEST_P(PythonEngines, CompleteNames) {
  const auto engine = client().engine(first_id());
  engine.execute("remarkable = 1").get(kLimit);
  const CodeCompletions found = engine.complete("x = remark", 10).get(kLimit);
  EXPECT_EQ(found.matches, std::vector<std::string>{"remarkable"});
  EXPECT_EQ(found.cursor_start, 4);
  EXPECT_EQ(found.cursor_end, 10);
}

TEST_P(PythonEngines, AFailureOfCodeIsARemoteError) {
  const auto result = client().engine(first_id()).execute("1 / 0");
  try {
    result.get(kLimit);
    FAIL();
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.ename(), "ZeroDivisionError");
    EXPECT_EQ(error.evalue(), "division by zero");
    EXPECT_EQ(error.engine_id(), first_id());
    EXPECT_FALSE(error.traceback().empty());
  }
  EXPECT_EQ(result.task(0).status, TaskStatus::kError);
}

TEST_P(PythonEngines, EveryEngineOfAGroupAnswers) {
  for (const bool coalescing : {false, true}) {
    const auto view = client().broadcast_view({}, coalescing);
    const auto results = view.execute("1 + 1").get(kLimit);
    ASSERT_EQ(results.size(), kEngineCount);
    for (const ExecuteResult& result : results) EXPECT_EQ(result.text(), "2");
  }
  const auto pids = client().direct_view().execute("import os; os.getpid()").get(kLimit);
  ASSERT_EQ(pids.size(), kEngineCount);
  EXPECT_NE(pids[0].text(), pids[1].text());
}

TEST_P(PythonEngines, ABalancedTaskKnowsWhereAndWhenItRan) {
  const auto result = client().load_balanced_view().execute("'done'");
  EXPECT_EQ(result.get(kLimit).text(), "'done'");
  const TaskInfo info = result.task(0);
  EXPECT_EQ(info.status, TaskStatus::kOk);
  EXPECT_GE(info.engine_id, 0);
  ASSERT_TRUE(info.started && info.completed && info.received);
  EXPECT_LE(*info.started, *info.completed);
  EXPECT_LE(info.submitted, *info.received);
}

TEST_P(PythonEngines, DependenciesDecideWhatRuns) {
  const auto view = client().load_balanced_view();
  const auto first = view.execute("1");
  EXPECT_EQ(view.after(first).follow(first).execute("2").get(kLimit).text(), "2");
  const auto failed = view.execute("1 / 0");
  EXPECT_THROW(view.after(failed).execute("3").get(kLimit), ImpossibleDependency);
  EXPECT_EQ(view.after(TaskDependency(failed).on_failure()).execute("4").get(kLimit).text(), "4");
  EXPECT_THROW(view.after(TaskDependency("unknown")).execute("5").get(kLimit), InvalidDependency);
}

TEST_P(PythonEngines, ATaskThatCannotStartInTimeGivesUp) {
  const auto view = client().load_balanced_view();
  const std::string gate = processes().options().ipython_dir + "/gate-" + name_of(GetParam());
  const auto slow =
      view.targets({first_id()})
          .execute("import os, time\nwhile not os.path.exists('" + gate + "'): time.sleep(0.02)");
  EXPECT_THROW(view.after(slow).timeout(std::chrono::milliseconds(300)).execute("1").get(kLimit),
               TaskTimeout);
  std::ofstream(gate) << "open";
  slow.get(kLimit);
}

TEST_P(PythonEngines, AnAbortedTaskDoesNotRun) {
  const EngineView engine = client().engine(first_id());
  const auto running = engine.execute("import time; time.sleep(4)");
  const auto waiting = engine.execute("aborted_task_ran = True");
  waiting.abort();
  EXPECT_THROW(waiting.get(kLimit), TaskAborted);
  running.get(kLimit);
  EXPECT_EQ(engine.execute("'aborted_task_ran' in globals()").get(kLimit).text(), "False");
}

TEST_P(PythonEngines, TheHubTellsWhatItKnows) {
  const auto result = client().load_balanced_view().execute("'told'");
  result.get(kLimit);
  const std::string id = result.msg_ids().at(0);
  // The hub may hear of the end a little later than the client.
  client().get_result(result.msg_ids()).get(kLimit);
  EXPECT_EQ(client().result_status({id}).completed, std::vector<std::string>{id});
  const auto records = client().db_query(Dict{{"msg_id", id}}, {"msg_id", "completed"});
  ASSERT_EQ(records.size(), 1u);
  EXPECT_FALSE(records[0].at("completed").is_null());
  const auto history = client().hub_history();
  EXPECT_NE(std::find(history.begin(), history.end(), id), history.end());
  EXPECT_EQ(client().queue_status().engines.size(), client().ids().size());
  EXPECT_EQ(client().queue_status_ids(client().ids()).engines.size(), client().ids().size());
}

TEST_P(PythonEngines, RefusedQueriesSayWhy) {
  EXPECT_THROW(client().result_status({"nobody's"}), QueryError);
  EXPECT_THROW(client().get_result({"nobody's"}).get(kLimit), QueryError);
  EXPECT_THROW(client().queue_status(9999), QueryError);
  EXPECT_THROW(client().db_query({}, {"no such column"}), QueryError);
  try {
    client().hub_request("no_such_request", {});
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.ename(), "KeyError");
  }
}

TEST_P(PythonEngines, AnotherClientGetsTheResultOfATaskNotItsOwn) {
  const auto result = client().load_balanced_view().execute("print('shared'); 'mine'");
  const Client other(processes().options());
  const std::string id = result.msg_ids().at(0);
  wait_until_known(other, id);
  // The hub hears of output beside results, at times later.
  const auto give_up = std::chrono::steady_clock::now() + kLimit;
  while (other.db_query(Dict{{"msg_id", id}}, {"stdout"}).at(0).at("stdout") != Value("shared\n")) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
  }
  const auto seen = other.get_result<ExecuteResult>({id});
  EXPECT_EQ(seen.get(kLimit).at(0).text(), "'mine'");
  EXPECT_EQ(seen.stdout_text(), "shared\n");
}

TEST_P(PythonEngines, AResubmittedTaskRunsAgain) {
  const auto result = client().load_balanced_view().execute("import random; random.random()");
  result.get(kLimit);
  client().get_result(result.msg_ids()).get(kLimit);
  const auto again = client().resubmit(result.msg_ids());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again.begin()->first, result.msg_ids().at(0));
  const auto second = client().get_result<ExecuteResult>({again.begin()->second});
  EXPECT_NE(second.get(kLimit).at(0).text(), result.get().text());
}

TEST_P(PythonEngines, PurgedResultsAreForgotten) {
  const auto result = client().load_balanced_view().execute("1");
  result.get(kLimit);
  client().get_result(result.msg_ids()).get(kLimit);
  client().purge_results(result.msg_ids());
  EXPECT_TRUE(client().db_query(Dict{{"msg_id", result.msg_ids().at(0)}}).empty());
}

TEST_P(PythonEngines, ANativeCallIsARemoteError) {
  EXPECT_THROW(client().engine(first_id()).apply("native.task", {1}).get(kLimit), RemoteError);
}

constexpr Task<double(double)> kSqrt{"python:math.sqrt"};
constexpr Task<double(std::vector<double>)> kNorm{"python:numpy.linalg.norm"};
constexpr Task<std::int64_t(std::int64_t)> kTwice{"python:twice"};

TEST_P(PythonEngines, ImportableFunctionsAreCalledByTheirNames) {
  const EngineView engine = client().engine(first_id());
  EXPECT_EQ(engine.apply(kSqrt, 2.25).get(kLimit), 1.5);
  EXPECT_EQ(engine.apply(kNorm, std::vector{3.0, 4.0}).get(kLimit), 5.0);
  EXPECT_EQ(engine.apply("python:textwrap.shorten", {"one two three"}, {{"width", 9}}).get(kLimit),
            Value("one [...]"));
  EXPECT_EQ(engine.apply("python:string:Formatter.__name__.upper").get(kLimit), Value("FORMATTER"));
  EXPECT_EQ(engine.apply("python:len", {Value(List{1, 2, 3})}).get(kLimit), Value(3));
  const auto pids = client().direct_view().apply("python:os.getpid").get(kLimit);
  ASSERT_EQ(pids.size(), kEngineCount);
  EXPECT_NE(pids[0], pids[1]);
}

TEST_P(PythonEngines, FunctionsOfTheNameSpaceAreCalledAndMapped) {
  client().direct_view().execute("def twice(x): return 2 * x").get(kLimit);
  EXPECT_EQ(client().engine(first_id()).apply(kTwice, 21).get(kLimit), 42);
  std::vector<std::int64_t> inputs(100);
  std::iota(inputs.begin(), inputs.end(), 0);
  std::vector<std::int64_t> doubled;
  for (const std::int64_t input : inputs) doubled.push_back(2 * input);
  const auto balanced = client().load_balanced_view();
  EXPECT_EQ(balanced.map(kTwice, inputs).get(kLimit), doubled);
  EXPECT_EQ(balanced.map(MapOptions{30}, kTwice, inputs).get(kLimit), doubled);
  EXPECT_EQ(client().direct_view().map(kTwice, inputs).get(kLimit), doubled);
  std::vector<std::int64_t> lazy;
  for (const std::int64_t value : balanced.imap(kTwice, inputs)) lazy.push_back(value);
  EXPECT_EQ(lazy, doubled);
  const auto lambda =
      client().engine(first_id()).apply("python:(lambda x, *, y: x + y)", {1}, {{"y", 2}});
  EXPECT_EQ(lambda.get(kLimit), Value(3));
}

TEST_P(PythonEngines, NamesArePushedPulledScatteredAndGathered) {
  for (const bool coalescing : {false, true}) {
    const auto view = client().broadcast_view({}, coalescing);
    view.push({{"x", Array::of<double>({1, 2, 3})}, {"word", "gr\xc3\xbc\xc3\x9f"}}).get(kLimit);
    const auto found = view.pull<std::vector<double>>("x").get(kLimit);
    EXPECT_EQ(found, (std::vector<std::vector<double>>(kEngineCount, {1, 2, 3})));
    EXPECT_EQ(view.pull<double>("float(x.sum())").get(kLimit),
              std::vector<double>(kEngineCount, 6.0));
    EXPECT_EQ(view.apply(kSqrt, 4.0).get(kLimit), std::vector<double>(kEngineCount, 2.0));
  }
  const DirectView direct = client().direct_view();
  std::vector<double> values(101, 0.5);
  direct.scatter("part", values).get(kLimit);
  EXPECT_EQ(direct.pull<int>("len(part)").get(kLimit), (std::vector<int>{51, 50}));
  EXPECT_EQ(direct.gather<double>("part").get(kLimit), values);
  const auto keys = client().engine(first_id()).keys().get(kLimit);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "part"), 1);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "get_ipython"), 0);
}

TEST_P(PythonEngines, FailuresOfFunctionsTellWhatPythonTold) {
  const EngineView engine = client().engine(first_id());
  const auto failure = [](const AsyncCall& call) {
    call.wait_for(kLimit);
    return call.task(0).failure.value_or(RemoteFailure{});
  };
  const RemoteFailure domain = failure(engine.apply(kSqrt, -1.0));
  EXPECT_EQ(domain.ename, "ValueError");
  EXPECT_EQ(domain.evalue, "math domain error");
  EXPECT_EQ(domain.engine_id, first_id());
  EXPECT_FALSE(domain.traceback.empty());
  EXPECT_EQ(failure(engine.pull("missing")).ename, "NameError");
  EXPECT_EQ(failure(engine.apply("python:no_such_module.f")).ename, "ModuleNotFoundError");
  EXPECT_THROW(engine.apply("python:threading.Lock").get(kLimit), RemoteError);
  EXPECT_THROW(engine.pull("2 ** 100").get(kLimit), FormatError);
  EXPECT_THROW(engine.pull("__import__('fractions').Fraction(1, 3)").get(kLimit), FormatError);
}

TEST_P(PythonEngines, AnotherClientReadsTheResultOfAFunction) {
  const auto result = client().load_balanced_view().apply(kNorm, std::vector{3.0, 4.0});
  result.get(kLimit);
  const Client other(processes().options());
  wait_until_known(other, result.msg_ids().at(0));
  EXPECT_EQ(other.get_result<double>(result.msg_ids()).get(kLimit).at(0), 5.0);
}

TEST_P(PythonEngines, ManyTasksAllEnd) {
  std::vector<AsyncResult<ExecuteResult>> results;
  const auto view = client().load_balanced_view();
  for (int i = 0; i < 100; ++i) results.push_back(view.execute(std::to_string(i)));
  EXPECT_TRUE(client().wait(kLimit));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(results[i].get().text(), std::to_string(i));
  EXPECT_EQ(client().outstanding(), 0u);
}

}  // namespace
}  // namespace trireme
