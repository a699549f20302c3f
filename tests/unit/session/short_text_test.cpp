#include "session/short_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace trireme {
namespace {

class ShortTextTest : public testing::TestWithParam<std::size_t> {
 protected:
  const std::string bytes = std::string(GetParam(), 'x');
  const ShortText text{bytes};
};

// Lengths around the one from which on memory is taken.
INSTANTIATE_TEST_SUITE_P(Lengths, ShortTextTest,
                         testing::Values(0U, 1U, ShortText::kInlineMax, ShortText::kInlineMax + 1,
                                         1000U));

TEST_P(ShortTextTest, KeepsItsBytes) {
  EXPECT_EQ(text.view(), bytes);
  EXPECT_EQ(text.empty(), bytes.empty());
}

TEST_P(ShortTextTest, ACopyIsEqualAndItsOwn) {
  ShortText copy = text;
  EXPECT_EQ(copy, text);
  if (!bytes.empty()) {
    EXPECT_NE(copy.view().data(), text.view().data());
  }
  copy = ShortText("other");
  EXPECT_EQ(text.view(), bytes);
}

TEST_P(ShortTextTest, MovingLeavesNothingBehind) {
  ShortText from = text;
  const ShortText to = std::move(from);
  EXPECT_EQ(to.view(), bytes);
  from = text;  // may be filled again
  EXPECT_EQ(from.view(), bytes);
}

TEST_P(ShortTextTest, AssignmentReplacesTextsOfAnyLength) {
  for (const std::size_t before : {0U, 10U, 200U}) {
    ShortText changed{std::string(before, 'b')};
    changed = text;
    EXPECT_EQ(changed.view(), bytes) << before;
    const ShortText& itself = changed;
    changed = itself;
    EXPECT_EQ(changed.view(), bytes) << before;
    changed = ShortText(std::string(before, 'b'));
    EXPECT_EQ(changed.view(), std::string(before, 'b')) << GetParam();
  }
}

TEST(ShortTextOrder, IsThatOfTheBytes) {
  const std::string common(60, 'x');
  const std::pair<std::string, std::string> ordered[] = {
      {"", "a"}, {"a", "b"}, {"a", "aa"}, {common, common + "y"}, {"a", common}};
  for (const auto& [less, more] : ordered) {
    EXPECT_LT(ShortText(less), ShortText(more)) << less;
    EXPECT_NE(ShortText(less), ShortText(more)) << less;
  }
}

}  // namespace
}  // namespace trireme
