#include "session/short_text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace trireme {
namespace {

class ShortTextTest : public testing::TestWithParam<std::size_t> {
 protected:
  const std::string bytes_ = std::string(GetParam(), 'x');
  const ShortText text_{bytes_};
};

// Lengths around the one from which on memory is taken.
INSTANTIATE_TEST_SUITE_P(Lengths, ShortTextTest,
                         testing::Values(0U, 1U, ShortText::kInlineMax, ShortText::kInlineMax + 1,
                                         1000U));

TEST_P(ShortTextTest, KeepsItsBytes) {
  EXPECT_EQ(text_.view(), bytes_);
  EXPECT_EQ(text_.empty(), bytes_.empty());
}

TEST_P(ShortTextTest, ACopyIsEqualAndItsOwn) {
  ShortText copy = text_;
  EXPECT_EQ(copy, text_);
  if (!bytes_.empty()) {
    EXPECT_NE(copy.view().data(), text_.view().data());
  }
  copy = ShortText("other");
  EXPECT_EQ(text_.view(), bytes_);
}

TEST_P(ShortTextTest, MovingLeavesNothingBehind) {
  ShortText from = text_;
  const ShortText to = std::move(from);
  EXPECT_EQ(to.view(), bytes_);
  from = text_;  // may be filled again
  EXPECT_EQ(from.view(), bytes_);
}

TEST_P(ShortTextTest, AssignmentReplacesTextsOfAnyLength) {
  for (const std::size_t before : {0U, 10U, 200U}) {
    ShortText changed{std::string(before, 'b')};
    changed = text_;
    EXPECT_EQ(changed.view(), bytes_) << before;
    const ShortText& itself = changed;
    changed = itself;
    EXPECT_EQ(changed.view(), bytes_) << before;
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
