// What traffic leaves in the records, and what the log remembers besides.
#include "controller/hub/task_log.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include <nlohmann/json.hpp>

#include "controller/hub/json_fields.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using namespace std::chrono_literals;

TaskRecord record_of(HubWorld& world, const MsgId& msg_id) {
  auto record = world.store.get(msg_id);
  EXPECT_TRUE(record.has_value() && record->has_value()) << msg_id.str();
  return record && *record ? **record : TaskRecord();
}

TEST(TaskLog, RecordsADirectTaskFromRequestToReply) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0", "apply_request", Frames{Frame(std::string("arg"))});
  EXPECT_TRUE(world.hub.log().direct().is_pending(task));
  TaskRecord record = record_of(world, task);
  EXPECT_EQ(record.queue, "mux");
  EXPECT_EQ(record.engine_uuid, "e0");
  EXPECT_EQ(record.client_uuid, "client-session");
  EXPECT_FALSE(record.completed.has_value());
  world.reply_direct("e0", task, Frames{Frame(std::string("result"))});
  record = record_of(world, task);
  EXPECT_TRUE(record.completed.has_value());
  EXPECT_EQ(record.received, world.now.timestamp);
  EXPECT_EQ(record.result_buffers, Frames{Frame(std::string("result"))});
  EXPECT_FALSE(world.hub.log().direct().is_pending(task));
  EXPECT_EQ(world.hub.log().completed_on(id), 1u);
}

TEST(TaskLog, RefusesADuplicateOfAPendingTask) {
  HubWorld world;
  world.join_engine("e0");
  const Message request = world.client_message("apply_request", "{}");
  EXPECT_TRUE(world.hub.log().direct_submitted(EngineUuid("e0"), Message(request), TaskQueue::kMux,
                                               world.out));
  EXPECT_FALSE(world.hub.log().direct_submitted(EngineUuid("e0"), Message(request), TaskQueue::kMux,
                                                world.out));
  EXPECT_EQ(world.out.records.size(), 1u);
}

TEST(TaskLog, RecordsNoRequestForAnEngineThatIsNotHere) {
  HubWorld world;
  const MsgId task = world.submit_direct("nobody");
  EXPECT_FALSE(world.hub.log().direct().is_pending(task));
  EXPECT_TRUE(world.records.empty());
}

TEST(TaskLog, CountsCommMessagesForNothing) {
  HubWorld world;
  world.join_engine("e0");
  for (const char* type : {"comm_open", "comm_msg", "comm_close"}) {
    EXPECT_FALSE(world.hub.log().direct().is_pending(world.submit_direct("e0", type)));
  }
  EXPECT_TRUE(world.records.empty());
}

TEST(TaskLog, IgnoresRepliesToNothing) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  world.reply_direct("e0", task);
  const std::size_t before = world.records.size();
  world.reply_direct("e0", task);
  world.reply_direct("e0", MsgId("unheard of"));
  EXPECT_EQ(world.records.size(), before);
  EXPECT_EQ(world.hub.log().completed_on(id), 1u);
}

TEST(TaskLog, FollowsALoadBalancedTask) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_task();
  EXPECT_EQ(record_of(world, task).queue, "task");
  EXPECT_FALSE(record_of(world, task).engine_uuid.has_value());
  world.assign_task(task, "e0");
  EXPECT_EQ(record_of(world, task).engine_uuid, "e0");
  world.finish_task(task, "e0");
  EXPECT_TRUE(record_of(world, task).completed.has_value());
  EXPECT_EQ(world.hub.log().completed_on(id), 1u);
}

TEST(TaskLog, DoesNotCountAbortedTasksAsCompleted) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_task();
  world.assign_task(task, "e0");
  world.finish_task(task, "e0", false);
  EXPECT_EQ(world.hub.log().completed_on(id), 0u);
  EXPECT_TRUE(record_of(world, task).completed.has_value());
}

TEST(TaskLog, KeepsOutputByTheRequestItBelongsTo) {
  HubWorld world;
  world.join_engine("e0");
  const MsgId task = world.submit_direct("e0", "execute_request");
  world.output("e0", task, "execute_input", R"({"code": "x = 1", "execution_count": 1})");
  world.output("e0", task, "stream", R"({"name": "stdout", "text": "1\n"})");
  world.output("e0", task, "stream", R"({"name": "stdout", "text": "2\n"})");
  world.output("e0", task, "stream", R"({"name": "stderr", "text": "oh"})");
  world.output("e0", task, "execute_result", R"({"data": {"text/plain": "1"}})");
  world.output("e0", task, "error", R"({"ename": "E", "evalue": "", "traceback": []})");
  const TaskRecord record = record_of(world, task);
  EXPECT_EQ(record.execute_input, "x = 1");
  EXPECT_EQ(record.stdout_text, "1\n2\n");
  EXPECT_EQ(record.stderr_text, "oh");
  EXPECT_EQ(canonical(record.execute_result.value_or("")), R"({"data":{"text/plain":"1"}})");
  EXPECT_EQ(canonical(record.error.value_or("")), R"({"ename":"E","evalue":"","traceback":[]})");
}

TEST(TaskLog, KeepsOutputThatComesBeforeItsRequest) {
  HubWorld world;
  world.join_engine("e0");
  world.output("e0", MsgId("early"), "stream", R"({"name": "stdout", "text": "x"})");
  EXPECT_EQ(record_of(world, MsgId("early")).stdout_text, "x");
}

