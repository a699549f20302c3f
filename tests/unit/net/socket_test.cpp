// Whole messages through real sockets on loopback.
#include "net/socket.hpp"

#include <gtest/gtest.h>

#include "net/poll_loop.hpp"

namespace trireme {
namespace {

using std::chrono::seconds;

Frames frames_of(std::initializer_list<std::string_view> parts) {
  Frames frames;
  for (const std::string_view part : parts) frames.push_back(Frame::copy_of(part));
  return frames;
}

// Waits until the socket has a message; fails the test after a generous while.
Frames expect_message(Socket& socket) {
  PollLoop loop;
  Frames frames;
  bool got = false;
  loop.watch(socket, [&] { got = got || socket.receive(frames); });
  const Instant give_up = std::chrono::steady_clock::now() + seconds(60);
  while (!got && std::chrono::steady_clock::now() < give_up) loop.wait(give_up);
  EXPECT_TRUE(got) << "no message came";
  return frames;
}

class SocketTest : public testing::Test {
 protected:
  Socket open(SocketType type, const SocketOptions& options = {}) {
    auto socket = Socket::open(context_, type, options);
    EXPECT_TRUE(socket.has_value());
    return *std::move(socket);
  }
  static std::string url(int port) { return "tcp://127.0.0.1:" + std::to_string(port); }

