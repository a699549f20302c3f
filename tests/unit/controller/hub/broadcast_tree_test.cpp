// One request to many, many replies to one.
#include "controller/hub/broadcast_tree.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json parsed(const Frame& frame) { return json::parse(frame.view(), nullptr, false); }

class Broadcast : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* uuid : {"e0", "e1", "e2"}) world_.join_engine(uuid);
  }

  Message request(bool is_coalescing, const std::string& targets) {
    Message message = world_.client_message("apply_request", "{}",
                                            "{\"targets\": " + targets +
                                                ", \"is_broadcast\": true, \"label\": \"x\", "
                                                "\"is_coalescing\": " +
                                                (is_coalescing ? "true" : "false") + "}");
    message.buffers = Frames{Frame(std::string("function")), Frame(std::string("argument"))};
    return message;
  }
  MsgId submit(bool is_coalescing,
               const std::string& targets = R"([["e0", 0], ["e1", 1], ["e2", 2]])") {
    const Message message = request(is_coalescing, targets);
    world_.tree.on_request(message, world_.out);
    world_.settle();
    return message.header.msg_id;
  }
  void reply(const std::string& uuid, const MsgId& original, bool is_coalescing,
             const std::string& content = R"({"status": "ok"})") {
    const MsgId part(original.str() + "_" + uuid);
    Message message = world_.engine_message(
        uuid, part, "apply_reply", content,
        "{\"engine\": \"" + uuid +
            "\", \"is_broadcast\": true, \"is_coalescing\": " + (is_coalescing ? "true" : "false") +
            ", \"original_msg_id\": \"" + original.str() + "\"}");
    message.buffers = Frames{Frame("result of " + uuid)};
    Wire wire(*Signer::create("the key of this world"), Packer());
    world_.tree.on_reply(wire.encode(message), Message(message), world_.now, world_.out);
    world_.settle();
  }
  void lose(EngineId id) {
    world_.unregister_engine(id);
    world_.discard(Channel::kNotification);
  }

  HubWorld world_;
};

TEST_F(Broadcast, SendsEachTargetItsOwnRequest) {
  const Message message = request(false, R"([["e0", 0], ["e2", 2]])");
  world_.tree.on_request(message, world_.out);
  world_.settle();
  for (const auto& [uuid, id] : {std::pair{"e0", 0}, std::pair{"e2", 2}}) {
    const Sent sent = world_.take(Channel::kBroadcastEngines);
    json header = parsed(message.header_json);
    header["msg_id"] = message.header.msg_id.str() + "_" + uuid;
    EXPECT_EQ(parsed(sent.message.header_json), header);
    json metadata = parsed(message.metadata_json);
    metadata["targets"] = json::array({{uuid, id}});
    metadata["original_msg_id"] = message.header.msg_id.str();
    EXPECT_EQ(parsed(sent.message.metadata_json), metadata);
    EXPECT_EQ(sent.message.buffers, message.buffers);
    EXPECT_EQ(sent.message.content_json, message.content_json);
    ASSERT_EQ(sent.message.identities.size(), 2u);
    EXPECT_EQ(sent.message.identities[0].view(), uuid);
    EXPECT_EQ(sent.message.identities[1], message.identities[0]);
  }
}

TEST_F(Broadcast, CopiesNoBuffers) {
  const Message message = request(true, R"([["e0", 0], ["e1", 1]])");
  world_.tree.on_request(message, world_.out);
  int seen = 0;
  for (const auto& outgoing : world_.out.outgoing) {
    const auto& sent = std::get<OutgoingMessage>(outgoing).message;
    EXPECT_EQ(sent.buffers.at(1).storage(), message.buffers.at(1).storage());
    EXPECT_EQ(sent.content_json.storage(), message.content_json.storage());
    ++seen;
  }
  EXPECT_EQ(seen, 2);
  world_.settle();
  world_.discard(Channel::kBroadcastEngines);
}

TEST_F(Broadcast, ForwardsRepliesUntouchedWithoutCoalescing) {
  const MsgId original = submit(false);
  world_.discard(Channel::kBroadcastEngines);
  for (const char* uuid : {"e2", "e0", "e1"}) {
    reply(uuid, original, false);
    const Sent sent = world_.take(Channel::kBroadcastClients);
    EXPECT_EQ(parsed(sent.message.parent_json)["msg_id"], original.str() + "_" + uuid);
    EXPECT_EQ(sent.message.identities.size(), 1u);
    EXPECT_EQ(sent.message.buffers, Frames{Frame(std::string("result of ") + uuid)});
  }
  EXPECT_EQ(world_.tree.gathering_count(), 0u);
}

TEST_F(Broadcast, GathersCoalescedRepliesInTheOrderOfTheTargets) {
  const MsgId original = submit(true);
  world_.discard(Channel::kBroadcastEngines);
  reply("e2", original, true);
  reply("e0", original, true);
  EXPECT_FALSE(world_.has(Channel::kBroadcastClients));
  world_.tree.check_invariants();
  reply("e1", original, true);
  const Sent sent = world_.take(Channel::kBroadcastClients);
  const json metadata = parsed(sent.message.metadata_json);
  EXPECT_EQ(metadata["broadcast_targets"], json::parse(R"([["e0", 0], ["e1", 1], ["e2", 2]])"));
  EXPECT_EQ(metadata["original_msg_id"], original.str());
  EXPECT_EQ(metadata["engine"], "e1") << "the last to answer";
  EXPECT_EQ(parsed(sent.message.parent_json)["msg_id"], original.str() + "_e1");
  EXPECT_EQ(sent.message.buffers,
            (Frames{Frame(std::string("result of e0")), Frame(std::string("result of e1")),
                    Frame(std::string("result of e2"))}));
  EXPECT_EQ(sent.message.identities.size(), 1u);
  EXPECT_EQ(world_.tree.gathering_count(), 0u);
}

