// The client's bookkeeping: every request ends once, whatever peers do.
#include "client/client_core.hpp"

#include <gtest/gtest.h>

#include "tests/unit/client/client_world.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kOk = CallFailureKind::kNone;

TEST(ClientCore, KnowsTheEnginesOnceTheHubHasAnswered) {
  ClientWorld world;
  world.start();
  EXPECT_FALSE(world.core().is_connected());
  world.answer_engines(world.take_sent("connection_request"), {{0, "e0"}, {2, "e2"}});
  EXPECT_TRUE(world.core().is_connected());
  EXPECT_TRUE(world.take_engines_changed());
  EXPECT_EQ(world.ids(), (std::vector<int>{0, 2}));
}

TEST(ClientCore, IsConnectedToAClusterWithoutEngines) {
  ClientWorld world;
  world.connect({});
  EXPECT_TRUE(world.core().is_connected());
  EXPECT_TRUE(world.take_engines_changed());
}

TEST(ClientCore, AnEngineWhoseNotificationWasMissedIsFoundByTheSecondQuestion) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.pass(milliseconds(300));
  world.answer_engines(world.take_sent("connection_request"), {{0, "e0"}, {1, "e1"}});
  EXPECT_EQ(world.ids(), (std::vector<int>{0, 1}));
}

TEST(ClientCore, AnOldListDoesNotBringADeadEngineBack) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.pass(milliseconds(300));
  world.notify("unregistration_notification", 0, "e0");
  world.notify("registration_notification", 1, "e1");
  world.answer_engines(world.take_sent("connection_request"), {{0, "e0"}});
  EXPECT_EQ(world.ids(), (std::vector<int>{1}));
}

TEST(ClientCore, AnEngineMissingFromTheListIsGone) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  world.submit(world.request(ClientChannel::kMux, "m", {"e0"}));
  world.take_sent("apply_request");
  world.pass(milliseconds(300));
  world.answer_engines(world.take_sent("connection_request"), {{1, "e1"}});
  EXPECT_EQ(world.ids(), (std::vector<int>{1}));
  world.pass(milliseconds(500));
  EXPECT_EQ(world.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
}

TEST(ClientCore, NotificationsChangeTheTable) {
  ClientWorld world;
  world.connect({});
  world.take_engines_changed();
  world.notify("registration_notification", 3, "e3");
  EXPECT_TRUE(world.take_engines_changed());
  EXPECT_EQ(world.ids(), (std::vector<int>{3}));
  world.notify("registration_notification", 3, "e3");
  EXPECT_FALSE(world.take_engines_changed());
  world.notify("unregistration_notification", 3, "e3");
  EXPECT_TRUE(world.take_engines_changed());
  EXPECT_TRUE(world.ids().empty());
}

TEST(ClientCore, ADirectRequestNamesItsEngineAndEndsWithItsReply) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kMux, "m", {"e0"}));
  const Message sent = world.take_sent("apply_request");
  EXPECT_EQ(world.last_channel(), ClientChannel::kMux);
  ASSERT_EQ(sent.identities.size(), 1u);
  EXPECT_EQ(sent.identities[0].view(), "e0");
  EXPECT_EQ(sent.header.msg_id, MsgId("m"));
  EXPECT_EQ(sent.header.session, SessionId("client"));
  world.reply_result(sent, 42);
  const auto ended = world.take_ended();
  EXPECT_EQ(ended.reply.failure_kind, kOk);
  EXPECT_EQ(ended.reply.value, Value(42));
  EXPECT_EQ(ended.reply.engine_id, 0);
  EXPECT_EQ(world.core().pending(), 0u);
}

TEST(ClientCore, ALateTwinIsCountedAndDropped) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kTask, "m"));
  const Message sent = world.take_sent("apply_request");
  EXPECT_TRUE(sent.identities.empty());
  world.reply_result(sent, 1);
  world.reply_result(sent, 2);
  EXPECT_EQ(world.take_ended().reply.value, Value(1));
  EXPECT_EQ(world.core().late_replies(), 1u);
}

