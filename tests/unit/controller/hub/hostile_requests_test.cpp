// Whatever a peer puts into a request, the hub answers once or not at all, and goes on.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/hub/hub.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using namespace std::chrono_literals;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::vector<std::string> hostile_values() {
  return {"null",
          "true",
          "-1",
          "1e400",
          "99999999999999999999999",
          "\"\"",
          "\"all\"",
          "\"\\u0000\"",
          "\"\\ud800\"",
          "[]",
          "[null]",
          "[[]]",
          "[-1, 2.5, \"x\", null]",
          "[\"" + std::string(100'000, 'x') + "\"]",
          "{}",
          "{\"$in\": 1}",
          "{\"msg_id\": {\"$in\": [null]}}",
          nested(100)};
}

constexpr std::array kKeys{"targets", "verbose", "msg_ids", "status_only", "query",
                           "keys",    "uuid",    "id",      "engine_ids"};

class HostileRequest : public testing::TestWithParam<MessageType> {};

TEST_P(HostileRequest, IsAnsweredAtMostOnce) {
  HubWorld world;
  world.join_engine("e0");
  const auto expect_harmless = [&world](const std::string& content) {
    world.request(wire_name(GetParam()), content);
    if (world.has(Channel::kQuery)) world.take(Channel::kQuery);
    EXPECT_FALSE(world.has(Channel::kQuery)) << content.substr(0, 200);
    world.discard(Channel::kNotification);
    world.hub.check_invariants();
  };
  for (const std::string& value : hostile_values()) {
    for (const char* key : kKeys) expect_harmless("{\"" + std::string(key) + "\": " + value + "}");
    std::string all = "{";
    for (const char* key : kKeys) {
      all += (all.size() > 1 ? ", \"" : "\"") + std::string(key) + "\": " + value;
    }
    expect_harmless(all + "}");
  }
  for (const char* content : {"{", "[]", "nothing", "{\"targets\": }"}) {
    Message message = world.client_message(wire_name(GetParam()), "{}");
    message.content_json = Frame(std::string(content));
    world.hub.on_request(message, world.now, world.out);
    world.settle();
    world.discard(Channel::kQuery);
    world.discard(Channel::kNotification);
  }
  world.advance(40s);
  world.discard(Channel::kNotification);
}

INSTANTIATE_TEST_SUITE_P(
    Types, HostileRequest,
    testing::Values(MessageType::kRegistrationRequest, MessageType::kUnregistrationRequest,
                    MessageType::kConnectionRequest, MessageType::kShutdownRequest,
                    MessageType::kQueueRequest, MessageType::kLoadRequest,
                    MessageType::kResultRequest, MessageType::kHistoryRequest,
                    MessageType::kDbRequest, MessageType::kPurgeRequest,
                    MessageType::kResubmitRequest, MessageType::kBecomeDaskRequest,
                    MessageType::kStopDistributedRequest, MessageType::kApplyRequest),
    [](const auto& test) { return std::string(wire_name(test.param)); });

}  // namespace
}  // namespace trireme
