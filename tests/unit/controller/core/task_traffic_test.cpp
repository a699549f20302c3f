// The load-balanced queue as clients and engines see it through the whole controller.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/support/controller_world.hpp"

namespace trireme::testing {
namespace {

using namespace std::chrono_literals;

std::string quoted(const MsgId& id) { return "\"" + id.str() + "\""; }

std::string ids_content(const MsgId& id) { return R"({"msg_ids": [)" + quoted(id) + "]}"; }

/// Takes the controller's own answer to a task and checks what is common to all of them.
Received take_refusal(ControllerWorld& world, const MsgId& id, const std::string& ename) {
  Received reply = world.take_for(ControllerWorld::kClient, Channel::kTaskClients);
  EXPECT_EQ(reply.type(), "apply_reply");
  EXPECT_EQ(reply.parent(), id);
  EXPECT_EQ(reply.member("ename"), "\"" + ename + "\"") << reply.content();
  EXPECT_EQ(reply.member("status"), "\"error\"");
  EXPECT_EQ(reply.member("engine_info"), "{}");
  EXPECT_EQ(reply.member("traceback").front(), '[');
  EXPECT_TRUE(reply.message.buffers.empty());
  EXPECT_TRUE(world.record(id).completed.has_value());
  return reply;
}

/// Runs one task to its good end and gives its id.
MsgId run_task(ControllerWorld& world) {
  const MsgId id = world.submit();
  world.reply(world.take(Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
  return id;
}

TEST(TaskTraffic, ATaskGoesToAnEngineAndItsReplyToTheClientUntouched) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().buffers({Frame(std::string("argument"))}));
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  EXPECT_EQ(run.message.header.msg_id, id);
  EXPECT_EQ(run.message.identities.front().view(), ControllerWorld::kClient);
  EXPECT_EQ(run.message.buffers.front().view(), "argument");
  EXPECT_EQ(world.record(id).engine_uuid, "e1");
  EXPECT_FALSE(world.record(id).completed.has_value());

  world.reply(run, {.buffers = {Frame(std::string("result"))}});
  const Received reply = world.take_for(ControllerWorld::kClient, Channel::kTaskClients);
  EXPECT_EQ(reply.message.identities.front().view(), "e1");
  EXPECT_EQ(reply.parent(), id);
  EXPECT_EQ(reply.message.buffers.front().view(), "result");
  EXPECT_EQ(world.record(id).queue, "task");
  EXPECT_EQ(world.record(id).result_content, reply.content());
  EXPECT_EQ(world.ask("queue_request", R"({"targets": null})").member("0"),
            R"({"completed":1,"queue":0,"tasks":0})");
}

TEST(TaskTraffic, ATaskWaitsForTheFirstEngine) {
  ControllerWorld world;
  const MsgId id = world.submit();
  EXPECT_TRUE(world.is_silent());
  EXPECT_EQ(world.ask("queue_request", R"({"targets": null})").member("unassigned"), "1");
  world.join_engine("e1");
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
}

TEST(TaskTraffic, ATaskOverTheSizeLimitIsRefusedWithTheMend) {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.message_bytes_max = 4096;
  ControllerWorld world(options);
  world.join_engine("e1");
  const MsgId id = world.submit(task().buffers({Frame(std::string(5000, 'x'))}));
  const Received reply = take_refusal(world, id, "MessageTooLarge");
  EXPECT_NE(reply.member("evalue").find("--message-bytes-max"), std::string::npos);
  run_task(world);
}

TEST(TaskTraffic, ATaskForWhichTheQueueHasNoRoomIsRefusedUntilOthersHaveEnded) {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.queue_bytes_max = 8192;
  ControllerWorld world(options);
  const auto large = [] { return task().buffers({Frame(std::string(5000, 'x'))}); };
  const MsgId first = world.submit(large());
  EXPECT_TRUE(world.is_silent());
  const Received reply = take_refusal(world, world.submit(large()), "BlockingIOError");
  EXPECT_NE(reply.member("evalue").find("--queue-bytes-max"), std::string::npos);
  world.join_engine("e1");
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), first);
  EXPECT_EQ(world.core().scheduler().live_bytes(), 0u);
  world.submit(large());
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).member("status"), "\"ok\"");
}

