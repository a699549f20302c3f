// The loop wakes for messages, values from other threads, deadlines and signals.
#include "net/poll_loop.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "net/wake_up.hpp"

namespace trireme {
namespace {

Instant in(std::chrono::milliseconds delay) { return std::chrono::steady_clock::now() + delay; }

TEST(PollLoopTest, ADeadlineThatHasComeEndsTheWait) {
  PollLoop loop;
  const Instant deadline = in(std::chrono::milliseconds(20));
  loop.wait(deadline);
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(PollLoopTest, ValuesOfManyThreadsArriveOnceAndInEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kValues = 5000;
  Mailbox<std::pair<int, int>> box;
  PollLoop loop;
  std::vector<int> next(kThreads, 0);
  int received = 0;
  loop.watch_fd(box.fd(), [&] {
    for (const auto& [thread, value] : box.take()) {
      EXPECT_EQ(value, next[thread]);
      ++next[thread];
      ++received;
    }
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&box, thread] {
      for (int value = 0; value < kValues; ++value) box.put({thread, value});
    });
  }
  const Instant give_up = in(std::chrono::seconds(60));
  while (received < kThreads * kValues && std::chrono::steady_clock::now() < give_up) {
    loop.wait(give_up);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received, kThreads * kValues);
}

TEST(PollLoopTest, AHandlerMayUnwatchItselfAndOthers) {
  WakeUp first;
  WakeUp second;
  PollLoop loop;
  int first_calls = 0;
  int second_calls = 0;
  loop.watch_fd(first.fd(), [&] {
    ++first_calls;
    loop.unwatch_fd(first.fd());
    loop.unwatch_fd(second.fd());
  });
  loop.watch_fd(second.fd(), [&] { ++second_calls; });
  first.signal();
  second.signal();
  loop.wait(in(std::chrono::milliseconds(50)));
  loop.wait(in(std::chrono::milliseconds(5)));
  EXPECT_EQ(first_calls, 1);
  EXPECT_EQ(second_calls, 0);
}

TEST(SignalWatchTest, SignalsArriveAsEvents) {
  SignalWatch signals({SIGUSR1});
  PollLoop loop;
  std::optional<int> caught;
  loop.watch_fd(signals.fd(), [&] { caught = signals.take(); });
  ASSERT_EQ(std::raise(SIGUSR1), 0);
  loop.wait(in(std::chrono::seconds(60)));
  EXPECT_EQ(caught, SIGUSR1);
  EXPECT_EQ(signals.take(), std::nullopt);
}

}  // namespace
}  // namespace trireme
