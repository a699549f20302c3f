// Queues, results, history, queries, purge and resubmission as clients see them.
#include <gtest/gtest.h>

#include <ostream>

#include <nlohmann/json.hpp>

#include "controller/hub/hub.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

json content_of(const Sent& sent) { return json::parse(sent.content(), nullptr, false); }

Frames bytes(const std::string& text) { return Frames{Frame(text)}; }

std::string ids_json(const std::vector<MsgId>& ids, const std::string& more = "") {
  return "{\"msg_ids\": " + json_list(ids) + more + "}";
}

class Queries : public testing::Test {
 protected:
  void SetUp() override {
    world_.join_engine("e0");
    world_.join_engine("e1");
  }
  void expect_error(const Sent& reply, const std::string& type, const std::string& ename,
                    const std::string& evalue) {
    EXPECT_EQ(reply.message.header.msg_type, type);
    const json content = content_of(reply);
    EXPECT_EQ(content["status"], "error");
    EXPECT_EQ(content["ename"], ename);
    EXPECT_EQ(content["evalue"], evalue);
    EXPECT_TRUE(content["traceback"].is_array());
    EXPECT_EQ(content["engine_info"], json::object());
  }

  HubWorld world_;
};

TEST_F(Queries, QueueStatusCountsEachKind) {
  world_.reply_direct("e0", world_.submit_direct("e0"));
  const MsgId queued = world_.submit_direct("e0");
  const MsgId running = world_.submit_task();
  world_.assign_task(running, "e1");
  const MsgId waiting = world_.submit_task();
  EXPECT_EQ(content_of(world_.ask("queue_request", R"({"targets": null, "verbose": false})")),
            json::parse(R"({"status": "ok", "unassigned": 1,
                            "0": {"queue": 1, "completed": 1, "tasks": 0},
                            "1": {"queue": 0, "completed": 0, "tasks": 1}})"));
  const json verbose = content_of(world_.ask("queue_request", R"({"targets": [0, "e1"],
                                                                   "verbose": true})"));
  EXPECT_EQ(verbose["0"]["queue"], json::array({queued.str()}));
  EXPECT_EQ(verbose["0"]["completed"].size(), 1u);
  EXPECT_EQ(verbose["1"]["tasks"], json::array({running.str()}));
  EXPECT_EQ(verbose["1"]["completed"], json::array());
  EXPECT_EQ(verbose["unassigned"], json::array({waiting.str()}));
}

TEST_F(Queries, QueueStatusOfOneEngineNamesOnlyThat) {
  const json content = content_of(world_.ask("queue_request", R"({"targets": 1})"));
  EXPECT_FALSE(content.contains("0"));
  EXPECT_TRUE(content.contains("1"));
}

TEST_F(Queries, QueueStatusNamesAnEngineOnce) {
  const Sent reply = world_.ask("queue_request", R"({"targets": [1, "e1", 1]})");
  EXPECT_EQ(canonical(reply.content()),
            R"({"1":{"completed":0,"queue":0,"tasks":0},"status":"ok","unassigned":0})");
  EXPECT_EQ(reply.content().find("\"1\""), reply.content().rfind("\"1\""));
}

TEST_F(Queries, QueueStatusShowsLiveEnginesButAnswersForTheDead) {
  world_.unregister_engine(EngineId(0));
  world_.discard(Channel::kNotification);
  EXPECT_FALSE(content_of(world_.ask("queue_request", R"({"targets": null})")).contains("0"));
  EXPECT_EQ(content_of(world_.ask("queue_request", R"({"targets": 0})"))["0"],
            json::parse(R"({"queue": 0, "completed": 0, "tasks": 0})"));
}

TEST(QueriesWithoutEngines, QueueStatusHasOnlyTheUnassigned) {
  HubWorld world;
  EXPECT_EQ(content_of(world.ask("queue_request", R"({"targets": null})")),
            json::parse(R"({"status": "ok", "unassigned": 0})"));
}