TEST(TaskTraffic, ATaskLargerThanTheQueueMayComeAlone) {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.queue_bytes_max = 1024;
  ControllerWorld world(options);
  world.join_engine("e1");
  world.submit(task().buffers({Frame(std::string(5000, 'x'))}));
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).member("status"), "\"ok\"");
}

TEST(TaskTraffic, UnusableMetadataIsRefusedNamingTheKey) {
  struct Case {
    std::string key;
    std::string value;
  };
  for (const Case& bad : {Case{"after", "17"}, Case{"follow", "[1]"}, Case{"timeout", "\"soon\""},
                          Case{"targets", "{}"}, Case{"retries", "\"many\""}}) {
    ControllerWorld world;
    world.join_engine("e1");
    const MsgId id = world.submit(task().set(bad.key, bad.value));
    const Received reply = take_refusal(world, id, "ValueError");
    EXPECT_NE(reply.member("evalue").find(bad.key), std::string::npos) << reply.content();
  }
}

TEST(TaskTraffic, ARefusedTaskSentTwiceIsAnsweredOnceAndFailsWhatComesAfterIt) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().set("retries", "\"many\""));
  take_refusal(world, id, "ValueError");
  world.resend_last();
  EXPECT_TRUE(world.is_silent());
  take_refusal(world, world.submit(task().after({id})), "ImpossibleDependency");
}

TEST(TaskTraffic, WithoutASchedulerTasksAreRefused) {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.schedules_tasks = false;
  ControllerWorld world(options);
  world.join_engine("e1");
  take_refusal(world, world.submit(), "ConfigurationError");
}

TEST(TaskTraffic, ATaskSentTwiceRunsOnce) {
  ControllerWorld world;
  world.join_engine("e1");
  world.submit();
  world.resend_last();
  world.reply(world.take(Channel::kTaskEngines));
  world.take(Channel::kTaskClients);
  world.resend_last();
  EXPECT_TRUE(world.is_silent());
}

TEST(TaskTraffic, OnlyTheFirstReplyIsDelivered) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.reply_as(run.to == "e1" ? "e2" : "e1", run);
  EXPECT_TRUE(world.is_silent()) << "an engine answered for another";
  world.reply(run);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
  world.reply(run, {.status = "error"});
  EXPECT_TRUE(world.is_silent());
  EXPECT_EQ(world.record(id).result_content, R"({"status":"ok"})");
}

TEST(TaskTraffic, AFailedTaskIsTriedAgainElsewhereThenReported) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.submit(task().retries(1));
  const Received first = world.take(Channel::kTaskEngines);
  world.reply(first, {.status = "error"});
  const Received second = world.take(Channel::kTaskEngines);
  EXPECT_NE(first.to, second.to);
  EXPECT_EQ(world.record(id).engine_uuid, second.to);
  world.reply(second, {.status = "error"});
  const Received reply = world.take(Channel::kTaskClients);
  EXPECT_EQ(reply.member("ename"), "\"ValueError\"");
  EXPECT_EQ(reply.message.identities.front().view(), second.to);
}

TEST(TaskTraffic, AnotherAttemptOnTheSameEngineIsSignedAnew) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().retries(1));
  const Received first = world.take(Channel::kTaskEngines);
  world.reply(first, {.status = "error"});
  const Received second = world.take(Channel::kTaskEngines);
  EXPECT_EQ(second.to, first.to);
  EXPECT_EQ(second.message.header.msg_id, id);
  EXPECT_NE(second.message.header_json, first.message.header_json);
  EXPECT_NE(second.frames.at(3), first.frames.at(3)) << "an engine refuses a signature it has seen";
  world.reply(second);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
}

