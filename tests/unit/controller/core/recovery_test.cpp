// Crashes of the controller, cuts, and clients that come back, through the whole core.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

/// The fence that ends a repetition; the engine answers it as one of this make.
void answer_fence(ControllerWorld& world, Channel channel, const std::string& make) {
  const Received fence = world.take(channel);
  ASSERT_EQ(fence.type(), "kernel_info_request");
  WirePeer engine(fence.to);
  Message reply =
      engine.about(fence.message, "kernel_info_reply",
                   R"({"status": "ok", "implementation": ")" + make + "\"}", world.clock.now());
  reply.identities = fence.message.identities;
  reply.identities.insert(reply.identities.begin(), Frame(fence.to));
  world.receive(channel, engine.encode(reply));
}

TEST(Recovery, AWaitingTaskRunsAndItsReplyFollowsTheClientToItsNewConnection) {
  ControllerWorld world;
  const MsgId id = world.submit(task().buffers({Frame(std::string("argument"))}));
  world.restart_controller();
  world.say_hello(Channel::kTaskClients);
  world.join_engine("e1");
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  EXPECT_EQ(run.message.header.msg_id, id);
  EXPECT_EQ(run.message.buffers.front().view(), "argument");
  world.reply(run);
  EXPECT_EQ(world.take_for(world.connection, Channel::kTaskClients).parent(), id);
}

TEST(Recovery, ARunningTaskIsToldAgainUnderItsSignatureAndAnsweredOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received first = world.take(Channel::kTaskEngines);
  world.restart_controller();
  const Received second = world.take_for("e1", Channel::kTaskEngines);
  EXPECT_EQ(second.frames[3], first.frames[3]) << "another signature: engines would run it twice";
  world.say_hello(Channel::kTaskClients);
  world.reply(first);
  EXPECT_EQ(world.take_for(world.connection, Channel::kTaskClients).parent(), id);
  answer_fence(world, Channel::kTaskEngines, "ipython");
  world.reply(second);
  EXPECT_TRUE(world.is_silent());
  EXPECT_TRUE(world.record(id).completed.has_value());
}

TEST(Recovery, AReplyLostWithTheControllerMakesAStockEngineRunTheTaskAnew) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  world.take(Channel::kTaskEngines);
  world.restart_controller();
  world.say_hello(Channel::kTaskClients);
  const Received repeated = world.take(Channel::kTaskEngines);
  answer_fence(world, Channel::kTaskEngines, "ipython");
  const Received anew = world.take_for("e1", Channel::kTaskEngines);
  EXPECT_EQ(anew.message.header.msg_id, id);
  EXPECT_NE(anew.frames[3], repeated.frames[3]);
  world.reply(anew);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
  EXPECT_NE(world.record(id).attempts.value_or("").find("reply lost"), std::string::npos);
}

TEST(Recovery, OurEnginesAnswerFencesBesideTheirTasksAndAreNotHurried) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  world.take(Channel::kTaskEngines);
  world.restart_controller();
  const Received repeated = world.take(Channel::kTaskEngines);
  answer_fence(world, Channel::kTaskEngines, "trireme");
  EXPECT_TRUE(world.is_silent());
  world.say_hello(Channel::kTaskClients);
  world.reply(repeated);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
}

TEST(Recovery, DirectRequestsGoOnTheSameWay) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId answered_late = world.apply_direct("e1");
  const Received first = world.take(Channel::kMuxEngines);
  const MsgId lost = world.apply_direct("e1");
  world.take(Channel::kMuxEngines);
  world.restart_controller();
  world.say_hello(Channel::kMuxClients);
  EXPECT_EQ(world.take(Channel::kMuxEngines).message.header.msg_id, answered_late);
  EXPECT_EQ(world.take(Channel::kMuxEngines).message.header.msg_id, lost);
  world.reply(first);
  EXPECT_EQ(world.take_for(world.connection, Channel::kMuxClients).parent(), answered_late);
  answer_fence(world, Channel::kMuxEngines, "ipython");
  const Received anew = world.take(Channel::kMuxEngines);
  world.reply(anew);
  EXPECT_EQ(world.take(Channel::kMuxClients).parent(), lost);
  world.reply(anew);
  EXPECT_TRUE(world.is_silent()) << "a second reply must not reach the client";
}