struct BadTargets {
  const char* name;
  const char* content;
  const char* ename;
  const char* evalue;

  friend std::ostream& operator<<(std::ostream& out, const BadTargets& self) {
    return out << self.content;
  }
};
class WrongTargets : public Queries, public testing::WithParamInterface<BadTargets> {};

TEST_P(WrongTargets, AreAHubError) {
  for (const char* type : {"queue_request", "load_request"}) {
    expect_error(world_.ask(type, GetParam().content), "hub_error", GetParam().ename,
                 GetParam().evalue);
  }
}
INSTANTIATE_TEST_SUITE_P(Targets, WrongTargets,
                         testing::Values(BadTargets{"Unknown", R"({"targets": [99]})", "IndexError",
                                                    "No Such Engine: [99]"},
                                         BadTargets{"OneUnknown", R"({"targets": 99})",
                                                    "IndexError", "No Such Engine: [99]"},
                                         BadTargets{"Huge", R"({"targets": 99999999999})",
                                                    "IndexError", "No Such Engine: [99999999999]"},
                                         BadTargets{"Mixed", R"({"targets": [0, 7, "x"]})",
                                                    "IndexError", "No Such Engine: [7, 'x']"},
                                         BadTargets{"None", R"({"targets": []})", "IndexError",
                                                    "No Engines Registered"},
                                         BadTargets{"Missing", "{}", "KeyError", "'targets'"}),
                         [](const auto& test) { return test.param.name; });

TEST_F(Queries, LoadAddsQueueAndTasks) {
  world_.submit_direct("e0");
  world_.assign_task(world_.submit_task(), "e0");
  EXPECT_EQ(content_of(world_.ask("load_request", R"({"targets": null})")),
            json::parse(R"({"status": "ok", "0": 2, "1": 0})"));
}

TEST_F(Queries, ResultsOfCompletedTasksComeWithTheirBuffersInOrderOfId) {
  const MsgId first = world_.submit_direct("e0");
  const MsgId second = world_.submit_direct("e1");
  world_.output("e1", second, "stream", R"({"name": "stdout", "text": "out"})");
  world_.reply_direct("e1", second, bytes("two"));
  world_.reply_direct("e0", first, bytes("one"));
  const Sent reply = world_.ask("result_request", ids_json({second, first, second}));
  const json content = content_of(reply);
  EXPECT_EQ(content["completed"], json::array({first.str(), second.str()}));
  EXPECT_EQ(content["pending"], json::array());
  EXPECT_EQ(reply.message.buffers, (Frames{Frame(std::string("one")), Frame(std::string("two"))}));
  const json result = content[second.str()];
  EXPECT_EQ(result["io"]["stdout"], "out");
  EXPECT_EQ(result["io"]["execute_result"], nullptr);
  EXPECT_EQ(result["result_content"]["status"], "ok");
  EXPECT_EQ(result["header"]["msg_id"], second.str());
}

TEST_F(Queries, AResultThatWasMadeUpForADeadEngineHasMetadata) {
  const MsgId id = world_.submit_direct("e0");
  world_.unregister_engine(EngineId(0));
  world_.advance(60s);
  world_.discard(Channel::kNotification);
  const json content = content_of(world_.ask("result_request", ids_json({id})));
  EXPECT_EQ(content[id.str()]["result_content"]["ename"], "EngineError");
  EXPECT_EQ(content[id.str()]["result_metadata"], json::object()) << "stock clients look into it";
}

TEST_F(Queries, ExecuteResultsAreObjects) {
  const MsgId task = world_.submit_direct("e0", "execute_request");
  world_.output("e0", task, "execute_result", R"({"data": {"text/plain": "5"}})");
  world_.reply_direct("e0", task);
  const json content = content_of(world_.ask("result_request", ids_json({task})));
  EXPECT_EQ(content[task.str()]["io"]["execute_result"]["data"]["text/plain"], "5");
}