TEST(TaskTraffic, AnUnmetDependencyMovesTheTaskWithoutCostingARetry) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId id = world.submit();
  const Received first = world.take(Channel::kTaskEngines);
  world.reply(first, {.status = "error", .dependencies_met = false});
  const Received second = world.take(Channel::kTaskEngines);
  EXPECT_NE(first.to, second.to);
  world.reply(second);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
}

TEST(TaskTraffic, AnAbortedTaskDoesNotCountAsCompleted) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  world.reply(world.take(Channel::kTaskEngines), {.status = "aborted"});
  EXPECT_EQ(world.take(Channel::kTaskClients).member("status"), "\"aborted\"");
  EXPECT_TRUE(world.record(id).completed.has_value());
  EXPECT_EQ(world.ask("queue_request", R"({"targets": null})").member("0"),
            R"({"completed":0,"queue":0,"tasks":0})");
}

TEST(TaskTraffic, TasksOfADeadEngineFailAfterTheGraceRoutedAsFromIt) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  world.take(Channel::kTaskEngines);
  world.lose_engine("e1");
  world.advance(4900ms);
  EXPECT_TRUE(world.is_silent());
  world.advance(200ms);
  const Received reply = take_refusal(world, id, "EngineError");
  EXPECT_EQ(reply.message.identities.front().view(), "e1");
  EXPECT_EQ(reply.metadata_member("engine"), "\"e1\"");
  EXPECT_EQ(reply.metadata_member("status"), "\"error\"");
  EXPECT_EQ(reply.member("evalue"), "\"Engine b'e1' died while running task '" + id.str() + "'\"");
}

TEST(TaskTraffic, AResultWithinTheGraceIsUsed) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.lose_engine("e1");
  world.advance(3s);
  world.reply(run);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
  world.advance(10s);
  EXPECT_TRUE(world.is_silent());
}

TEST(TaskTraffic, ATaskOnALostEngineRunsElsewhereOnceAndItsLateTwinIsDropped) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().retries(1));
  const Received first = world.take_for("e1", Channel::kTaskEngines);
  world.join_engine("e2");
  world.lose_engine("e1");
  world.advance(5100ms);
  const Received second = world.take_for("e2", Channel::kTaskEngines);
  world.reply(first);
  EXPECT_TRUE(world.is_silent());
  world.reply(second);
  EXPECT_EQ(world.take_for(ControllerWorld::kClient, Channel::kTaskClients).parent(), id);
}

TEST(TaskTraffic, ATaskThatDependsOnItselfOrNobodyIsInvalid) {
  ControllerWorld world;
  world.join_engine("e1");
  take_refusal(world, world.submit(task().after({MsgId("never-seen")})), "InvalidDependency");
  take_refusal(world, world.submit(task().set("after", R"({"dependencies": ["x"], "success": false,
      "failure": false})")),
               "InvalidDependency");
  // The client's next id is known beforehand.
  take_refusal(world, world.submit(task().follow({MsgId("client-session_1_2")})),
               "InvalidDependency");
}

TEST(TaskTraffic, DependentsOfAFailedTaskAreImpossibleAndSoAreTheirs) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId first = world.submit();
  const MsgId second = world.submit(task().after({first}));
  const MsgId third = world.submit(task().after({second}));
  world.reply(world.take(Channel::kTaskEngines), {.status = "error"});
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), first);
  take_refusal(world, second, "ImpossibleDependency");
  take_refusal(world, third, "ImpossibleDependency");
}

TEST(TaskTraffic, ATaskWhoseTargetsAreGoneIsImpossible) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().targets({"gone"}));
  const Received reply = take_refusal(world, id, "ImpossibleDependency");
  EXPECT_TRUE(reply.message.identities.empty()) << "no engine has anything to do with it";
}

TEST(TaskTraffic, RefusalsAreApplyRepliesForExecuteRequestsToo) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit(task().targets({"gone"}), "execute_request");
  take_refusal(world, id, "ImpossibleDependency");
}

