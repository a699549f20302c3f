// Programs get their input, show their output as it appears, and end or are ended.
#include "engine/command.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace trireme {
namespace {

struct CommandTest : ::testing::Test {
  Result<CommandEnd> run(Command command) {
    return run_command(
        command,
        [this](CommandStream stream, std::string_view text) {
          (stream == CommandStream::kStdout ? out : err) += text;
          if (on_text) on_text();
        },
        stop.get_token());
  }
  Result<CommandEnd> shell(const std::string& text, std::string input = {}) {
    return run(Command{{"/bin/sh", "-c", text}, std::move(input), {}, {}});
  }

  std::stop_source stop;
  std::string out;
  std::string err;
  std::function<void()> on_text;
};

TEST_F(CommandTest, OutputAndExitCodeComeBack) {
  const auto end = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_FALSE(end->signal.has_value());
  EXPECT_EQ(out, "out\n");
  EXPECT_EQ(err, "err\n");
}

TEST_F(CommandTest, InputLargerThanAnyPipeArrivesWhole) {
  const std::string input(3u << 20, 'x');
  const auto end = shell("cat", input);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(out, input);
}

TEST_F(CommandTest, AProgramThatDoesNotReadItsInputStillEnds) {
  const auto end = shell("exit 0", std::string(1u << 20, 'x'));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 0);
}

TEST_F(CommandTest, WithoutInputTheProgramReadsNothing) {
  const auto end = shell("cat; echo done");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(out, "done\n");
}

TEST_F(CommandTest, FolderAndEnvironmentAreThoseAskedFor) {
  const auto folder = std::filesystem::canonical(std::filesystem::temp_directory_path());
  setenv("TRIREME_TEST_KEPT", "kept", 1);
  setenv("TRIREME_TEST_OTHER", "old", 1);
  const auto end =
      run(Command{{"/bin/sh", "-c", "pwd; echo $TRIREME_TEST_KEPT $TRIREME_TEST_OTHER"},
                  {},
                  folder.string(),
                  {{"TRIREME_TEST_OTHER", "new"}}});
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(out, folder.string() + "\nkept new\n");
}

TEST_F(CommandTest, ASignalThatKillsIsReported) {
  const auto end = shell("kill -KILL $$");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_FALSE(end->stopped);
}

TEST_F(CommandTest, WhatCannotStartIsNamed) {
  const auto missing = run(Command{{"/no/such/program"}, {}, {}, {}});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().text.find("/no/such/program"), std::string::npos);
  const auto denied = run(Command{{"/etc/passwd"}, {}, {}, {}});
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, ErrorCode::kPermission);
  const auto nowhere = run(Command{{"true"}, {}, "/no/such/folder", {}});
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_NE(nowhere.error().text.find("/no/such/folder"), std::string::npos);
}

TEST_F(CommandTest, AStopEndsTheProgramAndWhatItStarted) {
  on_text = [this] { stop.request_stop(); };
  const auto end = shell("sleep 1000 & echo $!; sleep 1000");
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->signal, SIGTERM);
  const pid_t left_behind = std::stoi(out);
  // It is killed already; its new parent may still have to take note.
  for (int i = 0; i < 6000 && kill(left_behind, 0) == 0; ++i) {
    std::ifstream state("/proc/" + std::to_string(left_behind) + "/stat");
    std::string line;
    if (!std::getline(state, line) || line.find(") Z") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(kill(left_behind, 0), 0);
}

TEST_F(CommandTest, AProgramThatIgnoresTheStopIsKilled) {
  on_text = [this] { stop.request_stop(); };
  const auto end = shell("trap '' TERM; echo ready; while :; do sleep 0.1; done");
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(end->signal, SIGKILL);
}

TEST_F(CommandTest, AStopBeforeTheStartEndsItAtOnce) {
  stop.request_stop();
  const auto end = shell("sleep 1000");
  ASSERT_TRUE(end.has_value());
  EXPECT_TRUE(end->stopped);
}

TEST_F(CommandTest, AnOutputPipeLeftToADaemonDoesNotKeepItWaiting) {
  const auto end = shell("sleep 1000 & echo $!");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->exit_code, 0);
  kill(std::stoi(out), SIGKILL);
}

}  // namespace
}  // namespace trireme