TEST_F(Queries, TasksOfBothKindsArePendingUntilTheyEnd) {
  const MsgId direct = world_.submit_direct("e0");
  const MsgId waiting = world_.submit_task();
  const MsgId running = world_.submit_task();
  world_.assign_task(running, "e0");
  const json content =
      content_of(world_.ask("result_request", ids_json({direct, waiting, running})));
  EXPECT_EQ(content["pending"].size(), 3u);
  world_.reply_direct("e0", direct);
  world_.finish_task(running, "e0");
  const json later = content_of(world_.ask(
      "result_request", ids_json({direct, waiting, running}, R"(, "status_only": true)")));
  EXPECT_EQ(later["pending"], json::array({waiting.str()}));
  EXPECT_EQ(later["completed"].size(), 2u);
  EXPECT_FALSE(later.contains(direct.str()));
  EXPECT_EQ(later.size(), 3u);
}

TEST_F(Queries, ATaskThatEndsWhileTheStoreThinksIsStillPending) {
  const MsgId pending = world_.submit_direct("e0");
  const MsgId done = world_.submit_direct("e0");
  world_.reply_direct("e0", done);
  world_.store_answers = false;
  world_.request("result_request", ids_json({pending, done}));
  world_.reply_direct("e0", pending);
  world_.store_answers = true;
  world_.hub.on_store_answer(answer(world_.store, world_.open_questions.at(0)), world_.now,
                             world_.out);
  world_.open_questions.clear();
  world_.settle();
  const json content = content_of(world_.take(Channel::kQuery));
  EXPECT_EQ(content["pending"], json::array({pending.str()}));
  EXPECT_EQ(content["completed"], json::array({done.str()}));
}

TEST_F(Queries, RecordsThatNeverEndedArePending) {
  world_.output("e0", MsgId("stub"), "stream", R"({"name": "stdout", "text": "x"})");
  const json content = content_of(world_.ask("result_request", ids_json({MsgId("stub")})));
  EXPECT_EQ(content["pending"], json::array({"stub"}));
}

TEST_F(Queries, ResultsOfAnUnknownTaskAreAnErrorForTheWholeRequest) {
  const MsgId task = world_.submit_direct("e0");
  for (const char* more : {"", R"(, "status_only": true)"}) {
    expect_error(world_.ask("result_request", ids_json({task, MsgId("nope")}, more)),
                 "result_reply", "KeyError", "'No such message: nope'");
  }
}

TEST(QueriesWithALimit, MoreRecordsThanAnAnswerMayTakeAreRefused) {
  HubWorld world({.answer_bytes_max = 5000});
  world.join_engine("e0");
  std::vector<MsgId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(world.submit_direct("e0"));
  const json one = content_of(world.ask(
      "db_request", R"({"query": {"msg_id": ")" + ids[7].str() + R"("}, "keys": ["content"]})"));
  EXPECT_EQ(one["records"].size(), 1u);
  const json all = content_of(world.ask("db_request", R"({"query": {}, "keys": ["content"]})"));
  EXPECT_EQ(all["status"], "error");
  EXPECT_NE(all["evalue"].get<std::string>().find("more than 5000 bytes"), std::string::npos);
}

TEST_F(Queries, ResultsOfNothingAreEmpty) {
  EXPECT_EQ(content_of(world_.ask("result_request", ids_json({}))),
            json::parse(R"({"status": "ok", "pending": [], "completed": []})"));
}

TEST_F(Queries, ContentThatIsNoJsonDoesNotSpoilReplies) {
  const MsgId task = world_.submit_direct("e0");
  world_.reply_direct("e0", task, {}, R"({"status": NaN})");
  const json content = content_of(world_.ask("result_request", ids_json({task})));
  EXPECT_EQ(content["completed"].size(), 1u);
  EXPECT_TRUE(content[task.str()]["result_content"].is_null());
  EXPECT_EQ(content_of(world_.ask("db_request", "{}"))["records"].size(), 1u);
}

