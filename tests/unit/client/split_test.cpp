// Sequences cut into contiguous parts.
#include "client/split.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(Split, EvenPartsDifferByAtMostOneAndTheLongerComeFirst) {
  EXPECT_EQ(split_evenly(7, 3), (std::vector<Part>{{0, 3}, {3, 2}, {5, 2}}));
  EXPECT_EQ(split_evenly(2, 3), (std::vector<Part>{{0, 1}, {1, 1}, {2, 0}}));
  EXPECT_EQ(split_evenly(0, 1), (std::vector<Part>{{0, 0}}));
}

TEST(Split, PartsOfOneSizeEndWithTheRest) {
  EXPECT_EQ(split_by_size(5, 2), (std::vector<Part>{{0, 2}, {2, 2}, {4, 1}}));
  EXPECT_TRUE(split_by_size(0, 2).empty());
}

TEST(Split, EverySequenceCanBeCut) {
  EXPECT_EQ(slice_value(List{1, 2, 3}, {1, 2}), Value(List{2, 3}));
  EXPECT_EQ(slice_value("abc", {1, 1}), Value("b"));
  EXPECT_EQ(slice_value(Bytes(std::string("abc")), {0, 2}), Value(Bytes(std::string("ab"))));
  const Array array = Array::of<int>({1, 2, 3});
  const Value part = slice_value(array, {2, 1});
  EXPECT_EQ(part.as_array().data().data(), array.data().data() + 8);
  EXPECT_THROW(slice_value(5, {0, 1}), TypeError);
  EXPECT_THROW(slice_value(Dict{}, {0, 0}), TypeError);
}

}  // namespace
}  // namespace trireme