TEST(Recovery, ADirectRequestWhoseEngineIsGoneEndsInTheRecords) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.apply_direct("e1");
  world.take(Channel::kMuxEngines);
  world.runner.saved_engines = R"({"engines": {}, "next_id": 1})";
  world.restart_controller();
  EXPECT_NE(world.record(id).result_content.value_or("").find("EngineError"), std::string::npos);
}

TEST(Recovery, TasksKeepTheirOrderTargetsAndDependencies) {
  ControllerWorld world;
  const MsgId first = world.submit();
  const MsgId second = world.submit(task().after({first}));
  const MsgId third = world.submit(task().targets({"e2"}));
  world.restart_controller();
  world.say_hello(Channel::kTaskClients);
  world.join_engine("e2");
  const Received run = world.take_for("e2", Channel::kTaskEngines);
  EXPECT_EQ(run.message.header.msg_id, first);
  world.reply(run);
  world.take(Channel::kTaskClients);
  const Received next = world.take_for("e2", Channel::kTaskEngines);
  EXPECT_EQ(next.message.header.msg_id, second);
  world.reply(next);
  world.take(Channel::kTaskClients);
  const Received last = world.take_for("e2", Channel::kTaskEngines);
  EXPECT_EQ(last.message.header.msg_id, third);
  world.reply(last);
  world.take(Channel::kTaskClients);
}

TEST(Recovery, ADependencyThatEndedBeforeTheCrashIsFoundInTheRecords) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId first = world.submit();
  const Received done = world.take(Channel::kTaskEngines);
  const MsgId second = world.submit(task().after({first}));
  world.reply(done);
  world.take(Channel::kTaskClients);
  world.take(Channel::kTaskEngines);
  world.restart_controller();
  EXPECT_EQ(world.take(Channel::kTaskEngines).message.header.msg_id, second);
  answer_fence(world, Channel::kTaskEngines, "trireme");
}

TEST(Recovery, AReplyForAClientThatIsAwayWaitsForIt) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.renew_connection();
  world.reply(run);
  EXPECT_TRUE(world.is_silent());
  EXPECT_EQ(world.core().routes().parked_count(), 1u);
  world.say_hello(Channel::kTaskClients);
  EXPECT_EQ(world.take_for(world.connection, Channel::kTaskClients).parent(), id);
  EXPECT_EQ(world.core().routes().parked_count(), 0u);
}

TEST(Recovery, AConnectionThatNeverSpokeIsOfferedEachWaitingReplyOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.renew_connection();
  world.reply(run);
  const RoutingId silent(std::string_view("\0\0\0\0\7", 5));
  const auto offers = world.core().offers_for(Channel::kTaskClients, silent);
  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].frames.front().view(), silent.view());
  EXPECT_TRUE(world.core().offers_for(Channel::kTaskClients, silent).empty());
  EXPECT_TRUE(world.core().offers_for(Channel::kMuxClients, silent).empty());
  EXPECT_TRUE(world.has_record(id));
}

struct Resent {
  const char* name;
  Channel channel;
};

class ResentRequests : public ::testing::TestWithParam<Resent> {
 protected:
  MsgId send(ControllerWorld& world) {
    if (GetParam().channel == Channel::kTaskClients) return world.submit();
    if (GetParam().channel == Channel::kMuxClients) return world.apply_direct("e1");
    return world.broadcast({"e1"}, false);
  }
  Channel engines() const {
    if (GetParam().channel == Channel::kTaskClients) return Channel::kTaskEngines;
    return GetParam().channel == Channel::kMuxClients ? Channel::kMuxEngines
                                                      : Channel::kBroadcastEngines;
  }
};

TEST_P(ResentRequests, AreAnsweredFromTheRecordsWhenTheyHaveEnded) {
  ControllerWorld world;
  world.join_engine("e1");
  send(world);
  world.reply(world.take(engines()), {.buffers = {Frame(std::string("result"))}});
  const Received before = world.take(GetParam().channel);
  world.restart_controller();
  world.say_hello(GetParam().channel);
  world.resend_last();
  const Received again = world.take_for(world.connection, GetParam().channel);
  EXPECT_EQ(again.parent(), before.parent());
  EXPECT_EQ(again.message.buffers, before.message.buffers);
  EXPECT_EQ(again.content(), before.content());
}