TEST_F(Queries, HistoryIsInOrderOfSubmission) {
  const MsgId first = world_.submit_task();
  world_.advance(1ms);
  const MsgId second = world_.submit_direct("e0");
  EXPECT_EQ(content_of(world_.ask("history_request")),
            json({{"status", "ok"}, {"history", {first.str(), second.str()}}}));
}

TEST_F(Queries, DbQueriesSelectRecordsAndColumns) {
  const MsgId task = world_.submit_direct("e0", "apply_request", bytes("in"));
  world_.reply_direct("e0", task, bytes("out"));
  world_.submit_direct("e1");
  const std::string query = R"("query": {"engine_uuid": "e0"})";
  const Sent plain = world_.ask("db_request", "{" + query + R"(, "keys": ["queue"]})");
  EXPECT_EQ(content_of(plain), json({{"status", "ok"},
                                     {"records", {{{"msg_id", task.str()}, {"queue", "mux"}}}},
                                     {"buffer_lens", nullptr},
                                     {"result_buffer_lens", nullptr}}));
  EXPECT_TRUE(plain.message.buffers.empty());
  const Sent full =
      world_.ask("db_request", "{" + query + R"(, "keys": ["result_buffers", "buffers"]})");
  EXPECT_EQ(content_of(full)["buffer_lens"], json::array({1}));
  EXPECT_EQ(content_of(full)["result_buffer_lens"], json::array({1}));
  EXPECT_EQ(full.message.buffers, (Frames{Frame(std::string("in")), Frame(std::string("out"))}));
  EXPECT_EQ(
      content_of(world_.ask("db_request", R"({"query": {}, "keys": null})"))["records"].size(), 2u);
}

TEST_F(Queries, BadDbQueriesAreErrors) {
  expect_error(world_.ask("db_request", R"({"query": {}, "keys": ["nokey"]})"), "db_reply",
               "KeyError", "'nokey'");
  expect_error(world_.ask("db_request", R"({"query": {"msg_id": {"$regex": "x"}}})"), "db_reply",
               "KeyError", "'$regex'");
}

TEST_F(Queries, PurgeDeletesRecordsByIdAndByEngine) {
  const MsgId first = world_.submit_direct("e0");
  const MsgId second = world_.submit_direct("e0");
  const MsgId third = world_.submit_direct("e1");
  for (const MsgId& id : {first, second}) world_.reply_direct("e0", id);
  world_.reply_direct("e1", third);
  EXPECT_EQ(content_of(world_.ask("purge_request",
                                  ids_json({first, MsgId("unknown")}, R"(, "engine_ids": [1])"))),
            json::parse(R"({"status": "ok"})"));
  EXPECT_EQ(world_.ask("history_request").member("history"), json_list(std::vector{second}));
}

TEST_F(Queries, PurgeOfAllLeavesWhatIsPending) {
  world_.reply_direct("e0", world_.submit_direct("e0"));
  const MsgId pending = world_.submit_direct("e0");
  world_.ask("purge_request", R"({"msg_ids": "all"})");
  EXPECT_EQ(world_.ask("history_request").member("history"), json_list(std::vector{pending}));
}

TEST_F(Queries, PurgeOfAPendingTaskDeletesNothing) {
  const MsgId done = world_.submit_direct("e0");
  world_.reply_direct("e0", done);
  const MsgId pending = world_.submit_task();
  expect_error(world_.ask("purge_request", ids_json({done, pending})), "purge_reply", "IndexError",
               "msg pending: '" + pending.str() + "'");
  EXPECT_EQ(content_of(world_.ask("history_request"))["history"].size(), 2u);
}

