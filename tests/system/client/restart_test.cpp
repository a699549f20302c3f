// The controller is killed and started again under a client's calls.
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/system/client/cluster_processes.hpp"
#include "tests/system/client/tasks.hpp"

namespace trireme {
namespace {

constexpr std::chrono::seconds kLimit{120};

/// Two engines, our controller, a client that has seen them.
class Restart : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) cluster_.start_engine(Make::kTrireme);
    ASSERT_TRUE(client_.wait_for_engines(2, ClusterProcesses::kStartLimit)) << cluster_.logs();
  }
  void TearDown() override {
    if (HasFailure()) std::fputs(cluster_.logs().c_str(), stderr);
  }
  void restart() {
    cluster_.kill_process(cluster_.controller());
    cluster_.start_controller();
  }

  ClusterProcesses cluster_{Make::kTrireme};
  Client client_{cluster_.options()};
};

TEST_F(Restart, EveryLoadBalancedTaskEndsRight) {
  const auto view = client_.load_balanced_view();
  const auto slow = view.apply("trireme.sleep", {1.0});
  std::vector<std::int64_t> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto results = view.map(test_tasks::kMultiply, numbers, std::vector<std::int64_t>(500, 3));
  (void)results.begin();  // the first has ended
  restart();
  const auto late = view.apply("trireme.echo", {"submitted in the meantime"});
  const std::vector<std::int64_t> all = results.get(kLimit);
  ASSERT_EQ(all.size(), numbers.size());
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], 3 * numbers[i]);
  slow.get(kLimit);
  EXPECT_EQ(late.get(kLimit), Value("submitted in the meantime"));
  EXPECT_EQ(client_.outstanding(), 0u);
}

TEST_F(Restart, DirectCallsEndInTheirOrder) {
  const DirectView view = client_.direct_view();
  const auto slow = view.apply("trireme.sleep", {1.0});
  view.push({{"x", "old"}});
  const auto before = view.push({{"x", "new"}});
  restart();
  const auto pulled = view.pull("x");
  EXPECT_EQ(pulled.get(kLimit), std::vector<Value>(2, "new"));
  before.get(kLimit);
  slow.get(kLimit);
  EXPECT_EQ(client_.ids().size(), 2u);
}

TEST_F(Restart, BroadcastsEndOnEveryEngine) {
  const auto slow = client_.broadcast_view().apply("trireme.sleep", {1.0});
  const auto echoed = client_.broadcast_view().apply("trireme.echo", {"all"});
  const auto joined = client_.broadcast_view({}, true).apply("trireme.echo", {"joined"});
  restart();
  slow.get(kLimit);
  EXPECT_EQ(echoed.get(kLimit), std::vector<Value>(2, "all"));
  EXPECT_EQ(joined.get(kLimit), std::vector<Value>(2, "joined"));
}

TEST_F(Restart, QuestionsAndWatchedResultsAreAnsweredByTheNewController) {
  const auto task = client_.load_balanced_view().apply("trireme.sleep", {1.0});
  const Client other(cluster_.options());
  wait_until_known(other, task.msg_ids().at(0));
  const auto watched = other.get_result(task.msg_ids());
  restart();
  EXPECT_GE(other.hub_history().size(), 1u);
  EXPECT_EQ(watched.get(kLimit).size(), 1u);
  task.get(kLimit);
}

TEST_F(Restart, CancellationsAndQuestionsUnderWayAreDealtWithByTheNewController) {
  const auto view = client_.load_balanced_view();
  std::vector<AsyncResult<Value>> tasks;  // two run, one waits
  for (int i = 0; i < 3; ++i) tasks.push_back(view.apply("trireme.sleep", {600.0}));
  wait_until_known(client_, tasks.back().msg_ids().at(0));
  ::kill(cluster_.controller(), SIGSTOP);
  std::vector<std::future<std::vector<CancelOutcome>>> cancelled;
  for (const auto& task : tasks) {
    cancelled.push_back(std::async(std::launch::async, [&] { return task.cancel(kLimit); }));
  }
  auto history = std::async(std::launch::async, [&] { return client_.hub_history(); });
  // It holds without this pause, too; with it the requests lie in the sockets of a dead process.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  restart();
  for (auto& outcomes : cancelled) {
    EXPECT_EQ(outcomes.get(), std::vector<CancelOutcome>{CancelOutcome::kCancelled});
  }
  EXPECT_EQ(history.get().size(), tasks.size());
  EXPECT_EQ(client_.outstanding(), 0u);
}

TEST_F(Restart, TasksThatEndWhileTheControllerIsAwayAreNotLost) {
  const std::string gate = cluster_.options().ipython_dir + "/gate";
  const auto direct = client_.direct_view().apply(test_tasks::kWaitForFile, gate);
  const auto balanced = client_.load_balanced_view().apply(test_tasks::kWaitForFile, gate);
  wait_until_known(client_, balanced.msg_ids().at(0));
  cluster_.kill_process(cluster_.controller());
  cluster_.write_file("gate", "");
  EXPECT_FALSE(direct.wait_for(std::chrono::seconds(1)));
  cluster_.start_controller();
  direct.get(kLimit);
  balanced.get(kLimit);
}

TEST_F(Restart, AControllerMayBeKilledAgainAndAgain) {
  const auto view = client_.load_balanced_view();
  std::vector<AsyncResult<Value>> results;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 50; ++i) results.push_back(view.apply("trireme.sleep", {0.01}));
    restart();
  }
  for (const auto& result : results) result.get(kLimit);
}

}  // namespace
}  // namespace trireme
