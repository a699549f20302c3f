// Engines and clients that come and go, and who is told.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/hub/hub.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json content_of(const Sent& sent) { return json::parse(sent.content(), nullptr, false); }

TEST(Registration, IsAnsweredAtOnceWithAnEmptyParent) {
  HubWorld world({.connection_info_json = R"({"mux": 1})"});
  world.register_engine("e0");
  const Sent reply = world.take(Channel::kQuery);
  EXPECT_EQ(reply.message.header.msg_type, "registration_reply");
  EXPECT_EQ(content_of(reply), json::parse(R"({"id": 0, "status": "ok", "hb_period": 3000,
                                               "connection_info": {"mux": 1}})"));
  EXPECT_EQ(canonical(reply.message.parent_json.view()), "{}");
  EXPECT_FALSE(world.has(Channel::kNotification)) << "nobody knows it before its heart beats";
}

TEST(Registration, CompletesSoonAfterTheHeartBegins) {
  HubWorld world;
  world.register_engine("e0");
  world.take(Channel::kQuery);
  world.advance(700ms);
  EXPECT_FALSE(world.has(Channel::kNotification));
  world.beating.insert("e0");
  world.advance(110ms);
  const Sent notice = world.take(Channel::kNotification);
  EXPECT_EQ(notice.message.header.msg_type, "registration_notification");
  EXPECT_EQ(content_of(notice), json::parse(R"({"id": 0, "uuid": "e0"})"));
  EXPECT_TRUE(notice.message.identities.empty()) << "notifications have no topic";
  ASSERT_EQ(world.engine_changes.size(), 1u);
  EXPECT_EQ(world.engine_changes[0].kind, EngineChange::Kind::kJoined);
}

TEST(Registration, CompletesEvenWhenTheHeartBeginsTooLate) {
  HubWorld world;
  world.register_engine("e0");
  world.take(Channel::kQuery);
  world.advance(60s);
  world.beating.insert("e0");
  world.advance(4s);
  EXPECT_EQ(world.take(Channel::kNotification).member("uuid"), "\"e0\"");
}

TEST(Registration, OfAUuidInUseFails) {
  HubWorld world;
  world.join_engine("e0");
  world.register_engine("e0");
  const Sent reply = world.take(Channel::kQuery);
  EXPECT_EQ(reply.message.header.msg_type, "registration_reply");
  EXPECT_EQ(content_of(reply)["ename"], "KeyError");
  EXPECT_EQ(content_of(reply)["evalue"], "\"uuid 'e0' in use\"");
  EXPECT_EQ(canonical(reply.message.parent_json.view()), "{}");
}

TEST(Registration, WithoutUuidIsNotAnswered) {
  HubWorld world;
  world.request("registration_request", "{}");
  world.request("registration_request", R"({"uuid": 3})");
  EXPECT_FALSE(world.has(Channel::kQuery));
}

TEST(Registration, OfManyEnginesKeepsTheirIdsApart) {
  HubWorld world;
  for (int i = 0; i < 200; ++i) world.register_engine("e" + std::to_string(i));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(world.take(Channel::kQuery).member("id"), std::to_string(i));
    world.beating.insert("e" + std::to_string(i));
  }
  world.advance(1s);
  world.discard(Channel::kNotification);
  EXPECT_EQ(world.hub.engines().live().size(), 200u);
}

TEST(Hearts, OfStrangersAreNotListenedTo) {
  HubWorld world;
  world.pong("stranger");
  world.advance(60s);
  EXPECT_TRUE(world.engine_changes.empty());
  EXPECT_EQ(json::parse(world.hub.describe())["hearts"], 0);
}

TEST(Hearts, ThatStopUnregisterTheirEngine) {
  HubWorld world({.heart = {.period = 1000ms, .misses_max = 3}});
  const EngineId id = world.join_engine("e0");
  world.beating.clear();
  world.advance(3500ms);
  EXPECT_TRUE(world.hub.engines().is_live(id));
  world.advance(2s);
  const Sent notice = world.take(Channel::kNotification);
  EXPECT_EQ(notice.message.header.msg_type, "unregistration_notification");
  EXPECT_EQ(content_of(notice), json::parse(R"({"id": 0, "uuid": "e0"})"));
  EXPECT_EQ(world.engine_changes.back().kind, EngineChange::Kind::kLeft);
}

TEST(Unregistration, TellsClientsOnceAndAnswersNobody) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  world.unregister_engine(id);
  EXPECT_EQ(world.take(Channel::kNotification).message.header.msg_type,
            "unregistration_notification");
  world.unregister_engine(id);
  world.request("unregistration_request", R"({"id": null})");
  world.request("unregistration_request", "{}");
  world.request("unregistration_request", R"({"id": 99})");
  EXPECT_FALSE(world.has(Channel::kNotification));
  EXPECT_FALSE(world.has(Channel::kQuery));
}

TEST(Unregistration, OfAPendingEngineCancelsItsRegistration) {
  HubWorld world;
  world.register_engine("e0");
  world.take(Channel::kQuery);
  world.unregister_engine(EngineId(0));
  world.beating.insert("e0");
  world.advance(5s);
  EXPECT_FALSE(world.has(Channel::kNotification));
  world.register_engine("e0");
  EXPECT_EQ(world.take(Channel::kQuery).member("status"), "\"ok\"");
  world.advance(1s);
  world.take(Channel::kNotification);
}

TEST(Unregistration, OfAnotherUuidThanThatOfTheIdConcernsNobody) {
  HubWorld world;
  world.join_engine("e0");
  world.request("unregistration_request", R"({"id": 0, "uuid": "one of a former run"})");
  EXPECT_FALSE(world.has(Channel::kNotification));
  EXPECT_TRUE(world.hub.engines().is_live(EngineId(0)));
  world.request("unregistration_request", R"({"id": 7, "uuid": "e0"})");
  EXPECT_EQ(content_of(world.take(Channel::kNotification))["id"], 0) << "the uuid tells";
}