TEST(ClientCore, ARepliedTaskWaitsForTheEndOfItsOutput) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  Submission submission = world.request(ClientChannel::kTask, "m");
  submission.shows_output = true;
  world.submit(std::move(submission));
  const Message sent = world.take_sent("apply_request");
  world.publish(sent.header_json.to_string(), "stream", Dict{{"name", "stdout"}, {"text", "a"}});
  world.reply_result(sent, 1);
  world.take_ended();
  world.publish(sent.header_json.to_string(), "stream", Dict{{"name", "stderr"}, {"text", "b"}});
  world.idle(sent);
  const auto shown = world.take_shown();
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_EQ(shown[0].output.text, "a");
  EXPECT_EQ(shown[1].output.kind, CallOutput::Kind::kStderr);
  EXPECT_EQ(shown[2].output.kind, CallOutput::Kind::kIdle);
  EXPECT_EQ(world.core().pending(), 0u);
}

TEST(ClientCore, OutputThatNeverEndsIsGivenUpAfterTheGrace) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  Submission submission = world.request(ClientChannel::kTask, "m");
  submission.shows_output = true;
  world.submit(std::move(submission));
  world.reply_result(world.take_sent("apply_request"), 1);
  world.take_ended();
  EXPECT_EQ(world.core().pending(), 1u);
  world.pass(seconds(5));
  world.answer_engines(world.take_sent("connection_request"), {{0, "e0"}});
  world.take_sent("connection_request");
  ASSERT_EQ(world.take_shown().size(), 1u);
  EXPECT_EQ(world.core().pending(), 0u);
}

TEST(ClientCore, OutputOfOtherClientsIsIgnored) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kTask, "m"));
  Header other = world.take_sent("apply_request").header;
  other.session = SessionId("another client");
  world.publish(header_json(other), "stream", Dict{{"name", "stdout"}, {"text", "x"}});
  world.publish("{}", "status", Dict{{"execution_state", "starting"}});
  EXPECT_TRUE(world.take_shown().empty());
}

TEST(ClientCore, TasksOfADeadEngineFailAfterTheGrace) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  world.submit(world.request(ClientChannel::kMux, "on0", {"e0"}));
  world.submit(world.request(ClientChannel::kMux, "on1", {"e1"}));
  world.submit(world.request(ClientChannel::kTask, "anywhere"));
  for (int i = 0; i < 3; ++i) world.take_sent("apply_request");
  world.notify("unregistration_notification", 0, "e0");
  EXPECT_TRUE(world.nothing_ended());
  world.pass(milliseconds(500));
  world.take_sent("connection_request");
  const auto ended = world.take_ended();
  EXPECT_EQ(ended.reply.failure_kind, CallFailureKind::kEngineDied);
  EXPECT_EQ(ended.reply.failure.evalue, "Engine 0 died while running task 'on0'");
  EXPECT_EQ(ended.reply.failure.engine_uuid, "e0");
  EXPECT_EQ(ended.reply.engine_id, 0);
  EXPECT_EQ(world.core().pending(), 2u);
}

TEST(ClientCore, AReplyOnItsWayWinsOverTheNewsOfItsEnginesDeath) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kMux, "m", {"e0"}));
  const Message sent = world.take_sent("apply_request");
  world.notify("unregistration_notification", 0, "e0");
  world.reply_result(sent, 5);
  EXPECT_EQ(world.take_ended().reply.value, Value(5));
  world.pass(milliseconds(500));
  world.take_sent("connection_request");
  EXPECT_TRUE(world.nothing_ended());
}

TEST(ClientCore, ARequestForAnEngineThatHasJustLeftFailsAtOnce) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.notify("unregistration_notification", 0, "e0");
  world.submit(world.request(ClientChannel::kMux, "m", {"e0"}));
  world.take_sent("apply_request");
  EXPECT_EQ(world.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
}

TEST(ClientCore, AskingAnEngineToEndSucceedsWhenItIsGoneWithoutAnAnswer) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  Submission submission = world.request(ClientChannel::kControl, "m", {"e0"});
  submission.ends_with_its_engine = true;
  world.submit(std::move(submission));
  world.take_sent("apply_request");
  world.notify("unregistration_notification", 0, "e0");
  world.pass(milliseconds(500));
  world.take_sent("connection_request");
  EXPECT_EQ(world.take_ended().reply.failure_kind, kOk);
}