TEST_F(Broadcast, HidesNoErrorBehindALaterSuccess) {
  const MsgId original = submit(true);
  world_.discard(Channel::kBroadcastEngines);
  reply("e0", original, true);
  reply("e1", original, true, R"({"status": "error", "ename": "E", "evalue": "first"})");
  reply("e2", original, true, R"({"status": "error", "ename": "E", "evalue": "second"})");
  const Sent sent = world_.take(Channel::kBroadcastClients);
  EXPECT_EQ(parsed(sent.message.content_json)["evalue"], "first");
  EXPECT_EQ(parsed(sent.message.metadata_json)["broadcast_targets"].size(), 3u);
  EXPECT_TRUE(sent.message.buffers.empty());
}

TEST_F(Broadcast, DropsAGatheringWhenATargetDies) {
  const MsgId original = submit(true);
  world_.discard(Channel::kBroadcastEngines);
  reply("e0", original, true);
  lose(EngineId(2));
  EXPECT_EQ(world_.tree.gathering_count(), 0u);
  reply("e1", original, true);
  EXPECT_FALSE(world_.has(Channel::kBroadcastClients)) << "the client has given it up";
}

TEST_F(Broadcast, StillAnswersWhenATargetDiesThatHadReplied) {
  const MsgId original = submit(true);
  world_.discard(Channel::kBroadcastEngines);
  reply("e0", original, true);
  lose(EngineId(0));
  reply("e1", original, true);
  reply("e2", original, true);
  EXPECT_EQ(world_.take(Channel::kBroadcastClients).message.buffers.size(), 3u);
}

TEST_F(Broadcast, SendsNothingToATargetThatIsNotHere) {
  submit(true, R"([["e0", 0], ["gone", 7]])");
  EXPECT_EQ(world_.take(Channel::kBroadcastEngines).message.identities[0].view(), "e0");
  EXPECT_FALSE(world_.has(Channel::kBroadcastEngines));
  EXPECT_EQ(world_.tree.gathering_count(), 0u);
}

TEST_F(Broadcast, RunsARepeatedRequestOnce) {
  const Message message = request(true, R"([["e0", 0]])");
  world_.tree.on_request(message, world_.out);
  world_.tree.on_request(message, world_.out);
  world_.settle();
  world_.take(Channel::kBroadcastEngines);
  EXPECT_FALSE(world_.has(Channel::kBroadcastEngines));
  reply("e0", message.header.msg_id, true);
  world_.take(Channel::kBroadcastClients);
  reply("e0", message.header.msg_id, true);
  EXPECT_FALSE(world_.has(Channel::kBroadcastClients));
}

TEST_F(Broadcast, NamesATargetOnceHoweverOftenItIsListed) {
  submit(false, R"([["e0", 0], ["e0", 0], "e1"])");
  world_.take(Channel::kBroadcastEngines);
  const Sent second = world_.take(Channel::kBroadcastEngines);
  EXPECT_EQ(parsed(second.message.metadata_json)["targets"], json::parse(R"([["e1", 1]])"));
  EXPECT_FALSE(world_.has(Channel::kBroadcastEngines));
}

TEST_F(Broadcast, RecordsEachTargetsPart) {
  const MsgId original = submit(false);
  world_.discard(Channel::kBroadcastEngines);
  const MsgId part(original.str() + "_e1");
  EXPECT_EQ(world_.hub.log().direct().pending_on(EngineId(1)), std::vector{part});
  reply("e1", original, false);
  world_.take(Channel::kBroadcastClients);
  const auto record = world_.store.get(part);
  ASSERT_TRUE(record.has_value() && record->has_value());
  EXPECT_EQ((*record)->queue, "broadcast");
  EXPECT_EQ((*record)->engine_uuid, "e1");
  EXPECT_TRUE((*record)->completed.has_value());
  EXPECT_EQ((*record)->buffers.size(), 2u);
}

class BadBroadcast : public Broadcast, public testing::WithParamInterface<const char*> {};

TEST_P(BadBroadcast, IsDropped) {
  Message message = request(true, "[]");
  message.metadata_json = Frame(std::string(GetParam()));
  world_.tree.on_request(message, world_.out);
  EXPECT_TRUE(world_.out.outgoing.empty());
  EXPECT_EQ(world_.tree.gathering_count(), 0u);
}
INSTANTIATE_TEST_SUITE_P(Metadata, BadBroadcast,
                         testing::Values("", "[]", "{", "{}", R"({"targets": null})",
                                         R"({"targets": "e0"})", R"({"targets": [0]})",
                                         R"({"targets": [["e0"]]})", R"({"targets": [[0, "e0"]]})",
                                         R"({"targets": [["e0", "0"]]})", R"({"targets": []})",
                                         R"({"targets": [], "is_coalescing": true})"));

TEST_F(Broadcast, DropsRepliesThatBelongToNoBroadcast) {
  for (const char* parent : {"no suffix", "_e0", "other_e1"}) {
    Message message = world_.engine_message("e0", MsgId(parent), "apply_reply", "{}");
    world_.tree.on_reply(Frames{}, Message(message), world_.now, world_.out);
  }
  Message homeless = world_.engine_message("e0", MsgId("x_e0"), "apply_reply", "{}");
  homeless.identities.resize(1);
  world_.tree.on_reply(Frames{}, Message(homeless), world_.now, world_.out);
  EXPECT_TRUE(world_.out.outgoing.empty());
}

}  // namespace
}  // namespace trireme
