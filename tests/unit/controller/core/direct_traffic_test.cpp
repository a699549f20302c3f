// Direct requests, control, output and broadcasts, as clients and engines see them.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

TEST(DirectTraffic, ARequestReachesItsEngineAndTheReplyItsClientUntouched) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.apply_direct("e1", {Frame(std::string("argument"))});
  const Received request = world.take_for("e1", Channel::kMuxEngines);
  ASSERT_EQ(request.frames.size(), 2u + 6u + 1u);
  EXPECT_EQ(request.frames[1].view(), ControllerWorld::kClient);
  EXPECT_EQ(request.message.header.msg_id, id);
  EXPECT_EQ(request.message.buffers.front().view(), "argument");

  world.reply(request, {.buffers = {Frame(std::string("result"))}});
  const Received reply = world.take_for(ControllerWorld::kClient, Channel::kMuxClients);
  ASSERT_EQ(reply.message.identities.size(), 1u);
  EXPECT_EQ(reply.message.identities[0].view(), "e1");
  EXPECT_EQ(reply.parent(), id);
  EXPECT_EQ(reply.message.buffers.front().view(), "result");

  const TaskRecord record = world.record(id);
  EXPECT_EQ(record.queue, "mux");
  EXPECT_EQ(record.engine_uuid, "e1");
  EXPECT_TRUE(record.submitted.has_value());
  EXPECT_TRUE(record.completed.has_value());
  EXPECT_EQ(record.result_buffers.front().view(), "result");
}

TEST(DirectTraffic, ARequestForAnUnknownEngineIsPassedOnAndNotRecorded) {
  ControllerWorld world;
  const MsgId id = world.apply_direct("nobody");
  EXPECT_EQ(world.take(Channel::kMuxEngines).to, "nobody");
  EXPECT_FALSE(world.has_record(id));
}

TEST(DirectTraffic, ARequestSentTwiceRunsOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  world.apply_direct("e1");
  world.resend_last();
  world.reply(world.take(Channel::kMuxEngines));
  world.take(Channel::kMuxClients);
  EXPECT_TRUE(world.is_silent());
}

TEST(DirectTraffic, ControlPassesBothWaysAndLeavesNoRecord) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.control("e1", "abort_request", R"({"msg_ids": []})");
  const Received request = world.take_for("e1", Channel::kControlEngines);
  EXPECT_EQ(request.message.identities.front().view(), ControllerWorld::kClient);
  world.reply(request);
  const Received reply = world.take_for(ControllerWorld::kClient, Channel::kControlClients);
  EXPECT_EQ(reply.type(), "abort_reply");
  EXPECT_EQ(reply.parent(), id);
  EXPECT_FALSE(world.has_record(id));
}

TEST(DirectTraffic, OutputIsForwardedWithItsTopicAndRecorded) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.apply_direct("e1");
  const Received request = world.take(Channel::kMuxEngines);
  world.publish("e1", id, "stream", R"({"name": "stdout", "text": "one "})");
  world.publish("e1", id, "stream", R"({"name": "stdout", "text": "two"})");
  world.publish("e1", id, "stream", R"({"name": "stderr", "text": "oops"})");
  world.publish("e1", id, "status", R"({"execution_state": "idle"})");
  for (int count = 0; count < 4; ++count) {
    const Received output = world.take(Channel::kIopubClients);
    EXPECT_EQ(output.frames.front().view(), "engine.0.stream");
    EXPECT_EQ(output.parent(), id);
  }
  world.reply(request);
  world.take(Channel::kMuxClients);
  const TaskRecord record = world.record(id);
  EXPECT_EQ(record.stdout_text, "one two");
  EXPECT_EQ(record.stderr_text, "oops");
}

TEST(DirectTraffic, OutputThatComesFirstIsKeptForItsRequest) {
  ControllerWorld world;
  world.join_engine("e1");
  world.publish("e1", MsgId("client-session_1_0"), "stream", R"({"name": "stdout", "text": "hi"})");
  world.take(Channel::kIopubClients);
  const MsgId id = world.apply_direct("e1");
  ASSERT_EQ(id.str(), "client-session_1_0");
  world.reply(world.take(Channel::kMuxEngines));
  world.take(Channel::kMuxClients);
  EXPECT_EQ(world.record(id).stdout_text, "hi");
  EXPECT_TRUE(world.record(id).completed.has_value());
}

