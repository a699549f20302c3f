// Waiting for the results of others: few questions, no lost answer, no mixed-up buffers.
#include "client/hub_watch.hpp"

#include <gtest/gtest.h>

#include "tests/unit/client/client_world.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

List asked_for(const Message& request) {
  return parse_json(request.content_json.view()).at("msg_ids").as_list();
}

void answer_status(ClientWorld& world, const Message& request, List pending, List completed) {
  world.reply(
      ClientChannel::kQuery, request, "result_reply",
      Dict{{"status", "ok"}, {"pending", std::move(pending)}, {"completed", std::move(completed)}});
}

void answer_result(ClientWorld& world, const Message& request, const std::string& id,
                   Value result) {
  const EncodedValue encoded = encode_result(result);
  world.reply(ClientChannel::kQuery, request, "result_reply",
              Dict{{"status", "ok"}, {id, Dict{{"result_content", parse_json(encoded.json)}}}}, {},
              encoded.buffers);
}

TEST(HubWatch, ACompletedTaskIsFetchedAtOnce) {
  ClientWorld world;
  world.watch({"a"});
  const Message status = world.take_sent("result_request");
  EXPECT_EQ(parse_json(status.content_json.view()).at("status_only"), Value(true));
  answer_status(world, status, {}, {"a"});
  const Message fetch = world.take_sent("result_request");
  EXPECT_EQ(parse_json(fetch.content_json.view()).at("status_only"), Value(false));
  answer_result(world, fetch, "a", Array::of<int>({1, 2}));
  EXPECT_EQ(world.take_ended().reply.value, Value(Array::of<int>({1, 2})));
}

TEST(HubWatch, PendingTasksAreAskedForAgainLessAndLessOften) {
  ClientWorld world;
  world.watch({"a", "b"});
  answer_status(world, world.take_sent("result_request"), {"a", "b"}, {});
  world.pass(milliseconds(9));
  EXPECT_EQ(world.sent_count(), 0u);
  world.pass(milliseconds(1));
  answer_status(world, world.take_sent("result_request"), {"a"}, {"b"});
  answer_result(world, world.take_sent("result_request"), "b", "bee");
  const auto ended = world.take_ended();
  EXPECT_EQ(ended.task.index, 1u);
  EXPECT_EQ(ended.reply.value, Value("bee"));
  world.pass(milliseconds(19));
  EXPECT_EQ(world.sent_count(), 0u);
  world.pass(milliseconds(1));
  const Message again = world.take_sent("result_request");
  EXPECT_EQ(asked_for(again), List{"a"});
  answer_status(world, again, {}, {"a"});
  answer_result(world, world.take_sent("result_request"), "a", 1);
  EXPECT_EQ(world.take_ended().task.index, 0u);
  EXPECT_EQ(world.core().next_deadline(), std::nullopt);
}

TEST(HubWatch, TheSameTaskTwiceIsAskedForOnceAndAnsweredTwice) {
  ClientWorld world;
  world.watch({"a", "a"});
  const Message status = world.take_sent("result_request");
  EXPECT_EQ(asked_for(status), List{"a"});
  answer_status(world, status, {}, {"a"});
  answer_result(world, world.take_sent("result_request"), "a", 5);
  EXPECT_EQ(world.take_ended().reply.value, Value(5));
  EXPECT_EQ(world.take_ended().reply.value, Value(5));
}

TEST(HubWatch, AnUnknownTaskIsAFailedQuery) {
  ClientWorld world;
  world.watch({"a"});
  world.reply(ClientChannel::kQuery, world.take_sent("result_request"), "result_reply",
              Dict{{"status", "error"}, {"ename", "KeyError"}, {"evalue", "'No such message: a'"}});
  EXPECT_EQ(world.take_ended().reply.failure_kind, CallFailureKind::kQuery);
}

TEST(HubWatch, AMalformedAnswerDoesNotEndTheWatch) {
  ClientWorld world;
  world.watch({"a"});
  world.reply(ClientChannel::kQuery, world.take_sent("result_request"), "result_reply",
              Dict{{"status", "ok"}, {"completed", List{5, nullptr, "other"}}});
  world.pass(milliseconds(10));
  answer_status(world, world.take_sent("result_request"), {}, {"a"});
  answer_result(world, world.take_sent("result_request"), "a", 5);
  EXPECT_EQ(world.take_ended().reply.value, Value(5));
}

}  // namespace
}  // namespace trireme
