// Engines and clients come and go, as both see it through the whole controller.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

TEST(Membership, AnEngineIsAnnouncedOnceItsHeartBeatsTwice) {
  ControllerWorld world;
  WirePeer engine("e1");
  Message message = engine.request("registration_request", R"({"uuid": "e1"})", world.clock.now());
  message.identities = {Frame(std::string("e1"))};
  world.receive(Channel::kQuery, engine.encode(message));
  const Received reply = world.take_for("e1", Channel::kQuery);
  EXPECT_EQ(reply.member("id"), "0");
  EXPECT_EQ(reply.member("hb_period"), "1000");
  EXPECT_EQ(reply.message.parent_json.view(), "{}");

  world.advance(100ms);
  world.pong("e1");
  EXPECT_TRUE(world.is_silent()) << "announced before its other sockets can be there";
  world.advance(100ms);
  world.pong("e1");
  const Received notice = world.take(Channel::kNotification);
  EXPECT_EQ(notice.type(), "registration_notification");
  EXPECT_EQ(notice.member("id"), "0");
  EXPECT_EQ(notice.member("uuid"), "\"e1\"");
  EXPECT_EQ(world.ask("connection_request").member("engines"), R"({"0":"e1"})");
}

TEST(Membership, ARegisteredUuidIsRefusedToOthers) {
  ControllerWorld world;
  world.join_engine("e1");
  WirePeer impostor("e1");
  impostor.request("x", "{}", world.clock.now());  // numbered apart from the first registration
  Message message =
      impostor.request("registration_request", R"({"uuid": "e1"})", world.clock.now());
  message.identities = {Frame(std::string("e1"))};
  world.receive(Channel::kQuery, impostor.encode(message));
  const Received reply = world.take_for("e1", Channel::kQuery);
  EXPECT_EQ(reply.type(), "registration_reply");
  EXPECT_EQ(reply.member("ename"), "\"KeyError\"");
}

TEST(Membership, ASilentHeartEndsAnEngineAfterTheMissesAllowed) {
  ControllerWorld world;
  world.join_engine("e1");
  world.beating.clear();
  world.advance(4s);
  EXPECT_TRUE(world.is_silent()) << "dropped too early";
  world.advance(2s);
  EXPECT_EQ(world.take(Channel::kNotification).type(), "unregistration_notification");
  EXPECT_EQ(world.ask("connection_request").member("engines"), "{}");
}

TEST(Membership, AnUnregisteredEngineIsAnnouncedOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  world.lose_engine("e1");
  world.request("unregistration_request", R"({"id": 0})");
  world.advance(20s);
  EXPECT_TRUE(world.is_silent());
}

TEST(Membership, AShutdownReplyOnIopubEndsTheEngine) {
  ControllerWorld world;
  world.join_engine("e1");
  world.publish("e1", MsgId("m"), "shutdown_reply", R"({"status": "ok", "restart": false})");
  EXPECT_EQ(world.take(Channel::kIopubClients).type(), "shutdown_reply");
  EXPECT_EQ(world.take(Channel::kNotification).type(), "unregistration_notification");
}

TEST(Membership, ShutdownAnswersTellsAllAndAsksForTheEnd) {
  ControllerWorld world;
  const MsgId asked = world.request("shutdown_request");
  EXPECT_EQ(world.take(Channel::kQuery).type(), "shutdown_reply");
  const Received notice = world.take(Channel::kNotification);
  EXPECT_EQ(notice.type(), "shutdown_notification");
  EXPECT_EQ(notice.parent(), asked);
  EXPECT_TRUE(world.runner.stop_requested);
}

TEST(Membership, TheFileOfEnginesFollowsEveryChange) {
  ControllerWorld world;
  world.join_engine("e1");
  EXPECT_EQ(world.runner.saved_engines, R"({"engines": {"0": "e1"}, "next_id": 1})");
  world.lose_engine("e1");
  EXPECT_EQ(world.runner.saved_engines, R"({"engines": {}, "next_id": 1})");
}

TEST(Membership, RestoredEnginesTakeTasksAndKeepTheirIds) {
  ControllerWorld world;
  world.beating.insert("e7");
  ASSERT_TRUE(world.runner.restore(R"({"engines": {"7": "e7"}, "next_id": 9})", world.clock.now())
                  .has_value());
  const MsgId task_id = world.submit();
  const Received run = world.take_for("e7", Channel::kTaskEngines);
  world.reply(run);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), task_id);
  EXPECT_EQ(world.ask("connection_request").member("engines"), R"({"7":"e7"})");
}

TEST(Membership, ARestoreFromBrokenTextChangesNothing) {
  ControllerWorld world;
  EXPECT_FALSE(world.runner.restore("{", world.clock.now()).has_value());
  EXPECT_EQ(world.ask("connection_request").member("engines"), "{}");
}

TEST(Membership, PongsOfStrangersAreIgnored) {
  ControllerWorld world;
  world.pong("nobody");
  world.receive(Channel::kHeartPong, {Frame(std::string("nobody"))});
  world.receive(Channel::kHeartPong, {});
  world.advance(10s);
  EXPECT_TRUE(world.is_silent());
}

TEST(Membership, TheDescriptionCountsWhatThereIs) {
  ControllerWorld world;
  world.join_engine("e1");
  world.apply_direct("e1");
  world.submit();
  world.submit();
  const std::string text = world.core().describe();
  EXPECT_NE(text.find("\"engines\": 1"), std::string::npos) << text;
  EXPECT_NE(text.find("\"direct_tasks_pending\": 1"), std::string::npos) << text;
  EXPECT_NE(text.find("1 ready, 1 running"), std::string::npos) << text;
  EXPECT_NE(text.find("bad messages: 0"), std::string::npos) << text;
  world.take(Channel::kMuxEngines);
  world.take(Channel::kTaskEngines);
}

TEST(Membership, TheCoreSleepsUntilItsNextDeadline) {
  ControllerWorld world;
  world.join_engine("e1");
  world.submit(task().timeout(0.25).targets({"e1"}));
  world.take(Channel::kTaskEngines);
  world.submit(task().timeout(0.25).targets({"e1"}));
  ASSERT_TRUE(world.core().next_deadline().has_value());
  EXPECT_LE(*world.core().next_deadline(), world.clock.now().instant + 250ms);
  world.advance(250ms);
  EXPECT_EQ(world.take(Channel::kTaskClients).member("ename"), "\"TaskTimeout\"");
  EXPECT_GT(*world.core().next_deadline(), world.clock.now().instant);
}

}  // namespace
}  // namespace trireme::testing