TEST(DirectTraffic, TheRecordsOfADeadEngineEndAfterTheGrace) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.apply_direct("e1");
  world.take(Channel::kMuxEngines);
  world.lose_engine("e1");
  world.advance(29s);
  EXPECT_FALSE(world.record(id).completed.has_value());
  EXPECT_EQ(
      world.ask("result_request", R"({"msg_ids": [")" + id.str() + R"("]})").member("pending"),
      "[\"" + id.str() + "\"]");
  world.advance(2s);
  EXPECT_TRUE(world.record(id).completed.has_value());
  const Received result = world.ask("result_request", R"({"msg_ids": [")" + id.str() + R"("]})");
  EXPECT_NE(result.content().find("EngineError"), std::string::npos) << result.content();
  EXPECT_EQ(world.core().hub().log().direct().size(), 0u);
}

TEST(DirectTraffic, AResultAfterTheGraceReplacesTheErrorInTheRecord) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.apply_direct("e1");
  const Received request = world.take(Channel::kMuxEngines);
  world.lose_engine("e1");
  world.advance(31s);
  world.reply(request);
  world.take(Channel::kMuxClients);
  EXPECT_EQ(world.record(id).result_content.value_or("").find("EngineError"), std::string::npos);
}

TEST(DirectTraffic, EachTargetOfABroadcastGetsItsOwnMessageAndAnswers) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.broadcast({"e1", "e2"}, /*is_coalescing=*/false);
  for (const std::string engine : {"e1", "e2"}) {
    const Received part = world.take_for(engine, Channel::kBroadcastEngines);
    EXPECT_EQ(part.message.header.msg_id.str(), id.str() + "_" + engine);
    EXPECT_EQ(part.metadata_member("original_msg_id"), "\"" + id.str() + "\"");
    world.reply(part);
    const Received reply = world.take_for(ControllerWorld::kClient, Channel::kBroadcastClients);
    EXPECT_EQ(reply.parent().str(), id.str() + "_" + engine);
    EXPECT_TRUE(world.record(reply.parent()).completed.has_value());
  }
}

TEST(DirectTraffic, ACoalescingBroadcastIsAnsweredOnceInTheOrderOfItsTargets) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.broadcast({"e1", "e2"}, /*is_coalescing=*/true);
  const Received first = world.take_for("e1", Channel::kBroadcastEngines);
  const Received second = world.take_for("e2", Channel::kBroadcastEngines);
  world.reply(second, {.buffers = {Frame(std::string("two"))}});
  EXPECT_TRUE(world.is_silent());
  world.reply(first, {.buffers = {Frame(std::string("one"))}});
  const Received reply = world.take_for(ControllerWorld::kClient, Channel::kBroadcastClients);
  EXPECT_EQ(reply.metadata_member("original_msg_id"), "\"" + id.str() + "\"");
  EXPECT_EQ(reply.metadata_member("broadcast_targets"), R"([["e1",0],["e2",1]])");
  ASSERT_EQ(reply.message.buffers.size(), 2u);
  EXPECT_EQ(reply.message.buffers[0].view(), "one");
  EXPECT_EQ(reply.message.buffers[1].view(), "two");
}

TEST(DirectTraffic, ABroadcastThatLosesATargetIsLeftToItsClient) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  world.broadcast({"e1", "e2"}, /*is_coalescing=*/true);
  const Received first = world.take_for("e1", Channel::kBroadcastEngines);
  world.take_for("e2", Channel::kBroadcastEngines);
  world.lose_engine("e2");
  world.reply(first);
  EXPECT_TRUE(world.is_silent());
  world.advance(31s);
  EXPECT_EQ(world.core().hub().log().direct().size(), 0u);
}

TEST(DirectTraffic, RequestsThatArriveWhileTheEngineLeavesEndInTheRecordsToo) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId before = world.apply_direct("e1");
  world.lose_engine("e1");
  const MsgId after = world.apply_direct("e1");
  world.take(Channel::kMuxEngines);
  world.take(Channel::kMuxEngines);
  world.advance(31s);
  EXPECT_TRUE(world.record(before).completed.has_value());
  EXPECT_FALSE(world.has_record(after)) << "nobody would ever complete it";
}

}  // namespace
}  // namespace trireme::testing