TEST_P(ResentRequests, RunOnceWhenTheyAreStillUnderWay) {
  ControllerWorld world;
  world.join_engine("e1");
  send(world);
  const Received run = world.take(engines());
  world.renew_connection();
  world.say_hello(GetParam().channel);
  world.resend_last();
  EXPECT_TRUE(world.is_silent());
  world.reply(run);
  world.take_for(world.connection, GetParam().channel);
}

TEST_P(ResentRequests, RunWhenTheControllerDiedBeforeItKnewThem) {
  ControllerWorld world;
  world.join_engine("e1");
  world.restart_controller();
  world.say_hello(GetParam().channel);
  send(world);  // dated before the greeting, never seen
  const Received run = world.take(engines());
  if (GetParam().channel != Channel::kTaskClients) answer_fence(world, engines(), "trireme");
  world.reply(run);
  world.take_for(world.connection, GetParam().channel);
}

TEST(Recovery, ACancellationDoesNotOvertakeTheTaskThatIsLookedUp) {
  ControllerWorld world;
  world.restart_controller();
  world.say_hello(Channel::kTaskClients);
  world.store_answers = false;
  const MsgId id = world.submit();  // dated before the greeting, never seen
  world.cancel(R"({"msg_ids": [")" + id.str() + R"("]})");
  EXPECT_TRUE(world.is_silent());
  world.store_answers = true;
  world.answer_questions();
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id) << "it ends as aborted";
  EXPECT_EQ(world.take(Channel::kTaskClients).member("tasks"),
            R"({")" + id.str() + R"(":"cancelled"})");
}

INSTANTIATE_TEST_SUITE_P(Channels, ResentRequests,
                         ::testing::Values(Resent{"Task", Channel::kTaskClients},
                                           Resent{"Mux", Channel::kMuxClients},
                                           Resent{"Broadcast", Channel::kBroadcastClients}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Recovery, ACoalescingBroadcastSentAgainIsGatheredFromRecordsAndEngines) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  world.broadcast({"e1", "e2"}, true);
  const Received first = world.take_for("e1", Channel::kBroadcastEngines);
  const Received second = world.take_for("e2", Channel::kBroadcastEngines);
  world.reply(first, {.buffers = {Frame(std::string("one"))}});
  world.restart_controller();
  world.take(Channel::kBroadcastEngines);
  answer_fence(world, Channel::kBroadcastEngines, "trireme");
  world.say_hello(Channel::kBroadcastClients);
  world.resend_last();
  EXPECT_TRUE(world.is_silent());
  world.reply(second, {.buffers = {Frame(std::string("two"))}});
  const Received reply = world.take_for(world.connection, Channel::kBroadcastClients);
  ASSERT_EQ(reply.message.buffers.size(), 2u);
  EXPECT_EQ(reply.message.buffers[0].view(), "one");
  EXPECT_EQ(reply.message.buffers[1].view(), "two");
}

TEST(Recovery, ACoalescingBroadcastOfASilentClientIsGatheredAcrossTheCrash) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.broadcast({"e2", "e1"}, true);
  const Received first = world.take_for("e2", Channel::kBroadcastEngines);
  const Received second = world.take_for("e1", Channel::kBroadcastEngines);
  world.reply(second, {.buffers = {Frame(std::string("one"))}});
  world.restart_controller();
  world.take_for("e2", Channel::kBroadcastEngines);
  answer_fence(world, Channel::kBroadcastEngines, "trireme");
  world.reply(first, {.buffers = {Frame(std::string("two"))}});
  EXPECT_TRUE(world.is_silent()) << "nobody knows where its client is";
  const auto offers =
      world.core().offers_for(Channel::kBroadcastClients, RoutingId(world.connection));
  ASSERT_EQ(offers.size(), 1u);
  Frames frames = offers.front().frames;
  frames.erase(frames.begin());
  const Message reply = world.client.decode(frames);
  ASSERT_EQ(reply.buffers.size(), 2u);
  EXPECT_EQ(reply.buffers[0].view(), "two") << "in the order of the targets";
  EXPECT_EQ(reply.buffers[1].view(), "one");
  EXPECT_NE(reply.metadata_json.to_string().find(id.str()), std::string::npos);
  world.core().broadcast().check_invariants();
}

