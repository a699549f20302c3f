// The graph tells exactly those who wait, and keeps nothing of those who have gone.
#include "controller/scheduler/dependency_graph.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

Dependency on(std::vector<std::string> ids, bool all = true) {
  Dependency dependency;
  for (std::string& id : ids) dependency.ids.emplace_back(std::move(id));
  dependency.all = all;
  return dependency;
}

constexpr TaskRef kWaiter{7, 70};

TEST(DependencyGraph, TaskWithoutDependenciesIsMet) {
  DependencyGraph graph;
  EXPECT_EQ(graph.verdict(1, Gate::kAfter), Verdict::kMet);
  EXPECT_EQ(graph.verdict(1, Gate::kFollow), Verdict::kMet);
  EXPECT_TRUE(graph.follow_is_complete(1));
  EXPECT_FALSE(graph.has_follow(1));
}

TEST(DependencyGraph, EndingOfALiveTaskReachesItsWaiters) {
  DependencyGraph graph;
  graph.add(kWaiter, on({"a", "b"}), on({"a"}));
  graph.await(kWaiter, Gate::kAfter, 1);
  graph.await(kWaiter, Gate::kFollow, 1);
  graph.await(kWaiter, Gate::kAfter, 2);
  std::vector<TaskRef> touched;
  graph.finish(1, {true, EngineRef{5, 1}}, touched);
  EXPECT_EQ(touched, (std::vector<TaskRef>{kWaiter, kWaiter}));
  EXPECT_EQ(graph.verdict(7, Gate::kAfter), Verdict::kWaiting);
  EXPECT_EQ(graph.verdict(7, Gate::kFollow), Verdict::kMet);
  ASSERT_EQ(graph.follow_engines(7).size(), 1u);
  EXPECT_EQ(graph.follow_engines(7)[0], (EngineRef{5, 1}));
  graph.finish(2, {true, EngineRef{6, 1}}, touched);
  EXPECT_EQ(graph.verdict(7, Gate::kAfter), Verdict::kMet);
  graph.check_invariants();
}

TEST(DependencyGraph, NewUserOfASlotHearsNothingMeantForTheOld) {
  DependencyGraph graph;
  graph.add(kWaiter, on({"a"}), {});
  graph.await(kWaiter, Gate::kAfter, 1);
  graph.remove(kWaiter.slot);
  graph.add({kWaiter.slot, 71}, on({"other"}), {});
  std::vector<TaskRef> touched;
  graph.finish(1, {false, std::nullopt}, touched);
  EXPECT_TRUE(touched.empty());
  EXPECT_EQ(graph.verdict(kWaiter.slot, Gate::kAfter), Verdict::kWaiting);
}

TEST(DependencyGraph, FollowIsImpossibleAcrossEnginesOrWithoutOne) {
  DependencyGraph graph;
  graph.add(kWaiter, {}, on({"a", "b", "c"}));
  graph.settle(kWaiter, Gate::kFollow, {true, EngineRef{1, 1}});
  EXPECT_FALSE(graph.follow_is_impossible(7));
  graph.settle(kWaiter, Gate::kFollow, {true, EngineRef{2, 1}});
  EXPECT_TRUE(graph.follow_is_impossible(7));
  EXPECT_FALSE(graph.follow_is_complete(7));
  const TaskRef other{8, 80};
  Dependency either = on({"a"});
  either.failure = true;
  graph.add(other, {}, either);
  graph.settle(other, Gate::kFollow, {false, std::nullopt});
  EXPECT_TRUE(graph.follow_is_impossible(8));
}

TEST(DependencyGraph, FollowOfAnyIsNeverImpossibleForItsEngines) {
  DependencyGraph graph;
  graph.add(kWaiter, {}, on({"a", "b"}, false));
  graph.settle(kWaiter, Gate::kFollow, {true, EngineRef{1, 1}});
  graph.settle(kWaiter, Gate::kFollow, {true, EngineRef{2, 1}});
  EXPECT_FALSE(graph.follow_is_impossible(7));
  EXPECT_EQ(graph.follow_engines(7).size(), 2u);
}

TEST(DependencyGraph, ManyShortWaitersOnOneLongTaskLeaveNothingBehind) {
  DependencyGraph graph;
  for (std::uint64_t number = 0; number < 100000; ++number) {
    const TaskRef waiter{1, number};
    graph.add(waiter, on({"long"}), {});
    graph.await(waiter, Gate::kAfter, 0);
    graph.remove(waiter.slot);
  }
  EXPECT_EQ(graph.waiter_count(), 0u);
  std::vector<TaskRef> touched;
  graph.finish(0, {true, std::nullopt}, touched);
  EXPECT_TRUE(touched.empty());
}

}  // namespace
}  // namespace trireme
