// The controller goes away and comes back: every call ends as if it had stayed.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/client_world.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr ClientChannel kWork[] = {ClientChannel::kMux, ClientChannel::kTask,
                                   ClientChannel::kBroadcast};
constexpr ClientChannel kDealers[] = {ClientChannel::kQuery, ClientChannel::kMux,
                                      ClientChannel::kControl, ClientChannel::kTask,
                                      ClientChannel::kBroadcast};

class ClientReturn : public testing::Test {
 protected:
  void connect() {
    for (const ClientChannel channel : kDealers) world_.make_connection(channel);
    world_.connect({{0, "e0"}, {1, "e1"}});
  }
  void go_away() {
    for (const ClientChannel channel : kDealers) world_.lose_connection(channel);
  }
  /// The hub's channel comes back and tells these engines.
  void come_back(const std::map<int, std::string>& engines) {
    world_.make_connection(ClientChannel::kQuery);
    world_.answer_engines(world_.take_sent("connection_request"), engines);
  }
  Message submitted(ClientChannel channel, const std::string& id,
                    std::vector<std::string> engines = {}) {
    world_.submit(world_.request(channel, id, std::move(engines)));
    return world_.take_sent("apply_request");
  }
  /// Asked for again by the schedule, answered with the same engines.
  void take_refreshes(const std::map<int, std::string>& engines) {
    while (world_.sent_count() > 0) {
      world_.answer_engines(world_.take_sent("connection_request"), engines);
    }
  }

  ClientWorld world_;
  const std::map<int, std::string> both_{{0, "e0"}, {1, "e1"}};
};

TEST_F(ClientReturn, AFirstConnectionIsNoReturn) {
  connect();
  EXPECT_EQ(world_.sent_count(), 0u);
  EXPECT_TRUE(world_.take_reopened().empty());
}

TEST_F(ClientReturn, ALostChannelIsOpenedAnewOnce) {
  connect();
  go_away();
  EXPECT_EQ(world_.take_reopened(),
            std::vector<ClientChannel>(std::begin(kDealers), std::end(kDealers)));
  go_away();
  EXPECT_TRUE(world_.take_reopened().empty());
}

TEST_F(ClientReturn, RequestsAreRepeatedWordForWordAfterAGreeting) {
  for (const ClientChannel channel : kWork) {
    ClientWorld world;
    world.make_connection(channel);
    world.connect(both_);
    world.submit(world.request(channel, "m", {"e0"}));
    const Message first = world.take_sent("apply_request");
    world.lose_connection(channel);
    world.take_reopened();
    world.pass(milliseconds(200));
    EXPECT_EQ(world.sent_count(), 0u);
    world.make_connection(channel);
    const Message hello = world.take_sent("hello_request");
    EXPECT_EQ(world.last_channel(), channel);
    EXPECT_EQ(hello.header.session, first.header.session);
    EXPECT_GT(hello.header.date, first.header.date);
    const Message again = world.take_sent("apply_request");
    EXPECT_EQ(world.last_channel(), channel);
    EXPECT_EQ(again.header_json.view(), first.header_json.view());
    EXPECT_EQ(again.identities, first.identities);
    EXPECT_EQ(again.content_json.view(), first.content_json.view());
    EXPECT_EQ(world.core().repeated_requests(), 1u);
    world.close("end of test");
    world.take_ended();
  }
}

TEST_F(ClientReturn, ARepliedRequestIsNotRepeatedAndItsSecondReplyIsDropped) {
  connect();
  const Message sent = submitted(ClientChannel::kTask, "m");
  world_.reply_result(sent, 1);
  world_.take_ended();
  world_.lose_connection(ClientChannel::kTask);
  world_.make_connection(ClientChannel::kTask);
  EXPECT_EQ(world_.sent_count(), 0u);
  world_.reply_result(sent, 1);
  EXPECT_TRUE(world_.nothing_ended());
  EXPECT_EQ(world_.core().late_replies(), 1u);
}