TEST(Recovery, ACoalescedReplyThatMayBeLostIsOfferedOnceAndItsPartsAreNot) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.broadcast({"e1", "e2"}, true);
  std::vector<TaskRecord> parts;
  for (int i = 0; i < 2; ++i) {
    const Received part = world.take(Channel::kBroadcastEngines);
    world.reply(part, {.buffers = {Frame(part.to)}});
    parts.push_back(world.record(part.message.header.msg_id));
  }
  world.take(Channel::kBroadcastClients);
  world.restart_controller();
  Outbox out;
  ControllerCore& core = world.core();
  core.restore_replies(parts, ControllerCore::Reached::kMaybe, world.clock.now(), out);
  EXPECT_EQ(core.routes().parked_count(), 0u) << "a client cannot read a part";
  EXPECT_EQ(core.gathered_with({parts.front()}).size(), 2u);
  for (int i = 0; i < 2; ++i) core.restore_gatherings(parts, world.clock.now(), out);
  core.restore_gatherings({parts.front()}, world.clock.now(), out);
  EXPECT_TRUE(core.routes().is_parked(id));
  EXPECT_EQ(core.offers_for(Channel::kBroadcastClients, RoutingId("silent")).size(), 1u);
}

TEST(Recovery, WhatBrokeOffWithAConnectionIsSentAgainALittleLater) {
  ControllerWorld world;
  world.join_engine("e1");
  world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.core().on_connections_lost(Channel::kTaskEngines, world.clock.now());
  EXPECT_TRUE(world.is_silent());
  world.advance(300ms);
  EXPECT_EQ(world.take_for("e1", Channel::kTaskEngines).frames[3], run.frames[3]);
  answer_fence(world, Channel::kTaskEngines, "trireme");
  world.reply(run);
  world.take(Channel::kTaskClients);
}

TEST(Recovery, AHeartThatComesBackOnAnotherConnectionGetsEverythingUnansweredAgain) {
  ControllerWorld world;
  world.join_engine("e1");
  world.submit();
  world.take(Channel::kTaskEngines);
  world.apply_direct("e1");
  world.take(Channel::kMuxEngines);
  world.core().on_heart_cut(EngineUuid("e1"), world.clock.now());
  world.advance(500ms);
  EXPECT_EQ(world.take(Channel::kTaskEngines).type(), "apply_request");
  answer_fence(world, Channel::kTaskEngines, "trireme");
  EXPECT_EQ(world.take(Channel::kMuxEngines).type(), "apply_request");
  answer_fence(world, Channel::kMuxEngines, "trireme");
}

TEST(Recovery, AHeartThatStaysAwayMeansThatItsEngineIsGone) {
  ControllerWorld world;
  world.join_engine("e1");
  world.beating.clear();
  world.core().on_heart_cut(EngineUuid("e1"), world.clock.now());
  world.advance(1s);
  EXPECT_TRUE(world.is_silent());
  world.advance(1100ms);
  EXPECT_EQ(world.take(Channel::kNotification).type(), "unregistration_notification");
}

TEST(Recovery, AnOrderlyEndRecordsWhatWillNotRun) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId running = world.submit();
  const MsgId waiting = world.submit();
  const MsgId direct = world.apply_direct("e1");
  world.take(Channel::kTaskEngines);
  world.take(Channel::kMuxEngines);
  Outbox out;
  world.core().abandon_tasks(world.clock.now(), out);
  ASSERT_TRUE(world.store.apply(out.records).has_value());
  for (const MsgId& id : {running, waiting, direct}) {
    EXPECT_NE(world.record(id).result_content.value_or("").find("TaskAborted"), std::string::npos);
  }
}

}  // namespace
}  // namespace trireme::testing
