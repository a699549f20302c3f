#include "cli/background_process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

namespace trireme::cli {
namespace {

using std::chrono::seconds;

class BackgroundProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/trireme-cli-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path log() const { return folder_ / "log"; }

  std::filesystem::path folder_;
};

TEST_F(BackgroundProcess, RunsAndWritesItsOutputToTheLog) {
  const auto process = start_in_background({"sh", "-c", "echo out; echo err >&2"}, log());
  ASSERT_TRUE(process.has_value()) << process.error().text;
  ASSERT_TRUE(wait_until_gone({&*process, 1}, seconds(60)));
  EXPECT_EQ(last_lines(log(), 10), "out\nerr\n");
}

TEST_F(BackgroundProcess, IsRunningUntilItIsKilled) {
  const auto process = start_in_background({"sleep", "600"}, log());
  ASSERT_TRUE(process.has_value());
  EXPECT_TRUE(is_running(*process));
  EXPECT_FALSE(wait_until_gone({&*process, 1}, std::chrono::milliseconds(1)));
  send_signal({&*process, 1}, SIGKILL);
  EXPECT_TRUE(wait_until_gone({&*process, 1}, seconds(60)));
  EXPECT_FALSE(is_running(*process));
  EXPECT_EQ(running_time(*process), seconds(0));
}

TEST_F(BackgroundProcess, WithAnotherStartTimeIsAnotherProcess) {
  const auto process = start_in_background({"sleep", "600"}, log());
  ASSERT_TRUE(process.has_value());
  const ProcessMark elder{process->pid, process->started_ticks + 1};
  EXPECT_FALSE(is_running(elder));
  send_signal({&elder, 1}, SIGKILL);
  EXPECT_TRUE(is_running(*process));
  send_signal({&*process, 1}, SIGKILL);
  EXPECT_TRUE(wait_until_gone({&*process, 1}, seconds(60)));
}

TEST_F(BackgroundProcess, ThatDoesNotExistIsNamedInTheError) {
  const auto process = start_in_background({"/no/such/program"}, log());
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().code, ErrorCode::kNotFound);
  EXPECT_NE(process.error().text.find("/no/such/program"), std::string::npos);
}

TEST_F(BackgroundProcess, WithoutAWritableLogIsRefusedNamingTheLog) {
  const auto process = start_in_background({"true"}, folder_ / "missing" / "log");
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().code, ErrorCode::kIo);
  EXPECT_NE(process.error().text.find("missing/log"), std::string::npos);
}

TEST_F(BackgroundProcess, KeepsOnlyTheLastLinesOfALog) {
  const auto process = start_in_background({"seq", "1", "100"}, log());
  ASSERT_TRUE(process.has_value());
  ASSERT_TRUE(wait_until_gone({&*process, 1}, seconds(60)));
  EXPECT_EQ(last_lines(log(), 2), "99\n100\n");
  EXPECT_EQ(last_lines(folder_ / "none", 2), "");
}

}  // namespace
}  // namespace trireme::cli