TEST(TaskTraffic, AFollowerRunsWhereItsLeaderRan) {
  ControllerWorld world;
  world.join_engine("e1");
  world.join_engine("e2");
  const MsgId leader = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  world.submit(task().follow({leader}));
  EXPECT_TRUE(world.is_silent());
  world.reply(run);
  world.take(Channel::kTaskClients);
  const Received follower = world.take_for(run.to, Channel::kTaskEngines);
  world.reply(follower);
  world.take(Channel::kTaskClients);
}

ControllerCore::Options forgetful_options() {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.scheduler.outcomes_remembered = 1;
  return options;
}

TEST(TaskTraffic, ADependencyLongFinishedIsFoundInTheRecords) {
  ControllerWorld world(forgetful_options());
  world.join_engine("e1");
  const MsgId old = run_task(world);
  run_task(world);  // the first one is forgotten
  const MsgId id = world.submit(task().after({old}).follow({old}));
  world.reply(world.take_for("e1", Channel::kTaskEngines));
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), id);
}

TEST(TaskTraffic, ADependencyPurgedFromTheRecordsIsInvalid) {
  ControllerWorld world(forgetful_options());
  world.join_engine("e1");
  const MsgId old = run_task(world);
  run_task(world);
  EXPECT_EQ(world.ask("purge_request", ids_content(old)).member("status"), "\"ok\"");
  take_refusal(world, world.submit(task().after({old})), "InvalidDependency");
}

TEST(TaskTraffic, ATaskMayTimeOutWhileTheRecordsAreAsked) {
  ControllerWorld world(forgetful_options());
  world.join_engine("e1");
  const MsgId old = run_task(world);
  run_task(world);
  world.store_answers = false;
  const MsgId id = world.submit(task().after({old}).timeout(1));
  world.advance(2s);
  take_refusal(world, id, "TaskTimeout");
  world.answer_questions();
  EXPECT_TRUE(world.is_silent());
}

TEST(TaskTraffic, ATaskThatCameWhileTheRecordsWereAskedCanBeWaitedFor) {
  ControllerWorld world;
  world.join_engine("e1");
  world.store_answers = false;
  const Message first = world.client.request("apply_request", "{}", world.clock.now());
  const MsgId second = world.submit(task().after({first.header.msg_id}));
  Message late = first;
  late.identities = {Frame(ControllerWorld::kClient)};
  world.receive(Channel::kTaskClients, world.client.encode(late));
  world.store_answers = true;
  world.answer_questions();
  for (const MsgId& expected : {first.header.msg_id, second}) {
    const Received run = world.take_for("e1", Channel::kTaskEngines);
    EXPECT_EQ(run.message.header.msg_id, expected);
    world.reply(run);
    EXPECT_EQ(world.take(Channel::kTaskClients).parent(), expected);
  }
}

TEST(TaskTraffic, AStoreThatFailsMakesTheDependencyInvalid) {
  ControllerWorld world(forgetful_options());
  world.join_engine("e1");
  const MsgId old = run_task(world);
  run_task(world);
  world.store_answers = false;
  const MsgId id = world.submit(task().after({old}));
  ASSERT_EQ(world.runner.questions.size(), 1u);
  const std::uint64_t token = world.runner.questions.front().token;
  world.runner.questions.clear();
  world.runner.answer({token, Error{ErrorCode::kIo, "the disk is gone"}}, world.clock.now());
  world.answer_questions();
  take_refusal(world, id, "InvalidDependency");
}

