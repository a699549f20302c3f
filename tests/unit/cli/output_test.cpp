#include "cli/output.hpp"

#include <gtest/gtest.h>

namespace trireme::cli {
namespace {

TEST(Output, DescribesDurationsInTwoUnits) {
  using std::chrono::seconds;
  EXPECT_EQ(describe_duration(seconds(0)), "0 s");
  EXPECT_EQ(describe_duration(seconds(59)), "59 s");
  EXPECT_EQ(describe_duration(seconds(307)), "5 min 7 s");
  EXPECT_EQ(describe_duration(seconds(7380)), "2 h 3 min");
  EXPECT_EQ(describe_duration(seconds(3 * 86400 + 4 * 3600 + 5)), "3 d 4 h");
}

TEST(Output, DescribesShortTimesPrecisely) {
  EXPECT_EQ(describe_seconds(0.0), "0 ms");
  EXPECT_EQ(describe_seconds(0.0567), "56.7 ms");
  EXPECT_EQ(describe_seconds(1.2345), "1.23 s");
  EXPECT_EQ(describe_seconds(125), "2 min 5 s");
}

TEST(Output, CountsInSingularAndPlural) {
  EXPECT_EQ(counted(0, "engine"), "0 engines");
  EXPECT_EQ(counted(1, "engine"), "1 engine");
  EXPECT_EQ(counted(2, "engine"), "2 engines");
}

}  // namespace
}  // namespace trireme::cli
