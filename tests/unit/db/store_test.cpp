// What every store does with changes, and that all of them do the same.
#include <nlohmann/json.hpp>

#include "db/answer_size.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::at;
using testing::attempt;
using testing::EveryStore;
using testing::finished;
using testing::frames;
using testing::ids_of;
using testing::output;
using testing::submitted;

class Store : public EveryStore {};

TEST_P(Store, ASubmissionFillsTheColumnsOfTheRequest) {
  TaskSubmitted change = submitted("m", "2026-01-01T10:00:00.5Z");
  change.queue = TaskQueue::kMux;
  change.engine = EngineUuid("engine-7");
  change.metadata_json = Frame(std::string(R"({"label": "night run"})"));
  change.content_json = Frame(std::string(R"({"code": "1+1"})"));
  change.buffers = frames({"", "two", std::string(1000, '3')});
  apply({change});
  const TaskRecord found = record("m");
  EXPECT_EQ(found.msg_id, MsgId("m"));
  EXPECT_EQ(found.header, change.header_json.to_string());
  EXPECT_EQ(found.metadata, R"({"label": "night run"})");
  EXPECT_EQ(found.content, R"({"code": "1+1"})");
  EXPECT_EQ(found.buffers, change.buffers);
  EXPECT_EQ(found.submitted, at("2026-01-01T10:00:00.5Z"));
  EXPECT_EQ(found.client_uuid, "client-1");
  EXPECT_EQ(found.engine_uuid, "engine-7");
  EXPECT_EQ(found.queue, "mux");
  EXPECT_EQ(found.label, "night run");
  EXPECT_FALSE(found.completed || found.started || found.received || found.result_header ||
               found.result_content || found.resubmitted || found.execute_input || found.error);
  EXPECT_TRUE(found.result_buffers.empty());
}

TEST_P(Store, AnEndFillsTheColumnsOfTheResult) {
  TaskFinished end = finished("m");
  end.buffers = frames({"result"});
  apply({submitted("m")});
  apply({end});
  const TaskRecord found = record("m");
  EXPECT_EQ(found.result_header, end.header_json.to_string());
  EXPECT_EQ(found.result_metadata, end.metadata_json.to_string());
  EXPECT_EQ(found.result_content, end.content_json.to_string());
  EXPECT_EQ(found.result_buffers, end.buffers);
  EXPECT_EQ(found.started, at("2026-01-01T10:00:01Z"));
  EXPECT_EQ(found.completed, at("2026-01-01T10:00:05Z"));
  EXPECT_EQ(found.received, at("2026-01-01T10:00:06Z"));
  EXPECT_EQ(found.engine_uuid, "engine-1");
  EXPECT_EQ(found.client_uuid, "client-1");
}

TEST_P(Store, AGroupMeansTheSameAsItsChangesOneByOne) {
  const auto changes_of = [](const std::string& id) {
    TaskFinished end = finished(id.c_str());
    end.buffers = frames({std::string(500, 'r')});
    TaskSubmitted start = submitted(id.c_str());
    start.buffers = frames({"a", std::string(500, 'q')});
    return std::vector<RecordChange>{
        finished(id.c_str(), "error"),  // of nothing yet: dropped
        output(id.c_str(), "before "),
        start,
        TaskAssigned{MsgId(id), EngineUuid("engine-0"), at("2026-01-01T10:00:00Z")},
        attempt(id.c_str(), 1),
        output(id.c_str(), "during "),
        output(id.c_str(), "oops", TaskOutput::Stream::kStderr),
        end,
        output(id.c_str(), "after"),
        TaskResubmitted{MsgId(id), MsgId("new")}};
  };
  apply(changes_of("group"));
  for (const RecordChange& change : changes_of("alone")) apply({change});
  TaskRecord group = record("group");
  TaskRecord alone = record("alone");
  EXPECT_EQ(group.stdout_text, "before during after");
  EXPECT_EQ(group.stderr_text, "oops");
  EXPECT_EQ(group.resubmitted, "new");
  EXPECT_EQ(group.engine_uuid, "engine-1");
  for (const ColumnInfo& info : kColumns) {
    if (info.column == Column::kMsgId || info.column == Column::kHeader) continue;
    std::visit([&](auto member) { EXPECT_EQ(group.*member, alone.*member) << info.name; },
               info.member);
  }
}

TEST_P(Store, OutputBeforeTheRequestIsKeptWhenTheRequestComes) {
  apply({output("m", "early")});
  EXPECT_FALSE(record("m").header);
  apply({submitted("m")});
  EXPECT_TRUE(record("m").header);
  EXPECT_EQ(record("m").stdout_text, "early");
}

TEST_P(Store, ChangesOfTasksThatAreNotThereAreDropped) {
  apply({finished("m"), TaskAssigned{MsgId("m"), EngineUuid("e"), at("2026-01-01T10:00:00Z")},
         TaskResubmitted{MsgId("m"), MsgId("n")}});
  EXPECT_EQ(*store_->count(), 0u);
}