TEST_F(Queries, PurgeOfAnUnknownEngineStopsThere) {
  const MsgId first = world_.submit_direct("e0");
  const MsgId second = world_.submit_direct("e1");
  world_.reply_direct("e0", first);
  world_.reply_direct("e1", second);
  expect_error(world_.ask("purge_request", R"({"msg_ids": [], "engine_ids": [0, 99, 1]})"),
               "purge_reply", "IndexError", "No such engine: 99");
  EXPECT_EQ(world_.ask("history_request").member("history"), json_list(std::vector{second}));
  expect_error(world_.ask("purge_request", R"({"engine_ids": [-1]})"), "purge_reply", "IndexError",
               "No such engine: -1");
}

TEST_F(Queries, ResubmissionIsANewTaskWithTheOldHeader) {
  Message message =
      world_.client_message("execute_request", R"({"code": "1"})", R"({"retries": 3})");
  message.buffers = bytes("buffer");
  ASSERT_TRUE(world_.hub.log().direct_submitted(EngineUuid("e0"), Message(message), TaskQueue::kMux,
                                                world_.out));
  const MsgId old = message.header.msg_id;
  world_.reply_direct("e0", old);
  world_.advance(1s);
  const json content = content_of(world_.ask("resubmit_request", ids_json({old})));
  ASSERT_EQ(world_.internal_tasks.size(), 1u);
  const Message& task = world_.internal_tasks[0];
  EXPECT_EQ(content,
            json({{"status", "ok"}, {"resubmitted", {{old.str(), task.header.msg_id.str()}}}}));
  json header = json::parse(message.header_json.view());
  const json fresh = json::parse(task.header_json.view());
  EXPECT_NE(fresh["date"], header["date"]);
  EXPECT_TRUE(task.header.msg_id.str().starts_with("hub-session_"));
  header["msg_id"] = fresh["msg_id"];
  header["date"] = fresh["date"];
  EXPECT_EQ(fresh, header);
  EXPECT_EQ(task.parent_json, task.header_json);
  EXPECT_EQ(task.metadata_json.view(), "{}");
  EXPECT_EQ(task.content_json.view(), R"({"code": "1"})");
  EXPECT_EQ(task.buffers, bytes("buffer"));
  EXPECT_EQ(content_of(world_.ask("result_request", ids_json({task.header.msg_id})))["pending"],
            json::array({task.header.msg_id.str()}));
  EXPECT_EQ(world_.store.get(old)->value().resubmitted, task.header.msg_id.str());
}

TEST_F(Queries, ResubmissionOfAnUnknownTaskSubmitsNothing) {
  const MsgId task = world_.submit_direct("e0");
  expect_error(world_.ask("resubmit_request", ids_json({task, MsgId("nope")})), "resubmit_reply",
               "KeyError", R"("No such msg(s): ['nope']")");
  EXPECT_TRUE(world_.internal_tasks.empty());
}

TEST_F(Queries, RequestsThatNeedNoStoreDoNotWaitForIt) {
  world_.store_answers = false;
  world_.request("history_request");
  EXPECT_EQ(world_.ask("connection_request").message.header.msg_type, "connection_reply");
  world_.hub.on_store_answer(answer(world_.store, world_.open_questions.at(0)), world_.now,
                             world_.out);
  world_.open_questions.clear();
  world_.settle();
  EXPECT_EQ(world_.take(Channel::kQuery).message.header.msg_type, "history_reply");
}

TEST_F(Queries, TooManyOpenQuestionsAreRefused) {
  world_.store_answers = false;
  const Message request = world_.client_message("history_request", "{}");
  for (std::size_t i = 0; i < Hub::kOpenQuestionsMax; ++i) {
    world_.hub.on_request(request, world_.now, world_.out);
  }
  world_.settle();
  expect_error(world_.ask("history_request"), "hub_error", "BlockingIOError",
               "Too many questions about records are open; ask again later.");
  EXPECT_EQ(world_.ask("connection_request").member("status"), "\"ok\"");
  world_.open_questions.clear();
}

struct AskedOfTheStore {
  const char* request;
  const char* content;
  const char* reply;

