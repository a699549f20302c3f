// Metadata of every kind that clients and engines send, and of some that they should not.
#include "controller/scheduler/task_terms.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

std::vector<MsgId> ids(std::vector<std::string> texts) {
  std::vector<MsgId> result;
  for (std::string& text : texts) result.emplace_back(std::move(text));
  return result;
}

TEST(TaskTerms, EmptyMetadataAsksForNothing) {
  for (const char* text : {"{}", " { } ", R"({"label": null, "more": [1, {"deep": []}]})"}) {
    Result<TaskTerms> terms = parse_task_terms(text);
    ASSERT_TRUE(terms) << text;
    EXPECT_TRUE(terms->after.ids.empty());
    EXPECT_TRUE(terms->follow.ids.empty());
    EXPECT_FALSE(terms->timeout);
    EXPECT_TRUE(terms->targets.empty());
    EXPECT_EQ(terms->retries, 0u);
  }
}

TEST(TaskTerms, WhatAStockClientSendsIsRead) {
  Result<TaskTerms> terms = parse_task_terms(
      R"({"after": ["b", "a", "b"], "follow": {"all": false, "dependencies": ["c"],)"
      R"( "success": true, "failure": true}, "timeout": 1.5, "targets": ["e2", "e1"],)"
      R"( "retries": 3, "label": "x"})");
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->after.ids, ids({"a", "b"}));
  EXPECT_TRUE(terms->after.all);
  EXPECT_TRUE(terms->after.success);
  EXPECT_FALSE(terms->after.failure);
  EXPECT_EQ(terms->follow.ids, ids({"c"}));
  EXPECT_FALSE(terms->follow.all);
  EXPECT_TRUE(terms->follow.failure);
  EXPECT_EQ(terms->timeout, nanoseconds(milliseconds(1500)));
  EXPECT_EQ(terms->targets, (std::vector<EngineUuid>{EngineUuid("e1"), EngineUuid("e2")}));
  EXPECT_EQ(terms->retries, 3u);
}

TEST(TaskTerms, NullStandsForAbsent) {
  Result<TaskTerms> terms = parse_task_terms(
      R"({"after": null, "follow": {"dependencies": null, "all": null}, "timeout": null,)"
      R"( "targets": null, "retries": null})");
  ASSERT_TRUE(terms);
  EXPECT_TRUE(terms->after.ids.empty());
  EXPECT_TRUE(terms->follow.all);
  EXPECT_FALSE(terms->timeout);
}

TEST(TaskTerms, DependencyMayBeOneId) {
  Result<TaskTerms> terms = parse_task_terms(R"({"after": "caf\u00e9"})");
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->after.ids, ids({"caf\xc3\xa9"}));
}

TEST(TaskTerms, DependencyOnNoEndingIsReadAndMakesNoSense) {
  Result<TaskTerms> terms =
      parse_task_terms(R"({"after": {"dependencies": ["a"], "success": false}})");
  ASSERT_TRUE(terms);
  EXPECT_FALSE(terms->after.makes_sense());
  EXPECT_TRUE(terms->follow.makes_sense());
}

struct TimeoutCase {
  const char* text;
  std::optional<nanoseconds> expected;
};

TEST(TaskTerms, TimeoutsAreCutToWhatClocksCanHold) {
  const std::vector<TimeoutCase> cases{{"0", std::nullopt},     {"0.0", std::nullopt},
                                       {"2", seconds(2)},       {"-1", seconds(0)},
                                       {"1e300", std::nullopt}, {"0.25", milliseconds(250)},
                                       {"-1e300", seconds(0)}};
  for (const TimeoutCase& entry : cases) {
    Result<TaskTerms> terms = parse_task_terms("{\"timeout\": " + std::string(entry.text) + "}");
    ASSERT_TRUE(terms) << entry.text;
    EXPECT_EQ(terms->timeout, entry.expected) << entry.text;
  }
}

TEST(TaskTerms, RetriesAreCutToTheirLimits) {
  EXPECT_EQ(parse_task_terms(R"({"retries": -3})")->retries, 0u);
  EXPECT_EQ(parse_task_terms(R"({"retries": 99999999999})")->retries, kTaskRetriesMax);
}

TEST(TaskTerms, WrongKindsAreRefusedByName) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"after": 3})", "after"},
      {R"({"after": ["a", 3]})", "after"},
      {R"({"after": {"dependencies": "a"}})", "after"},
      {R"({"after": {"all": "yes"}})", "all"},
      {R"({"follow": true})", "follow"},
      {R"({"follow": {"success": 1}})", "success"},
      {R"({"follow": {"failure": []}})", "failure"},
      {R"({"timeout": "soon"})", "timeout"},
      {R"({"timeout": []})", "timeout"},
      {R"({"targets": "e1"})", "targets"},
      {R"({"targets": [null]})", "targets"},
      {R"({"retries": 1.5})", "retries"},
      {R"({"retries": "two"})", "retries"},
  };
  for (const auto& [text, key] : cases) {
    Result<TaskTerms> terms = parse_task_terms(text);
    ASSERT_FALSE(terms) << text;
    EXPECT_EQ(terms.error().code, ErrorCode::kBadFormat);
    EXPECT_NE(terms.error().text.find("'" + std::string(key) + "'"), std::string::npos)
        << terms.error().text;
  }
}

TEST(TaskTerms, WhatIsNoObjectIsRefused) {
  for (const char* text :
       {"", " ", "[]", "3", "null", "\"x\"", "{", "{\"after\": [\"a\"", "{\"after\" [\"a\"]}",
        "{\"retries\": 1}}", "{} {}", "{\"a\": \xff}", "{\"after\": [\"a\" \"b\"]}"}) {
    Result<TaskTerms> terms = parse_task_terms(text);
    EXPECT_FALSE(terms) << text;
  }
}

TEST(ReplyTerms, WhatEnginesSendIsRead) {
  struct Case {
    const char* metadata;
    const char* content;
    bool met;
    ReplyStatus status;
  };
  const std::vector<Case> cases{
      {R"({"status": "ok", "engine": "x"})", "", true, ReplyStatus::kOk},
      {R"({"dependencies_met": true, "status": "error", "engine_info": {"engine_id": -1}})", "",
       true, ReplyStatus::kError},
      {R"({"dependencies_met": false, "status": "error"})", "", false, ReplyStatus::kError},
      {R"({"status": "aborted"})", R"({"status": "ok"})", true, ReplyStatus::kAborted},
      {R"({"status": "no such status"})", "", true, ReplyStatus::kError},
      {"{}", "", true, ReplyStatus::kOk},
      {"{}", "{}", true, ReplyStatus::kOk},
      {"{}", R"({"status": "error", "ename": "X"})", true, ReplyStatus::kError},
      {R"({"status": null})", R"({"status": "aborted"})", true, ReplyStatus::kAborted},
  };
  for (const Case& entry : cases) {
    Result<ReplyTerms> terms = parse_reply_terms(entry.metadata, entry.content);
    ASSERT_TRUE(terms) << entry.metadata;
    EXPECT_EQ(terms->dependencies_met, entry.met) << entry.metadata;
    EXPECT_EQ(terms->status, entry.status) << entry.metadata << entry.content;
  }
}

TEST(ReplyTerms, WrongKindsAreRefused) {
  for (const char* text : {"", "[]", R"({"status": 1})", R"({"dependencies_met": "no"})"}) {
    EXPECT_FALSE(parse_reply_terms(text)) << text;
  }
  EXPECT_FALSE(parse_reply_terms("{}", "[]"));
}

}  // namespace
}  // namespace trireme