TEST(ClientCore, EachEngineOfABroadcastAnswersForItself) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  world.submit(world.request(ClientChannel::kBroadcast, "b", {"e0", "e1"}));
  const Message sent = world.take_sent("apply_request");
  EXPECT_TRUE(sent.identities.empty());
  for (const char* uuid : {"e1", "e0"}) {
    world.reply_to_header(ClientChannel::kBroadcast, ClientWorld::part_header(sent, uuid),
                          "apply_reply", Dict{{"status", "ok"}, {"result", uuid}},
                          Dict{{"engine", uuid}, {"original_msg_id", "b"}});
  }
  const auto first = world.take_ended();
  EXPECT_EQ(first.task.index, 1u);
  EXPECT_EQ(first.reply.value, Value("e1"));
  EXPECT_EQ(world.take_ended().task.index, 0u);
}

TEST(ClientCore, OneJoinedReplyAnswersForAllEnginesInItsOwnOrder) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  Submission submission = world.request(ClientChannel::kBroadcast, "b", {"e0", "e1"});
  submission.is_coalescing = true;
  world.submit(std::move(submission));
  const Message sent = world.take_sent("apply_request");
  Frames joined;
  for (const char* result : {"one", "zero"}) {
    const EncodedValue packed = encode_result(result, ResultForm::kPacked);
    joined.insert(joined.end(), packed.buffers.begin(), packed.buffers.end());
  }
  world.reply_to_header(
      ClientChannel::kBroadcast, ClientWorld::part_header(sent, "e1"), "apply_reply",
      Dict{{"status", "ok"}},
      Dict{{"original_msg_id", "b"}, {"broadcast_targets", List{List{"e1", 1}, List{"e0", 0}}}},
      joined);
  const auto first = world.take_ended();
  EXPECT_EQ(first.task.index, 0u);
  EXPECT_EQ(first.reply.value, Value("zero"));
  EXPECT_EQ(first.reply.engine_id, 0);
  const auto second = world.take_ended();
  EXPECT_EQ(second.reply.value, Value("one"));
  EXPECT_EQ(second.reply.engine_id, 1);
  EXPECT_EQ(world.core().pending(), 0u);
}

TEST(ClientCore, AJoinedFailureIsTheFailureOfAll) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  Submission submission = world.request(ClientChannel::kBroadcast, "b", {"e0", "e1"});
  submission.is_coalescing = true;
  world.submit(std::move(submission));
  world.reply(ClientChannel::kBroadcast, world.take_sent("apply_request"), "apply_reply",
              Dict{{"status", "error"}, {"ename", "E"}, {"evalue", "x"}},
              Dict{{"original_msg_id", "b"}});
  EXPECT_EQ(world.take_ended().reply.failure.ename, "E");
  EXPECT_EQ(world.take_ended().reply.failure.ename, "E");
}

TEST(ClientCore, TheDeathOfOneEngineEndsAJoinedBroadcast) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  Submission submission = world.request(ClientChannel::kBroadcast, "b", {"e0", "e1"});
  submission.is_coalescing = true;
  world.submit(std::move(submission));
  world.take_sent("apply_request");
  world.notify("unregistration_notification", 0, "e0");
  world.pass(milliseconds(500));
  world.take_sent("connection_request");
  EXPECT_EQ(world.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
  EXPECT_EQ(world.take_ended().reply.failure_kind, CallFailureKind::kEngineDied);
}

TEST(ClientCore, AbortNamesDirectTasksToTheirEngineAndOthersToAll) {
  ClientWorld world;
  world.connect({{0, "e0"}, {1, "e1"}});
  world.submit(world.request(ClientChannel::kMux, "direct", {"e0"}));
  world.submit(world.request(ClientChannel::kTask, "balanced"));
  world.take_sent("apply_request");
  world.take_sent("apply_request");
  world.abort(std::nullopt);
  const Message cancel = world.take_sent("cancel_request");
  EXPECT_EQ(world.last_channel(), ClientChannel::kTask);
  EXPECT_EQ(parse_json(cancel.content_json.view()).at("msg_ids").size(), 2u);
  const Message first = world.take_sent("abort_request");
  EXPECT_EQ(first.identities.at(0).view(), "e0");
  EXPECT_EQ(world.last_channel(), ClientChannel::kControl);
  const Message second = world.take_sent("abort_request");
  EXPECT_EQ(second.identities.at(0).view(), "e1");
  EXPECT_EQ(parse_json(second.content_json.view()).at("msg_ids"), Value(List{"balanced"}));
  EXPECT_EQ(parse_json(first.content_json.view()).at("msg_ids").size(), 2u);
}