  friend std::ostream& operator<<(std::ostream& out, const AskedOfTheStore& self) {
    return out << self.request << " " << self.content;
  }
};
class FailingStore : public Queries, public testing::WithParamInterface<AskedOfTheStore> {};

TEST_P(FailingStore, IsReportedToTheAsker) {
  world_.store_answers = false;
  world_.request(GetParam().request, GetParam().content);
  while (!world_.open_questions.empty()) {
    const std::uint64_t token = world_.open_questions.front().token;
    world_.open_questions.erase(world_.open_questions.begin());
    world_.hub.on_store_answer({token, Error{ErrorCode::kIo, "The disk is full."}}, world_.now,
                               world_.out);
    world_.settle();
  }
  expect_error(world_.take(Channel::kQuery), GetParam().reply, "OSError", "The disk is full.");
}
TEST_F(Queries, BuffersThatTheStoreCannotReadAreAnErrorThatNamesTheTask) {
  for (const char* request : {"result_request", "resubmit_request"}) {
    world_.store_answers = false;
    world_.request(request, R"({"msg_ids": ["a"]})");
    ASSERT_EQ(world_.open_questions.size(), 1u);
    const std::uint64_t token = world_.open_questions.front().token;
    world_.open_questions.clear();
    TaskRecord record;
    record.msg_id = MsgId("a");
    record.damage = "the file x is damaged";
    world_.hub.on_store_answer({token, StoreReply(std::vector{record})}, world_.now, world_.out);
    world_.settle();
    const json content = content_of(world_.take(Channel::kQuery));
    EXPECT_EQ(content["ename"], "ValueError");
    const auto text = content["evalue"].get<std::string>();
    EXPECT_NE(text.find("task a"), std::string::npos) << text;
    EXPECT_NE(text.find("the file x is damaged"), std::string::npos) << text;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Requests, FailingStore,
    testing::Values(AskedOfTheStore{"result_request", R"({"msg_ids": ["a"]})", "result_reply"},
                    AskedOfTheStore{"history_request", "{}", "history_reply"},
                    AskedOfTheStore{"db_request", "{}", "db_reply"},
                    AskedOfTheStore{"purge_request", R"({"msg_ids": "all"})", "purge_reply"},
                    AskedOfTheStore{"purge_request", R"({"msg_ids": ["a"], "engine_ids": [0, 1]})",
                                    "purge_reply"},
                    AskedOfTheStore{"resubmit_request", R"({"msg_ids": ["a"]})", "resubmit_reply"},
                    AskedOfTheStore{"queue_request", R"({"targets": null, "verbose": true})",
                                    "hub_error"}));

TEST(QueriesWithoutRecords, FailWithNoData) {
  HubWorld world({.keeps_records = false});
  world.join_engine("e0");
  for (const auto& [request, content] :
       {std::pair{"result_request", R"({"msg_ids": ["a"]})"}, std::pair{"history_request", "{}"},
        std::pair{"db_request", "{}"}, std::pair{"resubmit_request", R"({"msg_ids": ["a"]})"}}) {
    EXPECT_EQ(world.ask(request, content).member("ename"), "\"NoData\"") << request;
  }
  EXPECT_EQ(world.ask("purge_request", R"({"msg_ids": "all"})").member("status"), "\"ok\"");
}

TEST(QueriesWithoutRecords, StillTellWhichTasksEnded) {
  HubWorld world({.keeps_records = false});
  world.join_engine("e0");
  const MsgId done = world.submit_direct("e0");
  world.reply_direct("e0", done);
  const MsgId pending = world.submit_direct("e0");
  const json content = content_of(
      world.ask("result_request", ids_json({done, pending}, R"(, "status_only": true)")));
  EXPECT_EQ(content["completed"], json::array({done.str()}));
  EXPECT_EQ(content["pending"], json::array({pending.str()}));
  EXPECT_EQ(world.ask("queue_request", R"({"targets": 0, "verbose": true})").member("status"),
            "\"ok\"");
}

}  // namespace
}  // namespace trireme
