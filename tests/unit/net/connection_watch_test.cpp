// Connections of real sockets on loopback, made and lost.
#include "net/connection_watch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/poll_loop.hpp"
#include "tests/support/loopback.hpp"

namespace trireme {
namespace {

using Event = ConnectionEvent;

class ConnectionWatchTest : public testing::Test {
 protected:
  Socket open(SocketType type) { return *Socket::open(context_, type); }
  // A port that was given up may still be busy for a moment.
  static Socket bound(Socket socket, int& port) {
    const Instant give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      const auto result = socket.bind(url(port));
      if (result) {
        port = *result;
        return socket;
      }
      if (result.error().code != ErrorCode::kBusy || std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << result.error().text;
        return socket;
      }
      std::this_thread::yield();
    }
  }
  // On an address that hardly any other process has, so that nobody takes the port meanwhile.
  static std::string url(int port) {
    return "tcp://" + own_loopback_address() + ":" + (port == 0 ? "*" : std::to_string(port));
  }
  // The next event, waited for through a poll loop as a program does.
  static Event next(ConnectionWatch& watch) {
    PollLoop loop;
    std::optional<Event> event;
    loop.watch(watch.events(), [&] {
      if (!event) event = watch.take();
    });
    const Instant give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!event && std::chrono::steady_clock::now() < give_up) loop.wait(give_up);
    EXPECT_TRUE(event) << "nothing happened";
    return event.value_or(Event::kLost);
  }

  NetContext context_;
};

TEST_F(ConnectionWatchTest, APeerThatGoesAndComesBackIsNoticedBothTimes) {
  int port = 0;
  auto router = std::make_unique<Socket>(bound(open(SocketType::kRouter), port));
  Socket dealer = open(SocketType::kDealer);
  auto watch = ConnectionWatch::open(context_, dealer);
  ASSERT_TRUE(watch.has_value()) << watch.error().text;
  ASSERT_TRUE(dealer.connect(url(port)).has_value());
  EXPECT_EQ(next(*watch), Event::kMade);
  for (int round = 0; round < 2; ++round) {
    router.reset();
    EXPECT_EQ(next(*watch), Event::kLost);
    router = std::make_unique<Socket>(bound(open(SocketType::kRouter), port));
    EXPECT_EQ(next(*watch), Event::kMade);
  }
  EXPECT_FALSE(watch->take());
}

TEST_F(ConnectionWatchTest, AWatchThatEndsDisturbsItsSocketNot) {
  int port = 0;
  Socket router = bound(open(SocketType::kRouter), port);
  Socket dealer = open(SocketType::kDealer);
  {
    auto watch = ConnectionWatch::open(context_, dealer);
    ASSERT_TRUE(watch.has_value());
    const ConnectionWatch moved(std::move(*watch));
  }
  ASSERT_TRUE(dealer.connect(url(port)).has_value());
  auto again = ConnectionWatch::open(context_, dealer);
  ASSERT_TRUE(again.has_value());
  Frames frames{Frame::copy_of("m")};
  ASSERT_TRUE(dealer.send(std::move(frames)).has_value());
  PollLoop loop;
  Frames received;
  loop.watch(router, [&] { router.receive(received); });
  const Instant give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (received.empty() && std::chrono::steady_clock::now() < give_up) loop.wait(give_up);
  EXPECT_EQ(received.size(), 2u);
}

}  // namespace
}  // namespace trireme
