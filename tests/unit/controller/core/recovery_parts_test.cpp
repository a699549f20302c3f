// The small parts of recovery, each by itself.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "controller/recovery/attempt_header.hpp"
#include "controller/recovery/catch_up.hpp"
#include "controller/recovery/client_routes.hpp"
#include "controller/recovery/offer_schedule.hpp"
#include "controller/recovery/output_gate.hpp"

namespace trireme {
namespace {

using namespace std::chrono_literals;

constexpr Channel kTask = Channel::kTaskClients;

ClientRoutes::Reply reply_to(const std::string& id, bool is_doubtful = false) {
  return {MsgId(id), Frames{Frame("reply to " + id)}, is_doubtful};
}

std::vector<std::string> ids_of(const std::vector<ClientRoutes::Reply>& replies) {
  std::vector<std::string> ids;
  for (const ClientRoutes::Reply& reply : replies) ids.push_back(reply.request.str());
  return ids;
}

using Ids = std::vector<std::string>;

TEST(ClientRoutes, TheNewestConnectionOfASessionIsItsRoute) {
  ClientRoutes routes;
  EXPECT_TRUE(routes.learn(kTask, RoutingId("a"), SessionId("s")));
  EXPECT_FALSE(routes.learn(kTask, RoutingId("a"), SessionId("s")));
  EXPECT_TRUE(routes.learn(kTask, RoutingId("b"), SessionId("s")));
  EXPECT_EQ(routes.find(kTask, SessionId("s")), RoutingId("b"));
  EXPECT_FALSE(routes.find(Channel::kMuxClients, SessionId("s")));
  EXPECT_TRUE(routes.is_known(kTask, RoutingId("a")));
}

TEST(ClientRoutes, TheOldestConnectionsAreForgottenBeyondTheLimit) {
  ClientRoutes routes({.connections_max = 2});
  routes.learn(kTask, RoutingId("a"), SessionId("s"));
  routes.learn(kTask, RoutingId("b"), SessionId("t"));
  routes.learn(kTask, RoutingId("c"), SessionId("u"));
  EXPECT_FALSE(routes.find(kTask, SessionId("s")));
  EXPECT_FALSE(routes.is_known(kTask, RoutingId("a")));
  EXPECT_TRUE(routes.find(kTask, SessionId("t")));
}

TEST(ClientRoutes, ParkedRepliesAreTakenOnceByTheirSessionOnTheirChannel) {
  ClientRoutes routes;
  routes.park(kTask, SessionId("s"), reply_to("1"));
  routes.park(kTask, SessionId("t"), reply_to("2"));
  routes.park(Channel::kMuxClients, SessionId("s"), reply_to("3"));
  routes.park(kTask, SessionId("s"), reply_to("4"));
  EXPECT_EQ(ids_of(routes.take_parked(kTask, SessionId("s"))), (Ids{"1", "4"}));
  EXPECT_TRUE(routes.take_parked(kTask, SessionId("s")).empty());
  EXPECT_EQ(routes.parked_count(), 2u);
  EXPECT_TRUE(routes.is_parked(MsgId("3")));
  EXPECT_FALSE(routes.is_parked(MsgId("4")));
}

TEST(ClientRoutes, TheOldestRepliesMakeRoom) {
  ClientRoutes routes({.parked_bytes_max = 1000});
  Ids dropped;
  for (const char* id : {"1", "2", "3"}) {
    ClientRoutes::Reply reply{MsgId(id), Frames{Frame(std::string(300, 'x'))}};
    for (const MsgId& gone : routes.park(kTask, SessionId("s"), std::move(reply))) {
      dropped.push_back(gone.str());
    }
  }
  EXPECT_FALSE(dropped.empty());
  EXPECT_EQ(dropped.front(), "1");
  EXPECT_LE(routes.parked_bytes(), 1000u);
  EXPECT_EQ(routes.dropped_count(), dropped.size());
}

TEST(ClientRoutes, WhatAConnectionWasOfferedItIsNotGivenAgain) {
  ClientRoutes routes;
  routes.park(kTask, SessionId("s"), reply_to("1"));
  EXPECT_EQ(ids_of(routes.offer_parked(kTask, RoutingId("a"))), Ids{"1"});
  routes.park(kTask, SessionId("s"), reply_to("2"));
  routes.learn(kTask, RoutingId("a"), SessionId("s"));
  EXPECT_EQ(ids_of(routes.take_parked(kTask, SessionId("s"))), Ids{"2"});
}

TEST(ClientRoutes, DoubtfulRepliesComeLastAndOneAtATime) {
  ClientRoutes routes;
  routes.park(kTask, SessionId("s"), reply_to("maybe 1", true));
  routes.park(kTask, SessionId("s"), reply_to("maybe 2", true));
  routes.park(kTask, SessionId("s"), reply_to("sure"));
  const RoutingId silent("a");
  EXPECT_EQ(ids_of(routes.offer_parked(kTask, silent)), Ids{"sure"});
  EXPECT_EQ(ids_of(routes.offer_parked(kTask, silent)), Ids{"maybe 1"});
  EXPECT_EQ(ids_of(routes.offer_parked(kTask, silent)), Ids{"maybe 2"});
  EXPECT_TRUE(routes.offer_parked(kTask, silent).empty());
}

TEST(ClientRoutes, ARouteThatStandsForASessionIsNoOrdinaryOne) {
  const RoutingId route = route_of_session(SessionId("s"));
  EXPECT_EQ(session_of_route(route), SessionId("s"));
  EXPECT_FALSE(session_of_route(RoutingId(std::string_view("\0\1\2\3\4", 5))));
  EXPECT_FALSE(session_of_route(RoutingId("client")));
}

TEST(CatchUp, OnlyTheNewestFenceOfAPlaceCounts) {
  CatchUp catch_up;
  const EngineUuid engine("e");
  const Channel channel = Channel::kTaskEngines;
  catch_up.begin(channel, engine, MsgId("f1"), {MsgId("a")});
  catch_up.begin(channel, engine, MsgId("f2"), {MsgId("a"), MsgId("b")});
  EXPECT_FALSE(catch_up.on_answer(channel, engine, MsgId("f1")));
  EXPECT_FALSE(catch_up.on_answer(Channel::kMuxEngines, engine, MsgId("f2")));
  EXPECT_EQ(catch_up.on_answer(channel, engine, MsgId("f2"))->size(), 2u);
  EXPECT_FALSE(catch_up.on_answer(channel, engine, MsgId("f2")));
}

TEST(CatchUp, AnEngineThatIsGoneIsForgottenOnAllChannels) {
  CatchUp catch_up;
  catch_up.begin(Channel::kTaskEngines, EngineUuid("e"), MsgId("f1"), {});
  catch_up.begin(Channel::kMuxEngines, EngineUuid("e"), MsgId("f2"), {});
  catch_up.begin(Channel::kMuxEngines, EngineUuid("other"), MsgId("f3"), {});
  catch_up.forget(EngineUuid("e"));
  EXPECT_EQ(catch_up.open_count(), 1u);
}

TEST(OutputGate, AnAnswerReleasesWhatWasHeldWhenItWasAsked) {
  OutputGate gate;
  EXPECT_FALSE(gate.should_ask());
  gate.hold({kTask, Frames{Frame(std::string("1"))}});
  gate.hold({kTask, Frames{Frame(std::string("2"))}});
  EXPECT_TRUE(gate.should_ask());
  gate.asked();
  EXPECT_FALSE(gate.should_ask());
  gate.hold({kTask, Frames{Frame(std::string("3"))}});
  const auto released = gate.confirmed();
  ASSERT_EQ(released.size(), 2u);
  EXPECT_EQ(released[1].frames.front().view(), "2");
  EXPECT_EQ(gate.held_count(), 1u);
  EXPECT_TRUE(gate.should_ask());
}

TEST(OutputGate, ARefusalKeepsEverythingAndAsksAgain) {
  OutputGate gate;
  gate.hold({kTask, {}});
  gate.asked();
  gate.refused();
  EXPECT_EQ(gate.held_count(), 1u);
  EXPECT_TRUE(gate.should_ask());
}

TEST(OfferSchedule, PausesGrowUntilMoreIsParkedAndEndAfterSomeMinutes) {
  OfferSchedule schedule;
  Instant now{};
  EXPECT_FALSE(schedule.take(now));
  schedule.note(1, now);
  EXPECT_TRUE(schedule.take(now));
  EXPECT_FALSE(schedule.take(now));
  EXPECT_EQ(*schedule.next(), now + OfferSchedule::kFirstPause);
  std::vector<std::chrono::nanoseconds> pauses;
  while (schedule.next()) {
    pauses.push_back(*schedule.next() - now);
    now = *schedule.next();
    EXPECT_TRUE(schedule.take(now));
  }
  EXPECT_GT(pauses.back(), pauses.front());
  EXPECT_LE(pauses.back(), OfferSchedule::kLastPause);
  EXPECT_LE(now - Instant{}, OfferSchedule::kPatience);
  schedule.note(2, now);
  EXPECT_TRUE(schedule.take(now));
  schedule.note(0, now);
  EXPECT_FALSE(schedule.next());
}

TEST(AttemptHeader, AFurtherKeyLeavesAllOthersAsTheyAre) {
  const Frame header(std::string(R"({"msg_id": "a", "x": {"y": 1}})"));
  EXPECT_EQ(numbered_header(header, 3, "").view(),
            R"({"msg_id": "a", "x": {"y": 1}, "attempt": 3})");
  EXPECT_EQ(numbered_header(header, 2, "now").view(),
            R"({"msg_id": "a", "x": {"y": 1}, "attempt": 2, "run": "now"})");
  EXPECT_NE(repeated_header(header, Timestamp{}).view().find("\"repeated\""), std::string::npos);
}

}  // namespace
}  // namespace trireme