TEST(ClientCore, NoStockSchedulerIsAskedToCancel) {
  ClientWorld world;
  world.be_stock();
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kTask, "m"));
  world.take_sent("apply_request");
  world.abort(std::nullopt);
  world.take_sent("abort_request");
  EXPECT_EQ(world.sent_count(), 0u);
}

TEST(ClientCore, TheAnswerToACancellationEndsIt) {
  ClientWorld world;
  world.connect({});
  world.abort(std::vector<MsgId>{MsgId("m")});
  world.reply(ClientChannel::kTask, world.take_sent("cancel_request"), "cancel_reply",
              Dict{{"status", "ok"}, {"tasks", Dict{{"m", "absent"}}}});
  EXPECT_EQ(world.core().pending(), 0u);
  EXPECT_EQ(world.core().late_replies(), 0u);
}

TEST(ClientCore, GivingUpNothingAsksNobody) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.abort(std::nullopt);
  EXPECT_EQ(world.sent_count(), 0u);
}

TEST(ClientCore, HubErrorsAreQueryFailures) {
  ClientWorld world;
  world.connect({});
  world.submit(world.request(ClientChannel::kQuery, "q"));
  world.reply(ClientChannel::kQuery, world.take_sent("queue_request"), "hub_error",
              Dict{{"status", "error"}, {"ename", "IndexError"}, {"evalue", "No Such Engine"}});
  const auto ended = world.take_ended();
  EXPECT_EQ(ended.reply.failure_kind, CallFailureKind::kQuery);
  EXPECT_EQ(ended.reply.failure.ename, "IndexError");
}

TEST(ClientCore, ClosingFailsEverythingThatIsPending) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.submit(world.request(ClientChannel::kTask, "m"));
  world.take_sent("apply_request");
  world.watch({"x"});
  world.take_sent("result_request");
  world.close("over");
  for (int i = 0; i < 2; ++i) {
    const auto ended = world.take_ended();
    EXPECT_EQ(ended.reply.failure_kind, CallFailureKind::kConnection);
    EXPECT_EQ(ended.reply.failure.evalue, "over");
  }
  EXPECT_EQ(world.core().next_deadline(), std::nullopt);
}

TEST(ClientCore, AShutdownOfTheControllerIsReported) {
  ClientWorld world;
  world.connect({});
  world.notify("shutdown_notification", 0, "");
  EXPECT_TRUE(world.controller_is_gone());
}

TEST(ClientCore, StrangeMessagesChangeNothing) {
  ClientWorld world;
  world.connect({{0, "e0"}});
  world.take_engines_changed();
  for (const auto channel : {ClientChannel::kQuery, ClientChannel::kTask, ClientChannel::kMux,
                             ClientChannel::kIopub, ClientChannel::kBroadcast}) {
    world.reply_to_header(channel, "{}", "apply_reply", {});
    world.reply_to_header(channel, R"({"msg_id": 3})", "unknown", Dict{{"status", 5}});
  }
  for (const char* type : {"registration_notification", "unregistration_notification", "other"}) {
    world.reply_to_header(ClientChannel::kNotification, "{}", type, {});
    world.reply_to_header(ClientChannel::kNotification, "{}", type, Dict{{"id", "x"}, {"uuid", 5}});
  }
  EXPECT_TRUE(world.nothing_ended());
  EXPECT_FALSE(world.take_engines_changed());
  EXPECT_EQ(world.ids(), (std::vector<int>{0}));
}

TEST(ClientCore, AMalformedListOfEnginesIsIgnored) {
  ClientWorld world;
  world.start();
  world.reply(ClientChannel::kQuery, world.take_sent("connection_request"), "connection_reply",
              Dict{{"engines", Dict{{"zero", "e0"}, {"1", 5}, {"2", "e2"}}}});
  EXPECT_EQ(world.ids(), (std::vector<int>{2}));
}

}  // namespace
}  // namespace trireme
