// The hub's answers as public types.
#include "client/hub_answers.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(HubAnswers, QueuesAreCountedPerEngine) {
  const QueueStatus status = read_queue_status(parse_json(
      R"({"status": "ok", "0": {"queue": 1, "completed": 2, "tasks": 3}, "unassigned": 4})"));
  EXPECT_EQ(status.unassigned, 4u);
  ASSERT_EQ(status.engines.size(), 1u);
  EXPECT_EQ(status.engines.at(0).queue, 1u);
  EXPECT_EQ(status.engines.at(0).completed, 2u);
  EXPECT_EQ(status.engines.at(0).tasks, 3u);
}

TEST(HubAnswers, QueuesAreListedPerEngine) {
  const QueueStatusIds status = read_queue_status_ids(parse_json(
      R"({"1": {"queue": ["a"], "completed": [], "tasks": ["b", "c"]}, "unassigned": []})"));
  EXPECT_EQ(status.engines.at(1).queue, std::vector<std::string>{"a"});
  EXPECT_EQ(status.engines.at(1).tasks.size(), 2u);
}

TEST(HubAnswers, BuffersGoToTheirRecords) {
  const auto bytes = [](const char* text) { return Value(Bytes(std::string(text))); };
  const std::vector<Dict> records =
      read_records(Dict{{"content", parse_json(R"({"records": [{"msg_id": "a"}, {"msg_id": "b"}],
                                      "buffer_lens": [1, 2], "result_buffer_lens": [1, 0]})")},
                        {"buffers", List{bytes("a0"), bytes("ra"), bytes("b0"), bytes("b1")}}});
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].at("buffers"), Value(List{bytes("a0")}));
  EXPECT_EQ(records[0].at("result_buffers"), Value(List{bytes("ra")}));
  EXPECT_EQ(records[1].at("buffers"), Value(List{bytes("b0"), bytes("b1")}));
  EXPECT_EQ(records[1].at("result_buffers"), Value(List{}));
}

TEST(HubAnswers, WithoutBufferColumnsRecordsHaveNone) {
  const std::vector<Dict> records = read_records(
      Dict{{"content", parse_json(R"({"records": [{"msg_id": "a"}], "buffer_lens": null})")},
           {"buffers", List{}}});
  EXPECT_EQ(records.at(0), (Dict{{"msg_id", "a"}}));
}

TEST(HubAnswers, MalformedAnswersAreFormatErrors) {
  const Value answers[] = {5, Dict{}, Dict{{"0", Dict{}}}, Dict{{"0", 5}}, List{}};
  EXPECT_THROW(read_queue_status(answers[2]), FormatError);
  EXPECT_THROW(read_queue_status_ids(answers[3]), FormatError);
  for (const Value& answer : answers) {
    EXPECT_THROW(read_texts(answer, "history"), FormatError) << answer.to_string();
    EXPECT_THROW(read_resubmitted(answer), FormatError) << answer.to_string();
    EXPECT_THROW(read_records(answer), FormatError) << answer.to_string();
  }
  EXPECT_THROW(
      read_records(Dict{{"content", parse_json(R"({"records": [{}], "buffer_lens": [1]})")},
                        {"buffers", List{}}}),
      FormatError);
}

}  // namespace
}  // namespace trireme
