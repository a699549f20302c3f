// What is printed anywhere in the process reaches the task that printed it, and nobody else.
#include "engine/output_capture.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <latch>
#include <mutex>
#include <string>
#include <thread>

namespace trireme {
namespace {

using Kind = OutputPiece::Kind;

/// Printed texts by stream.
struct Shown {
  std::string out;
  std::string err;

  void add(const std::vector<OutputPiece>& pieces) {
    for (const OutputPiece& piece : pieces) {
      (piece.kind == Kind::kStdout ? out : err) += piece.text;
    }
  }
};

struct OutputCaptureTest : ::testing::Test {
  std::unique_ptr<OutputCapture> make() {
    return std::make_unique<OutputCapture>([this](Kind kind, std::string_view text) {
      const std::lock_guard lock(mutex);
      (kind == Kind::kStdout ? elsewhere.out : elsewhere.err) += text;
    });
  }
  /// Runs `print` as a task of the calling thread.
  static Shown run_task(OutputCapture& capture, const std::function<void()>& print) {
    auto output = std::make_shared<TaskOutput>([](TaskOutput::Urgency) {});
    capture.begin_task(output);
    print();
    capture.end_task();
    Shown shown;
    shown.add(output->close());
    return shown;
  }

  std::mutex mutex;
  Shown elsewhere;
};

TEST_F(OutputCaptureTest, EveryWayOfPrintingReachesTheTask) {
  Shown shown;
  {
    const auto capture = make();
    shown = run_task(*capture, [] {
      std::cout << "cout " << 1 << std::endl;
      std::printf("printf %d\n", 2);
      std::puts("puts");
      std::putchar('c');
      std::fprintf(stdout, "fprintf\n");
      std::cerr << "cerr" << std::endl;
      std::clog << "clog" << std::endl;
      std::fprintf(stderr, "stderr\n");
    });
  }
  EXPECT_EQ(shown.out, "cout 1\nprintf 2\nputs\ncfprintf\n");
  EXPECT_EQ(shown.err, "cerr\nclog\nstderr\n");
  EXPECT_EQ(elsewhere.out + elsewhere.err, "");
}

TEST_F(OutputCaptureTest, DescriptorsAndChildProcessesReachTheOnlyTask) {
  Shown shown;
  {
    const auto capture = make();
    shown = run_task(*capture, [] {
      if (write(STDOUT_FILENO, "raw\n", 4) != 4) std::abort();
      if (write(STDERR_FILENO, "raw err\n", 8) != 8) std::abort();
      if (std::system("echo child") != 0) std::abort();
    });
  }
  EXPECT_EQ(shown.out, "raw\nchild\n");
  EXPECT_EQ(shown.err, "raw err\n");
}

TEST_F(OutputCaptureTest, AThreadOfTheOnlyTaskIsTakenForThatTask) {
  Shown shown;
  {
    const auto capture = make();
    shown = run_task(*capture, [] { std::thread([] { std::cout << "from a thread\n"; }).join(); });
  }
  EXPECT_EQ(shown.out, "from a thread\n");
}

TEST_F(OutputCaptureTest, TwoTasksAtOnceDoNotMix) {
  constexpr int kLines = 500;
  Shown shown[2];
  {
    const auto capture = make();
    std::latch both(2);
    const auto work = [&](int which) {
      shown[which] = run_task(*capture, [&] {
        both.arrive_and_wait();
        for (int i = 0; i < kLines; ++i) {
          std::printf("%c\n", 'a' + which);
          std::cout << static_cast<char>('a' + which) << '\n';
        }
      });
    };
    std::thread other(work, 1);
    work(0);
    other.join();
  }
  for (int which = 0; which < 2; ++which) {
    std::string expected;
    for (int i = 0; i < 2 * kLines; ++i) expected += {static_cast<char>('a' + which), '\n'};
    EXPECT_EQ(shown[which].out, expected);
  }
}

TEST_F(OutputCaptureTest, WhatBelongsToNoSingleTaskGoesElsewhere) {
  {
    const auto capture = make();
    std::cout << "no task\n";
    if (write(STDERR_FILENO, "raw\n", 4) != 4) std::abort();
  }
  EXPECT_EQ(elsewhere.out, "no task\n");
  EXPECT_EQ(elsewhere.err, "raw\n");
}

TEST_F(OutputCaptureTest, AfterwardsEverythingIsAsBefore) {
  FILE* const old_stdout = stdout;
  std::streambuf* const old_buffer = std::cout.rdbuf();
  struct stat before {};
  fstat(STDOUT_FILENO, &before);
  make().reset();
  struct stat after {};
  fstat(STDOUT_FILENO, &after);
  EXPECT_EQ(stdout, old_stdout);
  EXPECT_EQ(std::cout.rdbuf(), old_buffer);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(OutputCaptureTest, ADyingProcessLeavesItsLastWords) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        const auto capture = make();
        run_task(*capture, [] {
          if (write(STDERR_FILENO, "last words\n", 11) == 11) std::abort();
        });
      },
      "last words");
}
#endif

}  // namespace
}  // namespace trireme