TEST(TaskTraffic, AResubmittedTaskRunsAgainUnderANewIdWithoutAReply) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId old = world.submit(task().buffers({Frame(std::string("argument"))}));
  world.reply(world.take(Channel::kTaskEngines));
  world.take(Channel::kTaskClients);

  const Received answer = world.ask("resubmit_request", ids_content(old));
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  const MsgId again = run.message.header.msg_id;
  EXPECT_EQ(answer.member("resubmitted"), "{" + quoted(old) + ":" + quoted(again) + "}");
  EXPECT_EQ(run.message.buffers.front().view(), "argument");
  EXPECT_EQ(run.message.parent_json, run.message.header_json);
  EXPECT_EQ(run.metadata(), "{}");
  EXPECT_EQ(world.ask("result_request", ids_content(again)).member("pending"),
            "[" + quoted(again) + "]");

  world.reply(run);
  EXPECT_TRUE(world.is_silent()) << "nobody waits for this reply";
  EXPECT_EQ(world.ask("result_request", ids_content(again)).member("completed"),
            "[" + quoted(again) + "]");
  EXPECT_EQ(world.record(old).resubmitted, again.str());
  EXPECT_EQ(world.record(again).client_uuid, "client-session");
}

TEST(TaskTraffic, AResubmittedTaskThatCannotRunEndsInItsRecordOnly) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId old = run_task(world);
  world.ask("resubmit_request", ids_content(old));
  const MsgId again = world.take(Channel::kTaskEngines).message.header.msg_id;
  world.lose_engine("e1");
  world.advance(6s);
  EXPECT_TRUE(world.is_silent());
  EXPECT_NE(world.record(again).result_content.value_or("").find("EngineError"), std::string::npos);
}

TEST(TaskTraffic, QuestionsAboutRecordsSeeWhatTheSameEventReported) {
  ControllerWorld world;
  world.join_engine("e1");
  const MsgId id = world.submit();
  const Received run = world.take(Channel::kTaskEngines);
  EXPECT_EQ(world.ask("result_request", ids_content(id)).member("pending"), "[" + quoted(id) + "]");
  world.reply(run);
  world.take(Channel::kTaskClients);
  EXPECT_EQ(world.ask("result_request", ids_content(id)).member("completed"),
            "[" + quoted(id) + "]");
  EXPECT_EQ(world.ask("history_request").member("history"), "[" + quoted(id) + "]");
}

TEST(TaskTraffic, PureRelaysEverythingInTurn) {
  ControllerCore::Options options = ControllerWorld::default_options();
  options.scheduler.scheme = Scheme::kPure;
  ControllerWorld world(options);
  world.join_engine("e1");
  world.join_engine("e2");
  world.submit(task().after({MsgId("ignored")}));
  world.submit();
  const Received first = world.take(Channel::kTaskEngines);
  const Received second = world.take(Channel::kTaskEngines);
  EXPECT_NE(first.to, second.to);
  world.reply(first, {.status = "error", .dependencies_met = false});
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), first.message.header.msg_id);
  world.reply(second);
  world.take(Channel::kTaskClients);
}

TEST(TaskTraffic, ACancelledTaskEndsIfItWaitsAndTheOthersAreToldApart) {
  ControllerWorld world;
  const MsgId waiting = world.submit();
  world.cancel(R"({"msg_ids": [)" + quoted(waiting) + R"(, "nobody's", 5]})");
  take_refusal(world, waiting, "TaskAborted");
  const Received answer = world.take(Channel::kTaskClients);
  EXPECT_EQ(answer.type(), "cancel_reply");
  const std::string expected = "{" + quoted(waiting) + R"(:"cancelled","nobody's":"absent"})";
  EXPECT_EQ(answer.member("tasks"), expected);
  world.join_engine("e1");
  const MsgId running = world.submit();
  const Received run = world.take_for("e1", Channel::kTaskEngines);
  world.cancel(ids_content(running));
  EXPECT_EQ(world.take(Channel::kTaskClients).member("tasks"),
            "{" + quoted(running) + R"(:"running"})");
  world.reply(run);
  EXPECT_EQ(world.take(Channel::kTaskClients).parent(), running);
  for (const char* content : {"{}", R"({"msg_ids": 5})", R"({"msg_ids": {}})"}) {
    world.cancel(content);
    EXPECT_EQ(world.take(Channel::kTaskClients).member("tasks"), "{}");
  }
}

}  // namespace
}  // namespace trireme::testing