struct Passing {
  const char* name;
  const char* type;
  const char* content;

  friend std::ostream& operator<<(std::ostream& out, const Passing& self) {
    return out << self.type;
  }
};
class PassingOutput : public testing::TestWithParam<Passing> {};

TEST_P(PassingOutput, LeavesNoRecord) {
  HubWorld world;
  world.join_engine("e0");
  world.output("e0", MsgId("task"), GetParam().type, GetParam().content);
  EXPECT_TRUE(world.records.empty());
}
INSTANTIATE_TEST_SUITE_P(
    Types, PassingOutput,
    testing::Values(Passing{"Status", "status", R"({"execution_state": "idle"})"},
                    Passing{"Data", "data_message", "{}"},
                    Passing{"Display", "display_data", R"({"data": {}})"},
                    Passing{"Comm", "comm_msg", "{}"}, Passing{"Welcome", "iopub_welcome", "{}"},
                    Passing{"StreamWithoutText", "stream", R"({"name": "stdout"})"},
                    Passing{"StreamOfNumbers", "stream", R"({"name": "stdout", "text": 7})"},
                    Passing{"OddStream", "stream", R"({"name": "stdin", "text": "x"})"}),
    [](const auto& test) { return test.param.name; });

TEST(TaskLog, IgnoresOutputWithoutParent) {
  HubWorld world;
  Message message = world.client_message("stream", R"({"name": "stdout", "text": "x"})");
  world.hub.on_output(message, world.now, world.out);
  message.parent_json = Frame(std::string("[not json"));
  world.hub.on_output(message, world.now, world.out);
  EXPECT_TRUE(world.out.records.empty());
}

TEST(TaskLog, EndsTheDirectTasksOfALostEngineAfterTheGrace) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  world.beating.clear();
  world.unregister_engine(id);
  world.discard(Channel::kNotification);
  world.advance(29s);
  EXPECT_TRUE(world.hub.log().direct().is_pending(task)) << "its reply may be on its way";
  world.advance(2s);
  const TaskRecord record = record_of(world, task);
  const auto content = nlohmann::json::parse(record.result_content.value_or(""));
  EXPECT_EQ(content["ename"], "EngineError");
  EXPECT_EQ(content["evalue"], "Engine 0 died while running task '" + task.str() + "'");
  const auto header = nlohmann::json::parse(record.result_header.value_or(""));
  EXPECT_EQ(header["engine"], "e0");
  EXPECT_EQ(header.size(), 2u);
  EXPECT_TRUE(record.completed.has_value());
  EXPECT_FALSE(record.result_metadata.has_value());
  EXPECT_FALSE(world.hub.log().direct().is_pending(task));
}

TEST(TaskLog, PrefersTheRealReplyThatComesAfterAll) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  world.unregister_engine(id);
  world.discard(Channel::kNotification);
  world.advance(31s);
  world.reply_direct("e0", task);
  EXPECT_EQ(canonical(record_of(world, task).result_content.value_or("")), R"({"status":"ok"})");
}

TEST(TaskLog, UsesAReplyWithinTheGraceNormally) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  world.unregister_engine(id);
  world.discard(Channel::kNotification);
  world.reply_direct("e0", task);
  world.advance(40s);
  EXPECT_EQ(canonical(record_of(world, task).result_content.value_or("")), R"({"status":"ok"})");
}

TEST(TaskLog, DoesNotHandTasksToAnEngineThatReturnsUnderItsName) {
  HubWorld world;
  const EngineId id = world.join_engine("e0");
  const MsgId lost = world.submit_direct("e0");
  world.unregister_engine(id);
  world.discard(Channel::kNotification);
  const EngineId successor = world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  EXPECT_EQ(world.hub.log().direct().pending_on(successor), std::vector{task});
  world.advance(31s);
  EXPECT_FALSE(world.hub.log().direct().is_pending(lost));
  EXPECT_TRUE(world.hub.log().direct().is_pending(task));
}

TEST(TaskLog, WithoutRecordsRemembersOnlyWhatJustEnded) {
  HubWorld world({.keeps_records = false});
  world.join_engine("e0");
  const MsgId task = world.submit_direct("e0");
  world.reply_direct("e0", task);
  world.output("e0", task, "stream", R"({"name": "stdout", "text": "x"})");
  EXPECT_TRUE(world.records.empty());
  EXPECT_TRUE(world.hub.log().ended_lately(task));
}

TEST(JsonFields, AreEmptyForWhateverIsNotThere) {
  EXPECT_EQ(string_field(R"({"a": {"b": "no"}, "b": "yes"})", "b"), "yes");
  EXPECT_EQ(string_field(R"({"a": "\u00e9\n"})", "a"), "\u00e9\n");
  for (const char* text : {"", "[]", "{", "null", "\"a\"", "{\"a\": 1}", "{\"a\": null}", "{}"}) {
    EXPECT_FALSE(string_field(text, "a").has_value()) << text;
    EXPECT_FALSE(bool_field(text, "a")) << text;
  }
  EXPECT_TRUE(bool_field(R"({"b": 1, "a": true})", "a"));
}

}  // namespace
}  // namespace trireme
