// The client library with native engines: typed calls, buffers, maps, names, output.
#include <algorithm>
#include <atomic>
#include <future>
#include <numeric>
#include <thread>

#include "tests/system/client/cluster_suite.hpp"
#include "tests/system/client/tasks.hpp"

namespace trireme {
namespace {

using namespace test_tasks;  // NOLINT: the point of the file

class NativeEngines : public ClusterSuite<Make::kTrireme> {};
INSTANTIATE_TEST_SUITE_P(Controllers, NativeEngines, ::testing::ValuesIn(controllers()), case_name);

std::vector<double> numbers(std::size_t count) {
  std::vector<double> all(count);
  std::iota(all.begin(), all.end(), 0.0);
  return all;
}

TEST_P(NativeEngines, ATypedCallReturnsItsType) {
  const auto view = client().load_balanced_view();
  const double sum = view.apply(kSum, numbers(5)).get(kLimit);
  EXPECT_EQ(sum, 10.0);
  const Summary summary = client().engine(first_id()).apply(kSummary, numbers(3)).get(kLimit);
  EXPECT_EQ(summary.count, 3);
  EXPECT_EQ(summary.mean, 1.0);
}

TEST_P(NativeEngines, LargeArraysComeBackAsTheyWere) {
  const std::vector<double> values = numbers(1u << 20);
  const auto back = client().load_balanced_view().apply(kReverse, values).get(kLimit);
  ASSERT_EQ(back.size(), values.size());
  EXPECT_TRUE(std::equal(back.begin(), back.end(), values.rbegin()));
}

TEST_P(NativeEngines, ACallByNameReturnsAValue) {
  const auto view = client().load_balanced_view();
  const Value echoed(Dict{{"$odd", List{1, Bytes(std::string("b"))}}, {"text", "\xc3\xa4"}});
  EXPECT_EQ(view.apply("trireme.echo", {echoed}).get(kLimit), echoed);
  EXPECT_EQ(view.apply("test.multiply", {6, 7}).get(kLimit), Value(42));
}

TEST_P(NativeEngines, AThrownExceptionArrivesWithItsNameAndText) {
  try {
    client().load_balanced_view().apply(kFail, "the reason").get(kLimit);
    FAIL();
  } catch (const RemoteError& error) {
    EXPECT_NE(error.ename().find("invalid_argument"), std::string::npos) << error.ename();
    EXPECT_EQ(error.evalue(), "the reason");
    EXPECT_GE(error.engine_id(), 0);
  }
  EXPECT_THROW(client().load_balanced_view().apply("no.such.task").get(kLimit), RemoteError);
}

TEST_P(NativeEngines, SeveralFailuresComeTogether) {
  try {
    client().direct_view().apply(kFail, "everywhere").get(kLimit);
    FAIL();
  } catch (const CompositeError& error) {
    ASSERT_EQ(error.failures().size(), kEngineCount);
    EXPECT_NE(error.failures()[0].engine_id, error.failures()[1].engine_id);
  }
}

TEST_P(NativeEngines, WhatATaskPrintsBelongsToIt) {
  const auto view = client().load_balanced_view();
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < 10; ++i) {
    results.push_back(view.apply(kPrint, "out " + std::to_string(i), "err"));
  }
  for (int i = 0; i < 10; ++i) {
    results[i].get(kLimit);
    EXPECT_EQ(results[i].stdout_text(), "out " + std::to_string(i));
    EXPECT_EQ(results[i].stderr_text(), "err");
  }
}

TEST_P(NativeEngines, AMapKeepsItsOrderWhateverTheChunks) {
  const auto view = client().load_balanced_view();
  std::vector<std::int64_t> left(100);
  std::iota(left.begin(), left.end(), 0);
  const std::vector<std::int64_t> right(100, 3);
  for (const std::size_t chunk : {1, 7, 1000}) {
    const auto results = view.map(MapOptions{chunk}, kMultiply, left, right);
    const std::vector<std::int64_t> all = results.get(kLimit);
    ASSERT_EQ(all.size(), 100u);
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(all[i], static_cast<std::int64_t>(i) * 3) << chunk;
    }
    EXPECT_EQ(results.progress().done, 100u);
  }
  const auto direct = client().direct_view().map(kMultiply, left, right);
  EXPECT_EQ(direct.size(), kEngineCount);
  EXPECT_EQ(direct.get(kLimit).at(99), 297);
}

