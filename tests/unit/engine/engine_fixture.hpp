// Requests and outboxes for the tests of the engine's cores: builders that default everything but
// the point of the test, and an outbox from which each effect must be taken.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/engine_outbox.hpp"
#include "session/message.hpp"
#include "session/message_type.hpp"
#include "session/signer.hpp"
#include "session/wire.hpp"

namespace trireme {

using Json = nlohmann::json;

inline const Timestamp kTestMoment = *parse_timestamp("2026-11-22T01:38:22.619123Z");
inline Now at(std::chrono::milliseconds since_start) {
  return Now{Instant(since_start), kTestMoment + since_start};
}

/// A client that writes requests as they arrive at the engine: routed, and once through the wire.
class TestClient {
 public:
  TestClient() : factory_(SessionId("client"), "user", "1") {}

  Message request(std::string_view type, std::string content = "{}", std::string metadata = "{}") {
    Message message = factory_.make(type, std::move(content), kTestMoment, {}, std::move(metadata));
    message.identities = {Frame::copy_of("mux_out"), Frame::copy_of("client-route")};
    return through_wire(message);
  }
  Message apply(std::string_view function = "f", std::string metadata = "{}") {
    return request("apply_request",
                   R"({"function": ")" + std::string(function) + R"(", "args": [], "kwargs": {}})",
                   std::move(metadata));
  }
  Message execute(std::string_view code, bool silent = false) {
    return request(
        "execute_request",
        Json{{"code", code}, {"silent", silent}, {"user_expressions", Json::object()}}.dump());
  }

  static Message through_wire(const Message& message) {
    Wire wire(*Signer::create("key"), Packer());
    auto decoded = wire.decode(wire.encode(message), Wire::Replays::kRefuse);
    EXPECT_TRUE(decoded.has_value());
    return std::move(*decoded);
  }

 private:
  MessageFactory factory_;
};

/// One message the engine sent, decoded.
struct Sent {
  EngineChannel channel;
  std::string topic;  // of outputs
  std::string type;
  Frames identities;
  Json parent, metadata, content;
  Frames buffers;
};

/// Effects in the order they were asked for. What a test does not take makes it fail.
class RecordingOutbox {
 public:
  ~RecordingOutbox() {
    collect();
    for (const Sent& sent : sent_) {
      ADD_FAILURE() << "left over: " << sent.type << " " << sent.content.dump();
    }
    EXPECT_TRUE(out_.starts.empty()) << "a started run was not taken";
    EXPECT_TRUE(out_.stops.empty()) << "a stop was not taken";
  }

  EngineOutbox& out() { return out_; }

  Sent take() {
    collect();
    if (sent_.empty()) {
      ADD_FAILURE() << "nothing was sent";
      return {};
    }
    Sent first = std::move(sent_.front());
    sent_.erase(sent_.begin());
    return first;
  }
  void expect_status(std::string_view state, const MsgId& parent) {
    const Sent sent = take();
    EXPECT_EQ(sent.type, "status");
    EXPECT_EQ(sent.channel, EngineChannel::kIopub);
    EXPECT_EQ(sent.content, Json({{"execution_state", state}}));
    EXPECT_EQ(sent.parent.value("msg_id", ""), parent.str());
  }
  Sent expect(EngineChannel channel, std::string_view type) {
    Sent sent = take();
    EXPECT_EQ(sent.type, type) << sent.content.dump();
    EXPECT_EQ(sent.channel, channel);
    return sent;
  }
  bool nothing_sent() {
    collect();
    return sent_.empty();
  }

  RunNumber expect_start(const MsgId& id) {
    if (out_.starts.empty()) {
      ADD_FAILURE() << "nothing was started";
      return RunNumber{};
    }
    const WorkQueue::Start start = out_.starts.front();
    out_.starts.erase(out_.starts.begin());
    EXPECT_EQ(start.request->id(), id);
    return start.run;
  }
  bool nothing_started() const { return out_.starts.empty(); }
  std::vector<StopRun> take_stops() { return std::exchange(out_.stops, {}); }

 private:
  void collect() {
    for (OutgoingEngineMessage& outgoing : out_.messages) {
      const bool topical = outgoing.channel == EngineChannel::kIopub;
      const Message message = TestClient::through_wire(outgoing.message);
      sent_.push_back(
          {outgoing.channel, topical ? message.identities.at(0).to_string() : std::string(),
           message.header.msg_type, message.identities, Json::parse(message.parent_json.view()),
           Json::parse(message.metadata_json.view()), Json::parse(message.content_json.view()),
           message.buffers});
    }
    out_.messages.clear();
  }

  EngineOutbox out_;
  std::vector<Sent> sent_;
};

}  // namespace trireme
