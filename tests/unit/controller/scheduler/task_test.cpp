// Which moves a task may make.
#include "controller/scheduler/task.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(Task, MayMakeTheLegalMovesAndNoOthers) {
  const std::vector<TaskState> states{task_state::Submitted{}, task_state::Checking{},
                                      task_state::Blocked{}, task_state::Ready{},
                                      task_state::Running{}};
  const std::vector<std::string> legal{
      "submitted>checking", "submitted>blocked", "submitted>ready", "submitted>running",
      "checking>blocked",   "checking>ready",    "blocked>blocked", "blocked>ready",
      "ready>blocked",      "ready>ready",       "ready>running",   "running>checking",
      "running>blocked",    "running>ready"};
  std::vector<std::string> found;
  for (const TaskState& from : states) {
    for (const TaskState& to : states) {
      if (is_legal_move(from.index(), to.index())) {
        found.push_back(std::string(state_name(from)) + ">" + std::string(state_name(to)));
      }
    }
  }
  EXPECT_EQ(found, legal);
  EXPECT_FALSE(is_legal_move(0, 99));
}

TEST(Task, TicketChangesWithEveryMove) {
  Task task({MsgId("a")}, {0, 1});
  EXPECT_TRUE(task.is_waiting());
  const std::uint32_t first = task.ticket();
  task.move_to(task_state::Ready{});
  EXPECT_NE(task.ticket(), first);
  task.move_to(task_state::Running{});
  EXPECT_FALSE(task.is_waiting());
}

TEST(TaskDeathTest, IllegalMoveIsABug) {
  Task task({MsgId("a")}, {0, 1});
  task.move_to(task_state::Ready{});
  EXPECT_DEATH(task.move_to(task_state::Submitted{}), "cannot go from ready to submitted");
}

TEST(BanList, RefusalOutweighsFailure) {
  BanList bans;
  bans.add({2, 1}, BanKind::kAvoid);
  bans.add({1, 1}, BanKind::kNever);
  bans.add({1, 1}, BanKind::kAvoid);
  bans.add({2, 1}, BanKind::kNever);
  EXPECT_EQ(bans.entries(),
            (std::vector<Ban>{{{1, 1}, BanKind::kNever}, {{2, 1}, BanKind::kNever}}));
  EXPECT_TRUE(bans.forbids({1, 1}));
  EXPECT_FALSE(bans.forbids({1, 2}));
}

}  // namespace
}  // namespace trireme