TEST_P(NativeEngines, AnEmptyMapIsReady) {
  const std::vector<std::int64_t> none;
  EXPECT_TRUE(client().load_balanced_view().map(kMultiply, none, none).get().empty());
  EXPECT_TRUE(client().direct_view().map(kMultiply, none, none).get().empty());
}

TEST_P(NativeEngines, IterationGivesEveryEntryOnce) {
  std::vector<std::vector<double>> inputs;
  for (std::size_t i = 0; i < 20; ++i) inputs.push_back(numbers(i));
  const auto results = client().load_balanced_view().map(kSum, inputs);
  double in_order = 0;
  for (const double sum : results) in_order += sum;
  double as_completed = 0;
  for (const double sum : results.as_completed()) as_completed += sum;
  EXPECT_EQ(in_order, as_completed);
  EXPECT_EQ(in_order, 1140.0);
}

TEST_P(NativeEngines, ALazyMapReadsAnEndlessInput) {
  const auto view = client().load_balanced_view();
  for (const bool ordered : {true, false}) {
    std::int64_t made = 0;
    auto map = view.imap(kMultiply,
                         [&]() -> std::optional<List> {
                           return List{made++, 2};
                         },
                         {8, ordered});
    std::int64_t sum = 0;
    for (int i = 0; i < 50; ++i) sum += map.next().value();
    EXPECT_LE(made, 60);
    if (ordered) {
      EXPECT_EQ(sum, 2450);
    }
  }
  EXPECT_TRUE(client().wait(kLimit));
  std::vector<int> range{2, 4, 6};
  std::vector<int> read;
  for (const int value : view.imap(kFailOdd, range)) read.push_back(value);
  EXPECT_EQ(read, range);
}

TEST_P(NativeEngines, NamesArePushedAndPulled) {
  const EngineView engine = client().engine(first_id());
  engine.push(Dict{{"a", 5}, {"v", Array::of<double>({1, 2})}}).get(kLimit);
  EXPECT_EQ(engine.pull<int>("a").get(kLimit), 5);
  EXPECT_EQ(engine.pull<std::vector<double>>("v").get(kLimit), (std::vector<double>{1, 2}));
  const auto keys = engine.keys().get(kLimit);
  EXPECT_NE(std::find(keys.begin(), keys.end(), "a"), keys.end());
  EXPECT_THROW(engine.pull("missing").get(kLimit), RemoteError);
  engine.clear().get(kLimit);
  EXPECT_THROW(engine.pull("a").get(kLimit), RemoteError);
}

TEST_P(NativeEngines, ScatterAndGatherAreInverse) {
  const DirectView view = client().direct_view();
  const std::vector<double> values = numbers(101);
  view.scatter("part", values).get(kLimit);
  EXPECT_EQ(view.gather<double>("part").get(kLimit), values);
  const auto parts = view.pull<std::vector<double>>("part").get(kLimit);
  ASSERT_EQ(parts.size(), kEngineCount);
  EXPECT_EQ(parts[0].size(), 51u);
  view.scatter("words", std::vector<std::string>{"a", "b", "c"}).get(kLimit);
  EXPECT_EQ(view.gather<std::string>("words").get(kLimit),
            (std::vector<std::string>{"a", "b", "c"}));
  view.clear().get(kLimit);
}

TEST_P(NativeEngines, ABroadcastReachesAll) {
  for (const bool coalescing : {false, true}) {
    const BroadcastView view = client().broadcast_view({}, coalescing);
    const auto sums = view.apply(kSum, numbers(5)).get(kLimit);
    EXPECT_EQ(sums, std::vector<double>(kEngineCount, 10.0));
    view.push(Dict{{"shared", Array::of<int>({1, 2, 3})}}).get(kLimit);
    for (const auto& pulled : view.pull<std::vector<int>>("shared").get(kLimit)) {
      EXPECT_EQ(pulled, (std::vector<int>{1, 2, 3}));
    }
    EXPECT_THROW(view.apply(kFail, "x").get(kLimit), Exception);
  }
}

