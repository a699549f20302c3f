#include "cli/command_line.hpp"

#include <gtest/gtest.h>

#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

using Words = std::vector<std::string>;

/// A program with one ordinary subcommand and one that runs somebody else's command.
class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    Subcommand plain = program_.subcommand("plain", "does something");
    plain.flag("-j,--json", json_, "prints JSON");
    plain.option("-n,--count", count_, 1, 5, "how many");
    plain.option("--seconds", seconds_, "how long");
    plain.option("--color", color_, {"red", "blue"}, "which");
    plain.repeated("--load", loaded_, "what");
    plain.cluster_options(choice_);
    plain.on_chosen([] { return 40; });
    Subcommand runs = program_.subcommand("run", "runs something");
    runs.option("--label", label_, "what it is called");
    runs.expect_trailing_command();
    runs.on_chosen([this, runs] {
      trailing_ = runs.trailing_command();
      return 41;
    });
  }

  int run(Words words) { return program_.run(std::move(words)); }

  CommandLine program_{"program", "for tests", "1.2.3"};
  bool json_ = false;
  std::size_t count_ = 1;
  double seconds_ = 1;
  std::string color_;
  Words loaded_;
  ProfileChoice choice_;
  std::string label_;
  Words trailing_;
};

TEST_F(CommandLineTest, RunsWhatIsChosenAndReturnsItsExitCode) {
  EXPECT_EQ(run({"plain"}), 40);
  EXPECT_EQ(run({"run", "x"}), 41);
}

TEST_F(CommandLineTest, FillsInOptions) {
  EXPECT_EQ(run({"plain", "-j", "--count=3", "--seconds", "0.5", "--color", "blue", "--load", "a",
                 "--load", "b", "--profile", "p", "--cluster-id", ""}),
            40);
  EXPECT_TRUE(json_);
  EXPECT_EQ(count_, 3U);
  EXPECT_EQ(seconds_, 0.5);
  EXPECT_EQ(color_, "blue");
  EXPECT_EQ(loaded_, (Words{"a", "b"}));
  EXPECT_EQ(choice_.profile, "p");
  EXPECT_EQ(choice_.cluster_id, "");
}

TEST_F(CommandLineTest, RefusesWhatDoesNotFitWithTheUsageCode) {
  const Words wrong[] = {{},
                         {"bogus"},
                         {"plain", "--bogus"},
                         {"plain", "extra"},
                         {"plain", "--count", "0"},
                         {"plain", "--count", "6"},
                         {"plain", "--count", "many"},
                         {"plain", "--seconds", "-1"},
                         {"plain", "--color", "green"},
                         {"plain", "--load"}};
  for (const Words& words : wrong) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(run(words), kExitUsage) << ::testing::PrintToString(words);
    EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  }
}

TEST_F(CommandLineTest, PrintsHelpAndVersionAndSucceeds) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run({"--version"}), kExitOk);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "1.2.3\n");
  testing::internal::CaptureStdout();
  EXPECT_EQ(run({"plain", "--help"}), kExitOk);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("--color"), std::string::npos);
}

TEST_F(CommandLineTest, LeavesATrailingCommandAlone) {
  struct Case {
    Words words;
    Words command;
    std::string label;
  };
  const Case cases[] = {
      {{"run", "ls", "-l"}, {"ls", "-l"}, ""},
      {{"run", "--label", "x", "ls", "--label", "y"}, {"ls", "--label", "y"}, "x"},
      {{"run", "--", "ls", "-l"}, {"ls", "-l"}, ""},
      {{"run", "--", "--odd"}, {"--odd"}, ""},
      {{"run", "git", "checkout", "--", "f"}, {"git", "checkout", "--", "f"}, ""},
      {{"run", "--label=x", "--", "a", "--", "b"}, {"a", "--", "b"}, "x"},
      {{"run", "ls", "--help"}, {"ls", "--help"}, ""},
      {{"run", "plain"}, {"plain"}, ""},
      {{"run", "-"}, {"-"}, ""},
      {{"run", "a", "", "b c"}, {"a", "", "b c"}, ""},
      {{"run"}, {}, ""},
  };
  for (const Case& c : cases) {
    label_.clear();
    EXPECT_EQ(run(c.words), 41);
    EXPECT_EQ(trailing_, c.command) << ::testing::PrintToString(c.words);
    EXPECT_EQ(label_, c.label);
  }
}

TEST_F(CommandLineTest, RefusesUnknownOptionsBeforeATrailingCommand) {
  try {
    run({"run", "--bogus", "ls"});
    FAIL() << "no complaint";
  } catch (const CommandFailed& failure) {
    EXPECT_EQ(failure.exit_code(), kExitUsage);
    EXPECT_NE(std::string(failure.what()).find("--bogus"), std::string::npos);
  }
}

}  // namespace
}  // namespace trireme::cli
