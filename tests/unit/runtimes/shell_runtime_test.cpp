// Shell cells show their output, carry their state, end as told, and leave nothing behind.
#include "engine/runtimes/shell/shell_runtime.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "tests/unit/runtimes/recording_sink.hpp"

namespace trireme {
namespace {

/// Both kinds of shell run every test of this fixture.
struct ShellCell : ::testing::TestWithParam<ShellKind> {
  CellOutcome run(std::string_view code, CellOptions options = {}) {
    return shell.execute(code, options, sink);
  }
  /// "" for success, else "ename: evalue".
  std::string failure(std::string_view code, CellOptions options = {}) {
    const CellOutcome outcome = run(code, std::move(options));
    const auto* failed = std::get_if<TaskFailure>(&outcome);
    return failed == nullptr ? "" : failed->ename + ": " + failed->evalue;
  }
  std::string program() const { return GetParam() == ShellKind::kBash ? "/bin/bash" : "/bin/sh"; }

  PlainNameSpace names;
  RecordingSink sink;
  ShellRuntime shell{program(), GetParam(), RuntimeParts{names, 7, "some-uuid"}};
};

/// Waits until the process is gone; false when it runs on for a minute.
bool ends(pid_t pid) {
  for (int i = 0; i < 6000; ++i) {
    if (kill(pid, 0) != 0 && errno == ESRCH) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST_P(ShellCell, BothStreamsComeApart) {
  EXPECT_EQ(failure("echo out; echo err >&2; printf 'no newline'"), "");
  EXPECT_EQ(sink.out(), "out\nno newline");
  EXPECT_EQ(sink.err(), "err\n");
}

TEST_P(ShellCell, OutputComesWhileTheCellRuns) {
  std::stop_source stop;
  CellOptions options;
  options.stop = stop.get_token();
  std::thread other([&] {
    EXPECT_TRUE(sink.wait_for_out("first"));
    stop.request_stop();
  });
  EXPECT_EQ(failure("echo first; sleep 1000", options), "KeyboardInterrupt: ");
  other.join();
}

TEST_P(ShellCell, VariablesFolderAndUmaskLiveOn) {
  EXPECT_EQ(failure("export A='it'\"'\"'s 1\n2'; cd /usr/bin; umask 027"), "");
  EXPECT_EQ(failure("echo \"$A|$PWD|$(umask)\""), "");
  EXPECT_EQ(sink.out(), "it's 1\n2|/usr/bin|0027\n");
}

TEST_P(ShellCell, StateSurvivesAnExit) {
  EXPECT_EQ(failure("export B=2; exit 3"), "ShellError: exit status 3");
  EXPECT_EQ(failure("echo $B"), "");
  EXPECT_EQ(sink.out(), "2\n");
}

TEST_P(ShellCell, ClearForgetsVariables) {
  EXPECT_EQ(failure("export C=3"), "");
  shell.clear();
  EXPECT_EQ(failure("echo \"[$C]\""), "");
  EXPECT_EQ(sink.out(), "[]\n");
}

TEST_P(ShellCell, TheEngineIsNamedInTheEnvironment) {
  EXPECT_EQ(failure("echo $TRIREME_ENGINE_ID $TRIREME_ENGINE_UUID"), "");
  EXPECT_EQ(sink.out(), "7 some-uuid\n");
}

TEST_P(ShellCell, ExitStatusOfTheLastCommandCounts) {
  EXPECT_EQ(failure("false"), "ShellError: exit status 1");
  EXPECT_EQ(failure("false; true"), "");
  EXPECT_EQ(failure("sh -c 'kill -KILL $$'"), "ShellError: exit status 137 (SIGKILL)");
  EXPECT_EQ(failure("kill -KILL $$"), "ShellError: the shell was killed by SIGKILL");
  EXPECT_NE(failure("no_such_program_here"), "");
}

TEST_P(ShellCell, StandardInputIsEmpty) {
  EXPECT_EQ(failure("cat; read line && echo got $line; echo done"), "");
  EXPECT_EQ(sink.out(), "done\n");
}

TEST_P(ShellCell, InvalidUtf8IsMadeValid) {
  EXPECT_EQ(failure("printf 'a\\377b\\303\\244'"), "");
  EXPECT_EQ(sink.out(),
            "a\xEF\xBF\xBD"
            "b\xC3\xA4");
}

TEST_P(ShellCell, MuchOutputComesWhole) {
  EXPECT_EQ(failure("head -c 20000000 /dev/zero | tr '\\0' x"), "");
  EXPECT_EQ(sink.out().size(), 20'000'000u);
}

TEST_P(ShellCell, AnInterruptEndsWhatHeedsIt) {
  std::stop_source stop;
  CellOptions options;
  options.stop = stop.get_token();
  std::thread other([&] {
    EXPECT_TRUE(sink.wait_for_out("ready"));
    stop.request_stop();
  });
  EXPECT_EQ(failure("export D=4; echo ready; while :; do :; done", options), "KeyboardInterrupt: ");
  other.join();
  EXPECT_EQ(failure("echo works"), "");
}

TEST_P(ShellCell, AnInterruptEndsWhatIgnoresItToo) {
  std::stop_source stop;
  CellOptions options;
  options.stop = stop.get_token();
  std::thread other([&] {
    EXPECT_TRUE(sink.wait_for_out("ready"));
    stop.request_stop();
  });
  EXPECT_EQ(failure("trap '' INT TERM; echo ready; while :; do sleep 0.1; done", options),
            "KeyboardInterrupt: ");
  other.join();
}

TEST_P(ShellCell, AnEarlierInterruptCounts) {
  std::stop_source stop;
  stop.request_stop();
  CellOptions options;
  options.stop = stop.get_token();
  EXPECT_EQ(failure("sleep 1000", options), "KeyboardInterrupt: ");
}

TEST_P(ShellCell, WhatACellLeavesRunningEndsWithIt) {
  // One in the shell's process group, one in a session of its own that ignores SIGTERM.
  EXPECT_EQ(failure("sleep 1000 & echo $!\n"
                    "f=$(mktemp)\n"
                    "setsid sh -c \"trap '' TERM; echo \\$\\$ > $f; while :; do sleep 1; done\" &\n"
                    "until [ -s $f ]; do sleep 0.02; done; cat $f; rm $f"),
            "");
  std::istringstream pids(sink.out());
  int count = 0;
  for (pid_t pid = 0; pids >> pid; ++count) EXPECT_TRUE(ends(pid)) << pid;
  EXPECT_EQ(count, 2);
}

TEST_P(ShellCell, LinesOfErrorsAreTheCells) {
  failure("true\ntrue\nno_such_program_here\n");
  EXPECT_NE(sink.err().find("3"), std::string::npos) << sink.err();
}

TEST_P(ShellCell, SyntaxErrorsAreTold) {
  EXPECT_NE(failure("if true; then"), "");
  EXPECT_NE(sink.err(), "");
  EXPECT_EQ(failure("echo next"), "");
}

TEST_P(ShellCell, CompletenessIsJudgedByTheShell) {
  using State = Completeness::State;
  struct Case {
    const char* code;
    State state;
  };
  for (const Case& each :
       {Case{"echo hi", State::kComplete}, Case{"", State::kComplete},
        Case{"if true; then", State::kIncomplete}, Case{"echo 'open", State::kIncomplete},
        Case{"f() {", State::kIncomplete}, Case{"echo a \\", State::kIncomplete},
        Case{"fi", State::kInvalid}, Case{"echo )", State::kInvalid}}) {
    EXPECT_EQ(shell.is_complete(each.code).state, each.state) << each.code;
  }
}

TEST_P(ShellCell, VariablesCanBePulled) {
  EXPECT_EQ(failure("export E='five 5'"), "");
  EXPECT_EQ(shell.variable("E"), std::optional<Value>("five 5"));
  EXPECT_EQ(shell.variable("NO_SUCH_VARIABLE"), std::nullopt);
  EXPECT_EQ(shell.variable("bad name; rm"), std::nullopt);
  EXPECT_EQ(shell.variable(""), std::nullopt);
}

TEST_P(ShellCell, ExpressionsAreExpanded) {
  EXPECT_EQ(failure("export F=6"), "");
  const CellOutcome outcome = shell.evaluate("F is $F, $(echo really)", {}, sink);
  ASSERT_TRUE(std::holds_alternative<CellSuccess>(outcome));
  EXPECT_EQ(std::get<CellSuccess>(outcome).value->data.at("text/plain"), Value("F is 6, really"));
}

TEST_P(ShellCell, AHundredCellsLeaveNoDescriptorOpen) {
  const auto open_files = [] {
    const auto listing = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(listing), end(listing));
  };
  EXPECT_EQ(failure("true"), "");
  const auto before = open_files();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(failure("true"), "");
  EXPECT_EQ(open_files(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a process was not waited for";
}

INSTANTIATE_TEST_SUITE_P(Shells, ShellCell, ::testing::Values(ShellKind::kBash, ShellKind::kPlain),
                         [](const auto& each) {
                           return each.param == ShellKind::kBash ? "Bash" : "Plain";
                         });

/// What only bash can do.
struct BashCell : ShellCell {};

TEST_P(BashCell, FunctionsArraysAliasesAndOptionsLiveOn) {
  EXPECT_EQ(failure("greet() { echo hello $1; }; list=(a 'b c'); declare -A map=([k]=v)\n"
                    "plain=not-exported; shopt -s expand_aliases; alias hi='echo hi there'; "
                    "set -o pipefail"),
            "");
  EXPECT_EQ(failure("greet you; echo \"${list[1]}|${map[k]}|$plain\"\nhi\nfalse | true"),
            "ShellError: exit status 1");
  EXPECT_EQ(sink.out(), "hello you\nb c|v|not-exported\nhi there\n");
}

TEST_P(BashCell, CompletionKnowsVariablesCommandsAndFiles) {
  EXPECT_EQ(failure("my_long_variable=1; my_long_function() { :; }; cd /"), "");
  struct Case {
    const char* code;
    const char* match;
    std::size_t begin;
  };
  for (const Case& each :
       {Case{"echo $my_lon", "my_long_variable", 6}, Case{"echo ${my_lon", "my_long_variable", 7},
        Case{"true; my_lon", "my_long_function", 6}, Case{"ls us", "usr/", 3}}) {
    const Completions found = shell.complete(each.code, std::string_view(each.code).size());
    EXPECT_NE(std::find(found.matches.begin(), found.matches.end(), each.match),
              found.matches.end())
        << each.code;
    EXPECT_EQ(found.begin, each.begin) << each.code;
    EXPECT_EQ(found.end, std::string_view(each.code).size());
  }
}

TEST_P(BashCell, InspectionTellsWhatANameIs) {
  EXPECT_EQ(failure("greet() { echo hello; }"), "");
  const auto about = shell.inspect("greet you", 2, 0);
  ASSERT_TRUE(about.has_value());
  EXPECT_NE(about->data.at("text/plain").as_string().find("function"), std::string::npos);
  EXPECT_FALSE(shell.inspect("no_such_name", 3, 0).has_value());
}

INSTANTIATE_TEST_SUITE_P(Bash, BashCell, ::testing::Values(ShellKind::kBash),
                         [](const auto&) { return "Bash"; });

TEST(Shells, TheBestOneIsFound) {
  PlainNameSpace names;
  auto created = ShellRuntime::create(RuntimeParts{names});
  ASSERT_TRUE(created.has_value());
  EXPECT_EQ((*created)->language().name, "bash");
}

}  // namespace
}  // namespace trireme
