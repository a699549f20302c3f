// Lazy maps: never far ahead of the reader, in order or as tasks end.
#include <gtest/gtest.h>

#include <trireme/lazy_map.hpp>

#include "client/call_state.hpp"

namespace trireme {
namespace {

/// Makes `inputs` tasks at most; each is answered with its number when `answer_at` says so: as soon
/// as so many tasks have been made, in the order `answer_order` gives.
class LazyMapTest : public testing::Test {
 protected:
  LazyMap<int> make(int inputs, LazyMapOptions options) {
    auto next = [this, inputs]() -> std::optional<List> {
      if (made_ == inputs) return std::nullopt;
      return List{made_++};
    };
    auto submit = [this](const List& arguments) {
      CallPlan plan;
      plan.tasks.push_back({"m", "", -1, 1});
      calls_.push_back(std::make_shared<CallState>(std::move(plan), std::weak_ptr<CallOwner>()));
      AsyncResult<Value> result(CallAccess::make(calls_.back()));
      on_submit_(arguments.at(0).to<std::size_t>());
      return result;
    };
    return LazyMap<int>(LazyMapCore(next, submit, options));
  }
  void answer(std::size_t task) {
    CallReply reply;
    reply.value = task;
    calls_.at(task)->set_reply(0, std::move(reply));
  }
  void fail(std::size_t task) {
    calls_.at(task)->set_reply(0, make_failed_reply(CallFailureKind::kRemote, "E", "v"));
  }

  int made_ = 0;
  std::vector<std::shared_ptr<CallState>> calls_;
  std::function<void(std::size_t)> on_submit_ = [this](std::size_t task) { answer(task); };
};

TEST_F(LazyMapTest, NoMoreTasksThanTheWindowAreUnderWay) {
  LazyMap<int> map = make(100, {3, true});
  EXPECT_EQ(made_, 0);
  EXPECT_EQ(map.next(), 0);
  EXPECT_EQ(made_, 4);  // three, and one in place of the one that was read
  EXPECT_EQ(map.next(), 1);
  EXPECT_EQ(made_, 5);
}

TEST_F(LazyMapTest, OrderedResultsComeInTheOrderOfTheInputs) {
  on_submit_ = [this](std::size_t task) {
    if (task == 1) {
      answer(1);
      answer(0);
    }
  };
  LazyMap<int> map = make(2, {2, true});
  std::vector<int> read;
  for (const int value : map) read.push_back(value);
  EXPECT_EQ(read, (std::vector<int>{0, 1}));
}

TEST_F(LazyMapTest, UnorderedResultsComeAsTasksEnd) {
  on_submit_ = [](std::size_t) {};
  LazyMap<int> map = make(3, {3, false});
  on_submit_ = [this](std::size_t task) {
    if (task < 2) return;
    answer(1);
    answer(2);
    answer(0);
  };
  std::vector<int> read;
  for (const int value : map) read.push_back(value);
  EXPECT_EQ(read, (std::vector<int>{1, 0, 2}));
}

TEST_F(LazyMapTest, ReadingGoesOnAfterAFailedTask) {
  on_submit_ = [this](std::size_t task) { task == 0 ? fail(task) : answer(task); };
  LazyMap<int> map = make(2, {2, true});
  EXPECT_THROW(map.next(), RemoteError);
  EXPECT_EQ(map.next(), 1);
  EXPECT_EQ(map.next(), std::nullopt);
}

TEST_F(LazyMapTest, NoInputsGiveNoResults) {
  LazyMap<int> map = make(0, {});
  EXPECT_EQ(map.next(), std::nullopt);
  EXPECT_EQ(map.next(), std::nullopt);
}

TEST_F(LazyMapTest, AWindowOfNothingIsRefused) { EXPECT_THROW(make(1, {0, true}), Exception); }

}  // namespace
}  // namespace trireme