TEST_P(Store, DisplayMessagesGoToTheirColumns) {
  using Kind = TaskDisplay::Kind;
  apply({TaskDisplay{MsgId("m"), Kind::kExecuteInput,
                     Frame(std::string(R"({"code": "1+1", "execution_count": 1})"))},
         TaskDisplay{MsgId("m"), Kind::kExecuteResult, Frame(std::string(R"({"data": {}})"))},
         TaskDisplay{MsgId("m"), Kind::kError, Frame(std::string(R"({"ename": "E"})"))}});
  EXPECT_EQ(record("m").execute_input, "1+1");
  EXPECT_EQ(record("m").execute_result, R"({"data": {}})");
  EXPECT_EQ(record("m").error, R"({"ename": "E"})");
}

TEST_P(Store, JsonThatIsNoObjectIsKeptAsNull) {
  for (const char* bad : {"", "[1]", "{\"a\":", "nonsense", "\"text\"", "{\"a\": \"\xff\"}"}) {
    TaskSubmitted change = submitted("m");
    change.content_json = Frame(std::string(bad));
    change.metadata_json = Frame(std::string(bad));
    TaskFinished end = finished("m");
    end.header_json = Frame(std::string(bad));
    end.metadata_json = Frame(std::string(bad));
    apply({change, end});
    const TaskRecord found = record("m");
    EXPECT_FALSE(found.content || found.metadata || found.result_header || found.started) << bad;
    EXPECT_EQ(found.completed, end.received) << bad;
  }
}

TEST_P(Store, HeadersWithFieldsOfTheWrongKindAreKept) {
  TaskSubmitted change = submitted("m");
  change.header_json = Frame(std::string(R"({"date": 5, "session": [1]})"));
  apply({change});
  EXPECT_FALSE(record("m").submitted || record("m").client_uuid);
  EXPECT_EQ(record("m").header, R"({"date": 5, "session": [1]})");
}

TEST_P(Store, ASecondEndReplacesTheFirst) {
  TaskFinished first = finished("m", "error");
  first.buffers = frames({std::string(600, 'a'), "b"});
  TaskFinished second = finished("m", "ok");
  second.buffers = frames({"c"});
  second.metadata_json = Frame();
  apply({submitted("m"), first});
  apply({second});
  EXPECT_EQ(record("m").result_buffers, second.buffers);
  EXPECT_FALSE(record("m").result_metadata);
  EXPECT_EQ(store_->outcomes(std::vector{MsgId("m")})->front().ended_ok, true);
}

TEST_P(Store, AttemptsBeforeTheLastAreListedInOrder) {
  apply({submitted("m"), attempt("m", 1, "engine lost: signal 9")});
  apply({attempt("m", 2), finished("m"), submitted("once"), finished("once")});
  const auto list = nlohmann::json::parse(record("m").attempts.value_or("null"));
  EXPECT_EQ(list, nlohmann::json::parse(
                      R"([{"number": 1, "engine": "engine-1", "end": "engine lost: signal 9",
                           "ended": "2026-01-01T10:00:03.000000Z"},
                          {"number": 2, "engine": "engine-1", "end": "error",
                           "ended": "2026-01-01T10:00:03.000000Z"}])"));
  EXPECT_FALSE(record("once").attempts);
  EXPECT_EQ(matching(R"({"attempts": {"$ne": null}})"), "m");
  EXPECT_EQ(matching(R"({"attempts": null})"), "once");
  EXPECT_FALSE(store_->find({}, Columns::usual())->front().attempts);
  EXPECT_TRUE(store_->find({}, *parse_columns(R"(["attempts"])"))->front().attempts);
}

TEST_P(Store, APurgedRecordTakesItsAttemptsAlong) {
  apply({submitted("m"), attempt("m", 1), finished("m")});
  ASSERT_TRUE(store_->purge_completed());
  apply({attempt("m", 2)});
  EXPECT_FALSE(has("m"));
  apply({submitted("m")});
  EXPECT_FALSE(record("m").attempts);
}

TEST_P(Store, TextsMayHoldZerosAndAnyUnicode) {
  const std::string text("a\0b \xf0\x9f\x9a\xa3", 8);
  apply({TaskOutput{MsgId("m"), TaskOutput::Stream::kStdout, text}});
  EXPECT_EQ(record("m").stdout_text, text);
}

TEST_P(Store, RecordsComeInOrderOfInsertionAndHistoryInOrderOfSubmission) {
  apply({submitted("c", "2026-01-01T12:00:00Z"), submitted("a", "2026-01-01T10:00:00Z"),
         output("z", "stub")});
  apply({submitted("b", "2026-01-01T11:00:00Z"), submitted("d", "2026-01-01T11:00:00Z")});
  EXPECT_EQ(matching("{}"), "cazbd");
  EXPECT_EQ(ids_of(*store_->history()), "abdc");
  EXPECT_EQ(*store_->count(), 5u);
}