TEST_F(ClientReturn, ACallThatWasRepeatedEndsOnce) {
  connect();
  const Message sent = submitted(ClientChannel::kMux, "m", {"e0"});
  world_.lose_connection(ClientChannel::kMux);
  world_.make_connection(ClientChannel::kMux);
  world_.take_sent("hello_request");
  world_.take_sent("apply_request");
  world_.reply_result(sent, 7);
  world_.reply_result(sent, 7);
  EXPECT_EQ(world_.take_ended().reply.value, Value(7));
  EXPECT_EQ(world_.core().late_replies(), 1u);
}

TEST_F(ClientReturn, WhatIsSubmittedInTheMeantimeGoesOutBehindTheOlder) {
  connect();
  submitted(ClientChannel::kMux, "push", {"e0"});
  world_.lose_connection(ClientChannel::kMux);
  world_.submit(world_.request(ClientChannel::kMux, "use", {"e0"}));
  EXPECT_EQ(world_.sent_count(), 0u);
  world_.make_connection(ClientChannel::kMux);
  world_.take_sent("hello_request");
  EXPECT_EQ(world_.take_sent("apply_request").header.msg_id, MsgId("push"));
  EXPECT_EQ(world_.take_sent("apply_request").header.msg_id, MsgId("use"));
  world_.close("end of test");
  for (int i = 0; i < 2; ++i) world_.take_ended();
}

TEST_F(ClientReturn, ABroadcastIsRepeatedUntilItsLastEngineHasAnswered) {
  connect();
  const Message sent = submitted(ClientChannel::kBroadcast, "b", {"e0", "e1"});
  const auto answer = [&](const char* uuid) {
    world_.reply_to_header(ClientChannel::kBroadcast, ClientWorld::part_header(sent, uuid),
                           "apply_reply", Dict{{"status", "ok"}, {"result", uuid}},
                           Dict{{"engine", uuid}, {"original_msg_id", "b"}});
    world_.take_ended();
  };
  answer("e0");
  world_.lose_connection(ClientChannel::kBroadcast);
  world_.make_connection(ClientChannel::kBroadcast);
  world_.take_sent("hello_request");
  EXPECT_EQ(world_.take_sent("apply_request").header_json.view(), sent.header_json.view());
  answer("e1");
  world_.lose_connection(ClientChannel::kBroadcast);
  world_.make_connection(ClientChannel::kBroadcast);
  EXPECT_EQ(world_.sent_count(), 0u);
}

TEST_F(ClientReturn, AStockControllerIsNeitherGreetedNorToldAgain) {
  world_.be_stock();
  connect();
  submitted(ClientChannel::kTask, "m");
  world_.lose_connection(ClientChannel::kTask);
  EXPECT_TRUE(world_.take_reopened().empty());
  world_.make_connection(ClientChannel::kTask);
  EXPECT_EQ(world_.sent_count(), 0u);
  world_.close("end of test");
  world_.take_ended();
}

TEST_F(ClientReturn, ARequestThatIsNotKeptIsWaitedForAfterAGreeting) {
  ClientCoreOptions options;
  options.repeats_requests = false;
  ClientWorld world(options);
  world.make_connection(ClientChannel::kTask);
  world.connect(both_);
  world.submit(world.request(ClientChannel::kTask, "m"));
  const Message sent = world.take_sent("apply_request");
  world.lose_connection(ClientChannel::kTask);
  world.make_connection(ClientChannel::kTask);
  world.take_sent("hello_request");
  EXPECT_EQ(world.sent_count(), 0u);
  world.reply_result(sent, 3);
  EXPECT_EQ(world.take_ended().reply.value, Value(3));
}

TEST_F(ClientReturn, QuestionsToTheHubAreAskedAgain) {
  connect();
  world_.submit(world_.request(ClientChannel::kQuery, "q"));
  const Message asked = world_.take_sent("queue_request");
  world_.watch({"x"});
  world_.take_sent("result_request");
  world_.lose_connection(ClientChannel::kQuery);
  world_.pass(milliseconds(200));
  come_back(both_);
  const Message again = world_.take_sent("queue_request");
  EXPECT_EQ(again.header.msg_id, asked.header.msg_id);
  EXPECT_GT(again.header.date, asked.header.date) << "the hub takes it for a replay";
  world_.take_sent("result_request");
  world_.close("end of test");
  for (int i = 0; i < 2; ++i) world_.take_ended();
}

