// The ledger of direct tasks, and the memory for recent ids.
#include "controller/hub/direct_tasks.hpp"

#include <gtest/gtest.h>

#include "controller/hub/recent_ids.hpp"

namespace trireme {
namespace {

class Ledger : public testing::Test {
 protected:
  void TearDown() override { ledger_.check_invariants(); }
  DirectTasks ledger_;
};

TEST_F(Ledger, KeepsTheTasksOfEachEngineInOrderOfSubmission) {
  EXPECT_TRUE(ledger_.add(MsgId("b"), EngineId(0)));
  EXPECT_TRUE(ledger_.add(MsgId("a"), EngineId(0)));
  EXPECT_TRUE(ledger_.add(MsgId("c"), EngineId(1)));
  EXPECT_EQ(ledger_.pending_on(EngineId(0)), (std::vector{MsgId("b"), MsgId("a")}));
  EXPECT_EQ(ledger_.count_on(EngineId(1)), 1u);
  EXPECT_EQ(ledger_.count_on(EngineId(2)), 0u);
  EXPECT_EQ(ledger_.size(), 3u);
}

TEST_F(Ledger, TakesAPendingIdOnce) {
  EXPECT_TRUE(ledger_.add(MsgId("a"), EngineId(0)));
  EXPECT_FALSE(ledger_.add(MsgId("a"), EngineId(1)));
  EXPECT_EQ(ledger_.finish(MsgId("a")), EngineId(0));
  EXPECT_FALSE(ledger_.finish(MsgId("a")).has_value());
  EXPECT_TRUE(ledger_.add(MsgId("a"), EngineId(1)));
}

TEST_F(Ledger, GivesUpAllTasksOfOneEngine) {
  ledger_.add(MsgId("a"), EngineId(0));
  ledger_.add(MsgId("b"), EngineId(1));
  ledger_.add(MsgId("c"), EngineId(0));
  EXPECT_EQ(ledger_.take_all(EngineId(0)), (std::vector{MsgId("a"), MsgId("c")}));
  EXPECT_TRUE(ledger_.take_all(EngineId(0)).empty());
  EXPECT_FALSE(ledger_.is_pending(MsgId("a")));
  EXPECT_TRUE(ledger_.is_pending(MsgId("b")));
}

TEST(RecentIds, ForgetTheOldestFirst) {
  RecentIds recent(2);
  recent.add(MsgId("a"));
  recent.add(MsgId("b"));
  recent.add(MsgId("a"));
  recent.add(MsgId("c"));
  EXPECT_FALSE(recent.contains(MsgId("a")));
  EXPECT_TRUE(recent.contains(MsgId("b")));
  EXPECT_TRUE(recent.contains(MsgId("c")));
  EXPECT_EQ(recent.size(), 2u);
}

}  // namespace
}  // namespace trireme