TEST_P(NativeEngines, AFailedTaskOfAMapDoesNotHideTheOthers) {
  const std::vector<int> inputs{2, 3, 4};
  const auto results = client().load_balanced_view().map(kFailOdd, inputs);
  EXPECT_THROW(results.get(kLimit), RemoteError);
  std::vector<int> good;
  int failed = 0;
  auto at = results.begin();
  while (at != results.end()) {
    good.push_back(*at);
    for (bool moved = false; !moved;) {
      try {
        ++at;
        moved = true;
      } catch (const RemoteError&) {
        ++failed;
      }
    }
  }
  EXPECT_EQ(good, (std::vector<int>{2, 4}));
  EXPECT_EQ(failed, 1);
}

TEST_P(NativeEngines, AbortedTasksOfAQueueDoNotRun) {
  const auto view = client().load_balanced_view();
  std::vector<AsyncResult<Value>> results;
  for (int i = 0; i < 20; ++i) results.push_back(view.apply("trireme.sleep", {600}));
  client().abort_all();
  for (const auto& result : results) {
    EXPECT_TRUE(result.wait_for(kLimit));
    EXPECT_EQ(result.task(0).status, TaskStatus::kAborted);
  }
}

TEST_P(NativeEngines, EveryTaskThatIsGivenUpTellsWhatBecameOfIt) {
  const auto view = client().load_balanced_view();
  const auto finished = view.apply("trireme.echo", {1});
  finished.get(kLimit);
  EXPECT_EQ(finished.cancel(kLimit), std::vector{CancelOutcome::kFinished});
  const auto running = view.apply("trireme.sleep", {600});
  EXPECT_EQ(running.cancel(kLimit), std::vector{CancelOutcome::kCancelled});
  EXPECT_THROW(running.get(kLimit), TaskAborted);
  const auto direct = client().direct_view().apply("trireme.sleep", {600});
  EXPECT_EQ(direct.cancel(kLimit), std::vector(kEngineCount, CancelOutcome::kCancelled));
}

TEST_P(NativeEngines, ATaskThatWaitsForAnotherIsCancelledAtOnceByOurController) {
  if (GetParam() == Make::kStock) GTEST_SKIP() << "a stock scheduler cancels nothing";
  const auto view = client().load_balanced_view();
  const auto blocker = view.apply("trireme.sleep", {600});
  const auto waiting = view.after(blocker).apply("trireme.echo", {1});
  EXPECT_EQ(waiting.cancel(kLimit), std::vector{CancelOutcome::kCancelled});
  EXPECT_FALSE(blocker.ready());
  EXPECT_EQ(blocker.cancel(kLimit), std::vector{CancelOutcome::kCancelled});
}

TEST_P(NativeEngines, ACallbackRunsWhenTheResultIsThere) {
  const auto done = std::make_shared<std::promise<void>>();
  const auto result = client().load_balanced_view().apply(kSum, numbers(2));
  result.on_ready([done] { done->set_value(); });
  ASSERT_EQ(done->get_future().wait_for(kLimit), std::future_status::ready);
  EXPECT_EQ(result.get(), 1.0);
}

TEST_P(NativeEngines, ManyThreadsMayUseOneClient) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto view = client().load_balanced_view();
      for (int i = 0; i < 50; ++i) {
        if (view.apply_sync(kMultiply, t, i) == t * i) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST_P(NativeEngines, AFinishedNativeResultIsFoundByItsId) {
  const auto result = client().load_balanced_view().apply(kReverse, numbers(300));
  result.get(kLimit);
  const Client other(processes().options());
  wait_until_known(other, result.msg_ids().at(0));
  const auto seen = other.get_result<std::vector<double>>(result.msg_ids()).get(kLimit);
  EXPECT_EQ(seen.at(0), result.get());
}

TEST_P(NativeEngines, AnEngineThatIsNotThereIsNamed) {
  EXPECT_THROW(client().engine(999), NoSuchEngine);
  EXPECT_THROW(client().direct_view({0, 999}), NoSuchEngine);
  EXPECT_THROW(client().load_balanced_view({999}), NoSuchEngine);
}

}  // namespace
}  // namespace trireme