  NetContext context_;
};

TEST_F(SocketTest, ARouterSeesTheIdentityAndAnswersToIt) {
  Socket router = open(SocketType::kRouter);
  Socket dealer = open(SocketType::kDealer, {.identity = "engine-1"});
  const auto port = router.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(port.has_value()) << port.error().text;
  ASSERT_GT(*port, 0);
  ASSERT_TRUE(dealer.connect(url(*port)).has_value());
  ASSERT_TRUE(dealer.send(frames_of({"a", "", "c"})).has_value());
  EXPECT_EQ(expect_message(router), frames_of({"engine-1", "a", "", "c"}));
  ASSERT_TRUE(router.send(frames_of({"engine-1", "reply"})).has_value());
  EXPECT_EQ(expect_message(dealer), frames_of({"reply"}));
}

TEST_F(SocketTest, FramesAreForwardedWithTheirBytesWhateverTheirSize) {
  Socket router = open(SocketType::kRouter, {.identity = "r", .send_queue_max = 1000});
  Socket first = open(SocketType::kDealer, {.identity = "first"});
  Socket second = open(SocketType::kDealer, {.identity = "second"});
  const int port = *router.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(first.connect(url(port)).has_value());
  ASSERT_TRUE(second.connect(url(port)).has_value());
  ASSERT_TRUE(second.send(frames_of({"here"})).has_value());
  EXPECT_EQ(expect_message(router), frames_of({"second", "here"}));
  for (const std::size_t size : {0U, 1U, 33U, 34U, 512U, 513U, 100'000U, 3'000'000U}) {
    const std::string bytes(size, 'x');
    ASSERT_TRUE(first.send(frames_of({bytes, bytes})).has_value());
    Frames frames = expect_message(router);
    ASSERT_EQ(frames.size(), 3U);
    const Frames kept = frames;  // shared while it is sent: must stay readable
    frames[0] = Frame::copy_of("second");
    ASSERT_TRUE(router.send(std::move(frames)).has_value());
    EXPECT_EQ(expect_message(second), frames_of({bytes, bytes}));
    EXPECT_EQ(kept[2].view(), bytes);
  }
}

// What is forwarded leaves as it came, what is sent again is a copy: nobody can tell.
TEST_F(SocketTest, FramesMayBeSentAgainAndInAnyOrder) {
  Socket router = open(SocketType::kRouter, {.send_queue_max = 1000});
  Socket dealer = open(SocketType::kDealer, {.identity = "d"});
  ASSERT_TRUE(dealer.connect(url(*router.bind("tcp://127.0.0.1:*"))).has_value());
  const std::string text(100, 't');
  ASSERT_TRUE(dealer.send(frames_of({"1", text, "", "3"})).has_value());
  const Frames got = expect_message(router);
  ASSERT_EQ(got, frames_of({"d", "1", text, "", "3"}));
  for (const auto& order : {std::vector<std::size_t>{0, 1, 2, 3, 4}, {0, 4, 3, 2, 1}, {0, 2, 2}}) {
    Frames frames;
    for (const std::size_t i : order) frames.push_back(got[i]);
    const Frames expected(frames.begin() + 1, frames.end());
    ASSERT_TRUE(router.send(std::move(frames)).has_value());
    EXPECT_EQ(expect_message(dealer), expected);
  }
  ASSERT_TRUE(dealer.send(frames_of({"another"})).has_value());
  EXPECT_EQ(expect_message(router), frames_of({"d", "another"}));
  Frames late = got;
  ASSERT_TRUE(router.send(std::move(late)).has_value());
  EXPECT_EQ(expect_message(dealer), frames_of({"1", text, "", "3"}));
}

TEST_F(SocketTest, MessagesOfAnyNumberOfPartsArriveWhole) {
  Socket router = open(SocketType::kRouter);
  Socket dealer = open(SocketType::kDealer, {.identity = "d"});
  ASSERT_TRUE(dealer.connect(url(*router.bind("tcp://127.0.0.1:*"))).has_value());
  for (const std::size_t count : {1U, 15U, 16U, 5000U, 2U}) {
    Frames sent;
    for (std::size_t i = 0; i < count; ++i) {
      sent.push_back(Frame(std::to_string(i) + std::string(i % 700, '.')));
    }
    Frames expected = sent;
    expected.insert(expected.begin(), Frame::copy_of("d"));
    ASSERT_TRUE(dealer.send(std::move(sent)).has_value());
    EXPECT_EQ(expect_message(router), expected) << count;
  }
}

TEST_F(SocketTest, SubscribersGetEverythingPublishedAfterTheyJoined) {
  Socket publisher = open(SocketType::kPub);
  Socket subscriber = open(SocketType::kSub);
  subscriber.subscribe("");
  const int port = *publisher.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(subscriber.connect(url(port)).has_value());
  PollLoop loop;
  Frames frames;
  bool got = false;
  loop.watch(subscriber, [&] { got = got || subscriber.receive(frames); });
  const Instant give_up = std::chrono::steady_clock::now() + seconds(60);
  while (!got && std::chrono::steady_clock::now() < give_up) {
    ASSERT_TRUE(publisher.send(frames_of({"topic", "text"})).has_value());
    loop.wait(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
  }
  EXPECT_EQ(frames, frames_of({"topic", "text"}));
}

TEST_F(SocketTest, APortInUseIsNamed) {
  Socket first = open(SocketType::kRouter);
  Socket second = open(SocketType::kRouter);
  const int port = *first.bind("tcp://127.0.0.1:*");
  const auto refused = second.bind(url(port));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_NE(refused.error().text.find(url(port)), std::string::npos);
}

TEST_F(SocketTest, AnAddressThatIsNoneIsRefused) {
  Socket socket = open(SocketType::kDealer);
  EXPECT_EQ(socket.connect("no-address").error().code, ErrorCode::kConfiguration);
  EXPECT_FALSE(socket.bind("tcp://300.1.2.3:5").has_value());
}

TEST_F(SocketTest, CurvePeersWithTheServerKeyTalkAndOthersDoNot) {
  const auto keys = make_curve_keys();
  ASSERT_TRUE(keys.has_value()) << keys.error().text;
  EXPECT_EQ(*curve_public_key(keys->secret_key), keys->public_key);
  Socket server = open(SocketType::kRouter, {.curve_secret_key = keys->secret_key});
  Socket friendly =
      open(SocketType::kDealer, {.identity = "friendly", .curve_server_key = keys->public_key});
  Socket plain = open(SocketType::kDealer, {.identity = "plain", .linger_ms = 0});
  const int port = *server.bind("tcp://127.0.0.1:*");
  ASSERT_TRUE(plain.connect(url(port)).has_value());
  ASSERT_TRUE(plain.send(frames_of({"let me in"})).has_value());
  ASSERT_TRUE(friendly.connect(url(port)).has_value());
  ASSERT_TRUE(friendly.send(frames_of({"hello"})).has_value());
  EXPECT_EQ(expect_message(server), frames_of({"friendly", "hello"}));
  Frames nothing;
  EXPECT_FALSE(server.receive(nothing));
}

TEST_F(SocketTest, ABadCurveKeyIsRefused) {
  EXPECT_EQ(curve_public_key("short").error().code, ErrorCode::kConfiguration);
  EXPECT_FALSE(
      Socket::open(context_, SocketType::kRouter, {.curve_secret_key = "short"}).has_value());
}

}  // namespace
}  // namespace trireme
