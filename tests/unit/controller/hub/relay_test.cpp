// Identities change places, everything else goes through.
#include "controller/hub/relay.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme {
namespace {

Frames frames_with(const std::vector<std::string>& identities) {
  Frames frames;
  for (const std::string& identity : identities) frames.emplace_back(identity);
  for (const char* part : {"<IDS|MSG>", "signature", "header", "{}", "{}", "{}", "buffer"}) {
    frames.emplace_back(std::string(part));
  }
  return frames;
}

class SwappingRoute : public testing::TestWithParam<Channel> {
 protected:
  RelayRoute route_ = *relay_route(GetParam());
};

TEST_P(SwappingRoute, SwapsTheFirstTwoFramesOnly) {
  Frames frames = frames_with({"sender", "addressee", "further"});
  const Frames before = frames;
  ASSERT_TRUE(relay(route_, *find_envelope(frames), frames).has_value());
  EXPECT_EQ(frames[0].view(), "addressee");
  EXPECT_EQ(frames[1].view(), "sender");
  for (std::size_t i = 2; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].storage(), before[i].storage()) << "frame " << i << " was copied";
  }
}

TEST_P(SwappingRoute, RefusesAMessageWithoutAddressee) {
  for (const auto& identities : {std::vector<std::string>{"sender"}, {"sender", ""}}) {
    Frames frames = frames_with(identities);
    const Frames before = frames;
    const auto result = relay(route_, *find_envelope(frames), frames);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kBadFormat);
    EXPECT_EQ(frames, before);
  }
}

INSTANTIATE_TEST_SUITE_P(Channels, SwappingRoute,
                         testing::Values(Channel::kMuxClients, Channel::kMuxEngines,
                                         Channel::kControlClients, Channel::kControlEngines));

TEST(Relay, LeavesOutputAsItIs) {
  const auto route = relay_route(Channel::kIopubEngines);
  ASSERT_TRUE(route.has_value());
  EXPECT_EQ(route->to, Channel::kIopubClients);
  Frames frames = frames_with({"engine.0.stdout"});
  const Frames before = frames;
  ASSERT_TRUE(relay(*route, *find_envelope(frames), frames).has_value());
  EXPECT_EQ(frames, before);
}

TEST(Relay, LeadsEachWayBack) {
  for (const RelayRoute& route : kRelayRoutes) {
    if (!route.swaps_identities) continue;
    const auto back = relay_route(route.to);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->to, route.from);
  }
  EXPECT_FALSE(relay_route(Channel::kTaskClients).has_value());
  EXPECT_FALSE(relay_route(Channel::kIopubClients).has_value());
}

}  // namespace
}  // namespace trireme
