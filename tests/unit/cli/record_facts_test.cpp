#include "cli/record_facts.hpp"

#include <gtest/gtest.h>

namespace trireme::cli {
namespace {

using std::chrono::hours;

Timestamp moment(const char* text) { return *parse_timestamp(text); }

/// A finished native task; tests change what they are about.
Dict finished() {
  return parse_json(R"({
    "msg_id": "s_1_2", "header": {"msg_type": "apply_request"}, "metadata": {},
    "content": {"function": "text.read_files", "args": ["a", 2], "kwargs": {}},
    "submitted": "2026-11-22T01:00:00.000000Z", "started": "2026-11-22T01:00:01.000000Z",
    "completed": "2026-11-22T01:00:03.500000Z", "engine_uuid": "abcdef0123456789",
    "result_content": {"status": "ok"}})")
      .as_dict();
}

TEST(RecordFactsTest, TellsWhatATaskDid) {
  struct Case {
    const char* content;
    std::string what;
  };
  const Case cases[] = {
      {R"({"function": "f", "args": []})", "f()"},
      {R"({"function": "f", "args": [1, {"$buffer": 0, "dtype": "<f8", "shape": [3]}]})",
       "f(1, <data>)"},
      {R"({"function": "trireme.run_command", "args": [["ls", "-l", "a b"]]})", "ls -l 'a b'"},
      {R"({"function": "trireme.run_command", "args": ["ls | wc"]})", "ls | wc"},
      {R"({"function": "trireme.run_command", "args": []})", "trireme.run_command"},
      {R"({"function": "trireme.run_command", "args": [[1]]})", "''"},
      {R"({"code": "print 1", "silent": false})", "print 1"},
      {R"({})", "apply_request"},
      {R"("no dict")", "apply_request"},
  };
  for (const Case& c : cases) {
    Dict record = finished();
    record["content"] = parse_json(c.content);
    EXPECT_EQ(read_facts(record, {}).what, c.what) << c.content;
  }
}

TEST(RecordFactsTest, TellsTheStateOfATask) {
  struct Case {
    const char* change;
    TaskState state;
  };
  const Case cases[] = {
      {R"({})", TaskState::kOk},
      {R"({"result_content": {"status": "error", "ename": "E"}})", TaskState::kFailed},
      {R"({"result_content": {"status": "aborted"}})", TaskState::kAborted},
      {R"({"result_content": null})", TaskState::kFailed},
      {R"({"result_content": null, "completed": null})", TaskState::kRunning},
      {R"({"result_content": null, "completed": null, "engine_uuid": null})", TaskState::kWaiting},
  };
  for (const Case& c : cases) {
    Dict record = finished();
    const Value changes = parse_json(c.change);
    for (const auto& [key, value] : changes.as_dict()) record[key] = value;
    EXPECT_EQ(read_facts(record, {}).state, c.state) << c.change;
  }
}

TEST(RecordFactsTest, NamesTheEngineByItsIdWhileItLives) {
  EXPECT_EQ(read_facts(finished(), {{"abcdef0123456789", 3}}).engine, "3");
  EXPECT_EQ(read_facts(finished(), {}).engine, "abcdef01");
}

TEST(RecordFactsTest, MeasuresFromStartToEnd) {
  EXPECT_EQ(read_facts(finished(), {}).seconds(), 2.5);
  Dict record = finished();
  record.erase("started");
  EXPECT_EQ(read_facts(record, {}).seconds(), std::nullopt);
}

TEST(RecordFactsTest, HasTheExitCodeOfCommandsOnly) {
  Dict record = finished();
  record["result_content"] = parse_json(R"({"status": "ok", "result": {"exit_code": 3}})");
  EXPECT_EQ(read_facts(record, {}).exit_code, std::nullopt);
  record["content"] = parse_json(R"({"function": "trireme.run_command", "args": [["x"]]})");
  EXPECT_EQ(read_facts(record, {}).exit_code, 3);
}

TEST(RecordFactsTest, ShowsTheErrorOfAFailedTask) {
  Dict record = finished();
  record["result_content"] =
      parse_json(R"({"status": "error", "ename": "ValueError", "evalue": "too small"})");
  EXPECT_EQ(read_facts(record, {}).error, "ValueError: too small");
}

TEST(RecordFactsTest, OfAnEmptyRecordAreEmpty) {
  const RecordFacts facts = read_facts({}, {});
  EXPECT_EQ(facts.what, "");
  EXPECT_EQ(facts.state, TaskState::kWaiting);
  EXPECT_FALSE(facts.submitted.has_value());
}

TEST(RecordFactsTest, ShowsTheDateOfTimesLongAgo) {
  const Timestamp now = moment("2026-11-22T12:00:00.000000Z");
  EXPECT_EQ(describe_time(now - hours(1), now).size(), 8U);
  EXPECT_EQ(describe_time(now - hours(100), now).size(), 19U);
  EXPECT_EQ(describe_time(std::nullopt, now), "");
}

TEST(RecordFactsTest, ReadsHowLongAgoSomethingWas) {
  const Timestamp now = moment("2026-11-22T12:00:00.000000Z");
  EXPECT_EQ(parse_since("90", now), now - std::chrono::seconds(90));
  EXPECT_EQ(parse_since("90s", now), now - std::chrono::seconds(90));
  EXPECT_EQ(parse_since("15m", now), now - std::chrono::minutes(15));
  EXPECT_EQ(parse_since("6h", now), now - hours(6));
  EXPECT_EQ(parse_since("2d", now), now - hours(48));
  EXPECT_EQ(parse_since("2026-11-22T11:00:00Z", now), now - hours(1));
  for (const char* text : {"", "h", "-5m", "5w", "soon", "99999999999999999999"}) {
    EXPECT_EQ(parse_since(text, now), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace trireme::cli
