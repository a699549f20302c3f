#include "cli/progress_bar.hpp"

#include <gtest/gtest.h>

namespace trireme::cli {
namespace {

TEST(ProgressBarTest, FillsWithTheWorkDone) {
  EXPECT_EQ(render_progress({.done = 0, .total = 4}, 60),
            "[                                        ] 0/4");
  EXPECT_EQ(render_progress({.done = 2, .total = 4, .elapsed = std::chrono::seconds(4)}, 60),
            "[####################                    ] 2/4  0.5/s");
  EXPECT_EQ(render_progress({.done = 4, .total = 4}, 60),
            "[########################################] 4/4");
}

TEST(ProgressBarTest, TellsFailures) {
  EXPECT_EQ(render_progress({.done = 3, .total = 4, .failed = 2}, 30),
            "[#########    ] 3/4  2 failed");
}

TEST(ProgressBarTest, OnlyCountsWhileTheTotalIsUnknown) {
  EXPECT_EQ(render_progress({.done = 1200, .elapsed = std::chrono::seconds(10)}, 60),
            " 1200  120/s");
}

TEST(ProgressBarTest, NeverIsWiderThanTheTerminal) {
  for (std::size_t width = 1; width < 100; ++width) {
    const BarState state{
        .done = 12345, .total = 99999, .failed = 17, .elapsed = std::chrono::seconds(9)};
    EXPECT_LE(render_progress(state, width).size(), width);
  }
}

TEST(ProgressBarTest, OfNothingIsComplete) {
  EXPECT_EQ(render_progress({.done = 0, .total = 0}, 24), "[                 ] 0/0");
}

}  // namespace
}  // namespace trireme::cli