TEST(Unregistration, ByUuidWithdrawsARegistrationWhoseAnswerIsOnItsWay) {
  HubWorld world;
  world.register_engine("e0");
  world.take(Channel::kQuery);
  world.request("unregistration_request", R"({"id": null, "uuid": "e0"})");
  world.beating.insert("e0");
  world.advance(5s);
  EXPECT_FALSE(world.has(Channel::kNotification));
}

TEST(Unregistration, ByAnIdThatACrashedControllerToldHitsNoOtherEngine) {
  HubWorld world;
  world.register_engine("stock");
  world.take(Channel::kQuery);
  const std::string saved = world.hub.engines_json();
  HubWorld successor;
  ASSERT_TRUE(successor.hub.restore(saved, successor.out).has_value());
  const EngineId id = successor.join_engine("another");
  EXPECT_EQ(id, EngineId(1));
  successor.unregister_engine(EngineId(0));  // the first one ends
  EXPECT_TRUE(successor.hub.engines().is_live(id));
}

TEST(Unregistration, FollowsAShutdownReplyOnIopub) {
  HubWorld world;
  world.join_engine("e0");
  world.output("e0", MsgId("request"), "shutdown_reply", R"({"status": "ok"})");
  EXPECT_EQ(world.take(Channel::kNotification).member("id"), "0");
  world.output("e0", MsgId("request"), "shutdown_reply", R"({"status": "ok"})");
  world.output("stranger", MsgId("request"), "shutdown_reply", R"({"status": "ok"})");
  EXPECT_TRUE(world.records.empty());
}

TEST(Connection, NamesTheLiveEngines) {
  HubWorld world;
  EXPECT_EQ(content_of(world.ask("connection_request")),
            json::parse(R"({"status": "ok", "engines": {}, "trireme": {"resumes": true}})"));
  world.join_engine("e0");
  world.join_engine("e5", 5);
  world.register_engine("pending");
  world.take(Channel::kQuery);
  EXPECT_EQ(content_of(world.ask("connection_request")),
            json::parse(R"({"status": "ok", "engines": {"0": "e0", "5": "e5"},
                            "trireme": {"resumes": true}})"));
}

TEST(Shutdown, IsAnsweredAndAnnouncedAndStopsTheController) {
  HubWorld world;
  EXPECT_FALSE(world.out.stop_requested);
  const Sent reply = world.ask("shutdown_request");
  EXPECT_EQ(reply.message.header.msg_type, "shutdown_reply");
  EXPECT_EQ(reply.member("status"), "\"ok\"");
  const Sent notice = world.take(Channel::kNotification);
  EXPECT_EQ(notice.message.header.msg_type, "shutdown_notification");
  EXPECT_EQ(notice.message.parent_json, reply.message.parent_json);
  EXPECT_TRUE(world.out.stop_requested);
}

TEST(UnknownRequests, AreAnsweredWithHubError) {
  HubWorld world;
  const Sent reply = world.ask("it's odd");
  EXPECT_EQ(reply.message.header.msg_type, "hub_error");
  EXPECT_EQ(content_of(reply)["ename"], "KeyError");
  EXPECT_EQ(content_of(reply)["evalue"], R"('Bad Message Type: "it\'s odd"')");
  EXPECT_EQ(content_of(reply)["engine_info"], json::object());
  for (const char* type : {"apply_request", "registration_reply", "queue_reply"}) {
    EXPECT_EQ(world.ask(type).message.header.msg_type, "hub_error");
  }
}

TEST(DaskRequests, AreRefused) {
  HubWorld world;
  for (const char* name : {"become_dask", "stop_distributed"}) {
    const Sent reply = world.ask(std::string(name) + "_request");
    EXPECT_EQ(reply.message.header.msg_type, std::string(name) + "_reply");
    EXPECT_EQ(reply.member("ename"), "\"ImportError\"");
  }
}

TEST(Restart, TakesOverEnginesWithoutTellingClients) {
  HubWorld before;
  before.join_engine("e0");
  before.join_engine("e7", 7);
  HubWorld after;
  ASSERT_TRUE(after.hub.restore(before.hub.engines_json(), after.out).has_value());
  after.settle();
  EXPECT_FALSE(after.has(Channel::kNotification));
  ASSERT_EQ(after.engine_changes.size(), 2u);
  EXPECT_EQ(after.engine_changes[1].uuid, EngineUuid("e7"));
  EXPECT_EQ(after.join_engine("e8"), EngineId(8));
  EXPECT_FALSE(after.hub.restore("nonsense", after.out).has_value());
}

TEST(Restart, DropsTakenOverEnginesThatAreGone) {
  HubWorld world({.heart = {.period = 1000ms, .misses_max = 2}});
  ASSERT_TRUE(
      world.hub.restore(R"({"engines": {"0": "gone"}, "next_id": 1})", world.out).has_value());
  world.advance(10s);
  EXPECT_EQ(world.take(Channel::kNotification).message.header.msg_type,
            "unregistration_notification");
}

TEST(Restart, KeepsTakenOverEnginesThatBeat) {
  HubWorld world({.heart = {.period = 1000ms, .misses_max = 2}});
  ASSERT_TRUE(
      world.hub.restore(R"({"engines": {"0": "here"}, "next_id": 1})", world.out).has_value());
  world.beating.insert("here");
  world.advance(20s);
  EXPECT_TRUE(world.hub.engines().is_live(EngineId(0)));
  EXPECT_FALSE(world.has(Channel::kNotification));
}

}  // namespace
}  // namespace trireme