TEST_P(Store, OnlyTheColumnsAskedForAreFilled) {
  TaskSubmitted change = submitted("m");
  change.buffers = frames({"x"});
  apply({change, output("m", "text")});
  const auto found = store_->find({}, Columns::of({Column::kSubmitted}));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().msg_id, MsgId("m"));
  EXPECT_TRUE(found->front().submitted);
  EXPECT_FALSE(found->front().header);
  EXPECT_TRUE(found->front().buffers.empty());
  EXPECT_EQ(found->front().stdout_text, "");
}

TEST_P(Store, AnAnswerOverItsLimitIsRefusedAndOneOfJustThatSizeIsGiven) {
  TaskSubmitted big = submitted("a");
  big.buffers = frames({std::string(100'000, 'x')});
  apply({big, submitted("b"), submitted("c")});
  std::uint64_t bytes = 0;
  const std::vector<TaskRecord> all = *store_->find({}, Columns::all());
  for (const TaskRecord& record : all) bytes += record_bytes(record);
  EXPECT_GT(bytes, 100'000u);
  EXPECT_EQ(store_->find({}, Columns::all(), bytes)->size(), 3u);
  const auto refused = store_->find({}, Columns::all(), bytes - 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(refused.error().text.find("--answer-bytes-max"), std::string::npos);
  // Columns that were not asked for take nothing, and the store goes on as before.
  EXPECT_EQ(store_->find({}, Columns::of({Column::kMsgId}), bytes - 100'000)->size(), 3u);
}

TEST_P(Store, OutcomesAreThoseOfLoadBalancedTasksThatHaveEnded) {
  TaskSubmitted direct = submitted("direct");
  direct.queue = TaskQueue::kMux;
  TaskFinished made_up = finished("lost");  // as the controller writes it: no status in metadata
  made_up.metadata_json = Frame();
  made_up.content_json = Frame(std::string(R"({"status": "error"})"));
  made_up.engine.reset();
  apply({submitted("ok"), finished("ok"), submitted("bad"), finished("bad", "error"),
         submitted("aborted"), finished("aborted", "aborted"), submitted("running"), direct,
         finished("direct"), submitted("lost"), made_up});
  const auto outcomes =
      store_->outcomes(std::vector{MsgId("ok"), MsgId("bad"), MsgId("aborted"), MsgId("running"),
                                   MsgId("direct"), MsgId("unknown"), MsgId("lost")});
  ASSERT_TRUE(outcomes);
  std::string text;
  for (const TaskOutcome& outcome : *outcomes) {
    text += outcome.msg_id.str() + (outcome.ended_ok ? "+" : "-") +
            (outcome.engine ? outcome.engine->str() : "nowhere") + " ";
  }
  EXPECT_EQ(text, "ok+engine-1 bad-engine-1 aborted-engine-1 lost-nowhere ");
}

TEST_P(Store, PurgeCompletedKeepsWhatHasNotEnded) {
  apply({submitted("a"), finished("a"), submitted("b"), output("c", "x"), submitted("d"),
         finished("d", "error")});
  ASSERT_TRUE(store_->purge_completed());
  EXPECT_EQ(matching("{}"), "bc");
}

TEST_P(Store, PurgeByIdDeletesTheseAndIgnoresUnknownOnes) {
  apply({submitted("a"), output("a", "x"), submitted("b"), submitted("c")});
  ASSERT_TRUE(store_->purge(std::vector{MsgId("a"), MsgId("nobody"), MsgId("c"), MsgId("a")}));
  EXPECT_EQ(matching("{}"), "b");
  apply({submitted("a")});
  EXPECT_EQ(record("a").stdout_text, "");
}

TEST_P(Store, PurgeOfAnEngineDeletesItsCompletedTasks) {
  TaskFinished elsewhere = finished("b");
  elsewhere.engine = EngineUuid("engine-2");
  TaskSubmitted running = submitted("c");
  running.engine = EngineUuid("engine-1");
  apply({submitted("a"), finished("a"), submitted("b"), elsewhere, running});
  ASSERT_TRUE(store_->purge_engine(EngineUuid("engine-1")));
  EXPECT_EQ(matching("{}"), "bc");
}

TEST_P(Store, LateEndsOfPurgedTasksDoNotBringThemBack) {
  apply({submitted("a"), finished("a")});
  ASSERT_TRUE(store_->purge_completed());
  apply({finished("a")});
  EXPECT_FALSE(has("a"));
}

INSTANTIATE_TEST_SUITE_P(Stores, Store, ::testing::Values("Memory", "Sqlite"), testing::store_name);

}  // namespace
}  // namespace trireme