TEST_F(ClientReturn, RequestsOnTheControlChannelAreMadeAgain) {
  connect();
  const Message asked = submitted(ClientChannel::kControl, "c", {"e0"});
  world_.lose_connection(ClientChannel::kControl);
  world_.pass(milliseconds(200));
  world_.make_connection(ClientChannel::kControl);
  const Message again = world_.take_sent("apply_request");
  EXPECT_EQ(again.header.msg_id, asked.header.msg_id);
  EXPECT_GT(again.header.date, asked.header.date) << "its engine takes it for a replay";
  world_.close("end of test");
  world_.take_ended();
}

TEST_F(ClientReturn, AWatchedResultThatWasOnItsWayIsFetchedAgain) {
  connect();
  world_.watch({"x", "x"});
  world_.reply(ClientChannel::kQuery, world_.take_sent("result_request"), "result_reply",
               Dict{{"status", "ok"}, {"pending", List{}}, {"completed", List{"x"}}});
  const Message lost = world_.take_sent("result_request");
  world_.lose_connection(ClientChannel::kQuery);
  come_back(both_);
  const Message again = world_.take_sent("result_request");
  EXPECT_EQ(again.content_json.view(), lost.content_json.view());
  const Dict record{{"result_content", Dict{{"status", "ok"}, {"result", 5}}}};
  world_.reply(ClientChannel::kQuery, again, "result_reply", Dict{{"status", "ok"}, {"x", record}});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(world_.take_ended().reply.value, Value(5));
}

TEST_F(ClientReturn, WhatMustNotBeRepeatedFailsAndSaysWhy) {
  connect();
  Submission resubmit = world_.request(ClientChannel::kQuery, "r");
  resubmit.msg_type = "resubmit_request";
  world_.submit(std::move(resubmit));
  world_.take_sent("resubmit_request");
  Submission signal = world_.request(ClientChannel::kControl, "s", {"e0"});
  signal.msg_type = "signal_request";
  world_.submit(std::move(signal));
  world_.take_sent("signal_request");
  go_away();
  come_back(both_);
  world_.make_connection(ClientChannel::kControl);
  EXPECT_EQ(world_.sent_count(), 0u);
  for (int i = 0; i < 2; ++i) {
    const auto ended = world_.take_ended();
    EXPECT_EQ(ended.reply.failure_kind, CallFailureKind::kConnection);
    EXPECT_NE(ended.reply.failure.evalue.find("not known"), std::string::npos);
  }
}

TEST_F(ClientReturn, EnginesThatFindTheControllerLaterKeepTheirTasks) {
  connect();
  const Message sent = submitted(ClientChannel::kMux, "m", {"e0"});
  world_.lose_connection(ClientChannel::kQuery);
  come_back({});
  world_.pass(seconds(1));
  take_refreshes({{1, "e1"}});
  EXPECT_TRUE(world_.nothing_ended());
  world_.notify("registration_notification", 0, "e0");
  world_.pass(seconds(30));
  take_refreshes(both_);
  world_.pass(seconds(30));
  EXPECT_TRUE(world_.nothing_ended());
  world_.reply_result(sent, 4);
  EXPECT_EQ(world_.take_ended().reply.value, Value(4));
}

TEST_F(ClientReturn, EnginesThatStayAwayAreBelievedDeadInTheEnd) {
  connect();
  submitted(ClientChannel::kMux, "m", {"e0"});
  world_.lose_connection(ClientChannel::kQuery);
  come_back({{1, "e1"}});
  world_.pass(seconds(19));
  take_refreshes({{1, "e1"}});
  EXPECT_TRUE(world_.nothing_ended());
  world_.pass(seconds(1));
  take_refreshes({{1, "e1"}});
  EXPECT_EQ(world_.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
}

TEST_F(ClientReturn, AnEngineReportedGoneAfterTheReturnIsBelievedGoneSoon) {
  connect();
  submitted(ClientChannel::kMux, "m", {"e0"});
  world_.lose_connection(ClientChannel::kQuery);
  come_back(both_);
  world_.notify("unregistration_notification", 0, "e0");
  world_.pass(milliseconds(500));
  take_refreshes({{1, "e1"}});
  EXPECT_EQ(world_.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
}

}  // namespace
}  // namespace trireme
