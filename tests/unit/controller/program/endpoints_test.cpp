// Ports are drawn in the documented order, reused exactly, and named when they are taken.
#include "controller/program/endpoints.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

namespace trireme {
namespace {

// A port nobody else has right now. (ZeroMQ would give it back some time after closing.)
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

class EndpointsTest : public testing::Test {
 protected:
  NetContext context_;
  ControllerOptions options_;
  EndpointPlan plan_{.key = "key", .session = "s", .ipc_folder = "/tmp"};
};

TEST_F(EndpointsTest, EveryPortIsBoundAndWrittenToTheSideThatNeedsIt) {
  const auto endpoints = open_endpoints(context_, options_, plan_);
  ASSERT_TRUE(endpoints.has_value()) << endpoints.error().text;
  const ClientConnection& client = endpoints->client;
  const EngineConnection& engine = endpoints->engine;
  const std::set<int> ports{client.registration, client.control,        client.mux,
                            client.task,         client.iopub,          client.notification,
                            client.broadcast,    engine.control,        engine.mux,
                            engine.task,         engine.iopub,          engine.hb_ping,
                            engine.hb_pong,      engine.broadcast.at(0)};
  EXPECT_EQ(ports.size(), kChannelCount);
  EXPECT_FALSE(ports.contains(0));
  EXPECT_EQ(client.registration, engine.registration);
  EXPECT_EQ(client.key, "key");
}

TEST_F(EndpointsTest, IdentitiesTowardsEnginesDiffer) {
  auto endpoints = open_endpoints(context_, options_, plan_);
  ASSERT_TRUE(endpoints.has_value());
  EXPECT_EQ(endpoints->socket(Channel::kMuxEngines).identity(), "mux_out");
  EXPECT_EQ(endpoints->socket(Channel::kTaskEngines).identity(), "task_out");
  EXPECT_NE(endpoints->socket(Channel::kBroadcastEngines).identity(), "");
}

TEST_F(EndpointsTest, RegistrationIsTheFirstToDrawFromTheEnginePool) {
  const int port = free_port();
  options_.engines.ports = {port};
  const auto endpoints = open_endpoints(context_, options_, plan_);
  ASSERT_TRUE(endpoints.has_value()) << endpoints.error().text;
  EXPECT_EQ(endpoints->engine.registration, port);
}

TEST_F(EndpointsTest, ATakenPortIsNamedUnlessThePoolHasAnother) {
  Socket holder = *Socket::open(context_, SocketType::kDealer);
  const int taken = *holder.bind("tcp://127.0.0.1:*");
  options_.engines.ports = {taken};
  const auto refused = open_endpoints(context_, options_, plan_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_NE(refused.error().text.find(std::to_string(taken)), std::string::npos);

  const int free = free_port();
  options_.engines.ports = {taken, free};
  const auto endpoints = open_endpoints(context_, options_, plan_);
  ASSERT_TRUE(endpoints.has_value()) << endpoints.error().text;
  EXPECT_EQ(endpoints->engine.registration, free);
  EXPECT_EQ(endpoints->warnings.size(), 1U);
}

TEST_F(EndpointsTest, ReusedFilesAreBoundPortByPort) {
  EndpointPlan again = plan_;
  {
    const auto first = open_endpoints(context_, options_, plan_);
    ASSERT_TRUE(first.has_value());
    again.reused_client = first->client;
    again.reused_engine = first->engine;
  }
  // ZeroMQ gives closed ports back from its own thread: until it has, they are in use.
  auto second = open_endpoints(context_, options_, again);
  for (int tries = 0; !second && second.error().code == ErrorCode::kBusy && tries < 1000; ++tries) {
    second = open_endpoints(context_, options_, again);
  }
  ASSERT_TRUE(second.has_value()) << second.error().text;
  EXPECT_EQ(second->client.mux, again.reused_client->mux);
  EXPECT_EQ(second->engine.hb_pong, again.reused_engine->hb_pong);
}

TEST_F(EndpointsTest, AnAddressThatIsNotOursIsRefused) {
  options_.clients.ip = "192.0.2.1";
  const auto refused = open_endpoints(context_, options_, plan_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("192.0.2.1"), std::string::npos);
}

}  // namespace
}  // namespace trireme
