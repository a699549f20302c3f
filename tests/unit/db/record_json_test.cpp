// Records as clients receive them.
#include "db/record_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "db/canonical_json.hpp"
#include "db/python_repr.hpp"

namespace trireme {
namespace {

TEST(RecordJson, EmptyColumnsAreNullAndOutputIsEmptyText) {
  TaskRecord record;
  record.msg_id = MsgId("m");
  const auto json = nlohmann::json::parse(record_json(record, Columns::usual()));
  EXPECT_EQ(json.size(), kColumnCount - 3) << "all but buffers and attempts";
  EXPECT_EQ(json["msg_id"], "m");
  EXPECT_TRUE(json["header"].is_null());
  EXPECT_TRUE(json["completed"].is_null());
  EXPECT_EQ(json["stdout"], "");
}

TEST(RecordJson, DatesAreIsoTextAndDictColumnsAreObjects) {
  TaskRecord record;
  record.msg_id = MsgId("m");
  record.submitted = parse_timestamp("2026-01-01T11:00:00+01:00");
  record.execute_result = R"({"data": {"text/plain": "2"}})";
  record.error = R"({"ename": "E"})";
  record.label = "say \"\xff\"\n";
  const auto json = nlohmann::json::parse(record_json(record, Columns::all()));
  EXPECT_EQ(json["submitted"], "2026-01-01T10:00:00.000000Z");
  EXPECT_EQ(json["execute_result"]["data"]["text/plain"], "2");
  EXPECT_EQ(json["error"]["ename"], "E");
  EXPECT_EQ(json["label"], "say \"\xef\xbf\xbd\"\n");
}

TEST(RecordJson, OnlyTheColumnsAskedForAndTheIdAreInIt) {
  TaskRecord record;
  record.msg_id = MsgId("m");
  record.buffers = {Frame(std::string("bytes"))};
  EXPECT_EQ(record_json(record, Columns::of({Column::kQueue, Column::kBuffers})),
            R"({"msg_id": "m", "queue": null})");
}

TEST(CanonicalJson, EqualValuesHaveOneSpelling) {
  EXPECT_EQ(canonical_json(R"({"b": 1.0, "a": [true, null, "x"]})"),
            canonical_json(R"({ "a":[true,null,"x"],"b":1})"));
  EXPECT_EQ(canonical_json(R"("2026-01-01T11:00:00+01:00")"),
            canonical_json(R"("2026-01-01T10:00:00Z")"));
  EXPECT_NE(canonical_json("1.5"), canonical_json("1"));
  EXPECT_NE(canonical_json("9007199254740993"), canonical_json("9007199254740992"));
  EXPECT_FALSE(canonical_json("{"));
}

TEST(PythonRepr, QuotesAsPythonDoes) {
  EXPECT_EQ(python_repr("nokey"), "'nokey'");
  EXPECT_EQ(python_repr("it's"), "\"it's\"");
  EXPECT_EQ(python_repr("'\""), "'\\'\"'");
  EXPECT_EQ(python_repr("a\\b\n\t\r\x01\x7f"), "'a\\\\b\\n\\t\\r\\x01\\x7f'");
}

}  // namespace
}  // namespace trireme
