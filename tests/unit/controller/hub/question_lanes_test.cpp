#include "controller/hub/question_lanes.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace trireme {
namespace {

const RoutingId kAsker{std::string("asker")};
const RoutingId kOther{std::string("other")};

StoreQuestion question(std::uint64_t token) { return {token, ListHistory{}}; }

TEST(QuestionLanes, SomeQuestionsGoAtOnceAndTheRestInOrderAsAnswersCome) {
  QuestionLanes lanes;
  for (std::uint64_t token = 1; token <= QuestionLanes::kUnderWayMax; ++token) {
    ASSERT_TRUE(lanes.add(kAsker, question(token)));
  }
  EXPECT_FALSE(lanes.add(kAsker, question(100)));
  EXPECT_FALSE(lanes.add(kAsker, question(101)));
  EXPECT_EQ(lanes.waiting_count(), 2u);
  lanes.check_invariants();
  const auto next = lanes.answered(2);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->token, 100u);
  EXPECT_EQ(lanes.answered(100)->token, 101u);
  EXPECT_FALSE(lanes.answered(1));
  EXPECT_EQ(lanes.waiting_count(), 0u);
  lanes.check_invariants();
}

TEST(QuestionLanes, NobodyWaitsForTheQuestionsOfOthers) {
  QuestionLanes lanes;
  std::uint64_t token = 0;
  while (lanes.add(kAsker, question(++token))) {
  }
  EXPECT_TRUE(lanes.add(kOther, question(++token)));
  lanes.check_invariants();
}

TEST(QuestionLanes, AnswersToOtherQuestionsLetNothingGo) {
  QuestionLanes lanes;
  std::uint64_t token = 0;
  while (lanes.add(kAsker, question(++token))) {
  }
  EXPECT_FALSE(lanes.answered(1'000));
  EXPECT_FALSE(lanes.answered(token));  // it waits
  EXPECT_EQ(lanes.waiting_count(), 1u);
  lanes.check_invariants();
}

TEST(QuestionLanes, AnAskerWhoseQuestionsAreAnsweredLeavesNothingBehind) {
  QuestionLanes lanes;
  for (std::uint64_t token = 1; token <= 3; ++token) lanes.add(kAsker, question(token));
  for (std::uint64_t token = 1; token <= 3; ++token) EXPECT_FALSE(lanes.answered(token));
  lanes.check_invariants();
  EXPECT_TRUE(lanes.add(kAsker, question(4)));
}

}  // namespace
}  // namespace trireme
