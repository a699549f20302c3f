// Every operator of the query language over every kind of column and every store.
#include "db/query.hpp"

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::at;
using testing::EveryStore;
using testing::finished;
using testing::frames;
using testing::output;
using testing::submitted;

// Four records:
//   a  a direct task of client-1 on engine-1, submitted at 10:00, completed at 10:00:05, label
//   alpha b  a task of client-2 on engine-2, submitted at 11:00, still running c  output without a
//   task d  a task of client-1 on engine-1, submitted at 12:00, failed at 12:00:05, label beta
std::vector<RecordChange> four_records() {
  TaskSubmitted a = submitted("a", "2026-01-01T10:00:00Z");
  a.queue = TaskQueue::kMux;
  a.engine = EngineUuid("engine-1");
  a.metadata_json = Frame(std::string(R"({"label": "alpha"})"));
  a.content_json = Frame(std::string(R"({"n": 1, "when": "2026-01-01T10:00:00Z"})"));
  a.buffers = frames({"x"});
  TaskFinished a_end = finished("a");
  a_end.buffers = frames({"r", "s"});
  TaskSubmitted b = submitted("b", "2026-01-01T11:00:00Z");
  b.header_json = Frame(std::string(R"({"date": "2026-01-01T11:00:00Z", "session": "client-2"})"));
  b.content_json = Frame(std::string(R"({"n": 2.0})"));
  TaskSubmitted d = submitted("d", "2026-01-01T12:00:00Z");
  d.metadata_json = Frame(std::string(R"({"label": "beta"})"));
  return {a,
          a_end,
          b,
          TaskAssigned{MsgId("b"), EngineUuid("engine-2"), at("2026-01-01T11:00:00Z")},
          output("b", "warning", TaskOutput::Stream::kStderr),
          output("c", "hello"),
          d,
          finished("d", "error", "2026-01-01T12:00:05Z")};
}

struct Case {
  const char* query;
  const char* expected;  // ids of the matching records, or the text of the error
};

// One line a meaning; the test below counts that each operator meets each kind of column.
constexpr Case kCases[] = {
    {R"({})", "abcd"},
    // text
    {R"({"client_uuid": {"$lt": "client-2"}})", "ad"},
    {R"({"client_uuid": {"$lte": "client-1"}})", "ad"},
    {R"({"client_uuid": {"$gt": "client-1"}})", "b"},
    {R"({"client_uuid": {"$gte": "client-1"}})", "abd"},
    {R"({"client_uuid": {"$gt": null}})", ""},
    {R"({"client_uuid": {"$lt": 5}})", "$lt on client_uuid needs a string"},
    {R"({"msg_id": {"$gt": "b"}})", "cd"},
    {R"({"msg_id": {"$lt": "2026-01-01T10:00:00Z"}})", ""},
    {R"({"stdout": {"$gt": "a"}})", "c"},
    {R"({"stdout": {"$lte": ""}})", "abd"},
    {R"({"label": "alpha"})", "a"},
    {R"({"label": {"$eq": "beta"}})", "d"},
    {R"({"label": null})", "bc"},
    {R"({"label": {"$eq": 1}})", ""},
    {R"({"label": {"$ne": null}})", "ad"},
    {R"({"label": {"$ne": "alpha"}})", "bcd"},
    {R"({"msg_id": null})", ""},
    {R"({"msg_id": {"$ne": null}})", "abcd"},
    {R"({"msg_id": {"$ne": ""}})", "abcd"},
    {R"({"stdout": ""})", "abd"},
    {R"({"stderr": {"$ne": ""}})", "b"},
    {R"({"queue": "mux"})", "a"},
    {R"({"msg_id": {"$in": ["d", "a", "z"]}})", "ad"},
    {R"({"msg_id": {"$in": []}})", ""},
    {R"({"msg_id": {"$in": "abc"}})", "$in on msg_id needs a list"},
    {R"({"label": {"$in": [null, "beta", 7]}})", "bcd"},
    {R"({"label": {"$in": [null]}})", "bc"},
    {R"({"label": {"$in": ["2026-01-01T10:00:00Z", "beta"]}})", "d"},
    {R"({"stdout": {"$in": ["hello", 3]}})", "c"},
    {R"({"label": {"$nin": ["alpha"]}})", "bcd"},
    {R"({"label": {"$nin": ["alpha", null]}})", "d"},
    {R"({"label": {"$nin": []}})", "abcd"},
    {R"({"label": {"$nin": [null]}})", "ad"},
    {R"({"label": {"$nin": 3}})", "$nin on label needs a list"},
    {R"({"label": {"$all": ["beta", "beta"]}})", "d"},
    {R"({"label": {"$all": ["beta", "alpha"]}})", ""},
    {R"({"label": {"$all": []}})", ""},
    {R"({"label": {"$all": [null]}})", "bc"},
    {R"({"label": {"$all": "beta"}})", "$all on label needs a list"},
    {R"({"label": {"$mod": [2, 0]}})", ""},
    {R"({"label": {"$mod": [0, 1]}})",
     "$mod on label needs a list of two integers, the first of them not 0"},
    {R"({"label": {"$mod": "2"}})",
     "$mod on label needs a list of two integers, the first of them not 0"},
    {R"({"label": {"$exists": true}})", "ad"},
    {R"({"label": {"$exists": false}})", "bc"},
    {R"({"label": {"$exists": 0}})", "bc"},
    {R"({"label": {"$exists": null}})", "bc"},
    {R"({"stdout": {"$exists": true}})", "abcd"},
    {R"({"stdout": {"$exists": false}})", ""},
    {R"({"label": {"$glob": "*a"}})", "ad"},
    {R"({"label": {"$glob": "[!b]*"}})", "a"},
    {R"({"stdout": {"$glob": "h?llo"}})", "c"},
    {R"({"label": {"$glob": 3}})", "$glob on label needs a pattern"},
    // dates
    {R"({"submitted": {"$lt": "2026-01-01T11:00:00Z"}})", "a"},
    {R"({"submitted": {"$lte": "2026-01-01T11:00:00Z"}})", "ab"},
    {R"({"submitted": {"$gt": "2026-01-01T11:00:00Z"}})", "d"},
    {R"({"submitted": {"$gte": "2026-01-01T11:00:00Z"}})", "bd"},
    {R"({"submitted": {"$gte": "2026-01-01T13:00:00+02:00"}})", "bd"},
    {R"({"submitted": {"$lt": null}})", ""},
    {R"({"submitted": {"$lt": "yesterday"}})",
     "$lt on submitted needs a date such as 2026-11-22T01:38:22Z, not 'yesterday'"},
    {R"({"submitted": {"$gte": "2026-01-01T10:30:00Z", "$lt": "2026-01-01T11:30:00Z"}})", "b"},
    {R"({"submitted": "2026-01-01T10:00:00.000000+00:00"})", "a"},
    {R"({"submitted": {"$eq": "2026-01-01 11:00:00Z"}})", "b"},
    {R"({"submitted": {"$eq": "never"}})", ""},
    {R"({"completed": null})", "bc"},
    {R"({"completed": {"$ne": null}})", "ad"},
    {R"({"submitted": {"$ne": "2026-01-01T10:00:00Z"}})", "bcd"},
    {R"({"submitted": {"$ne": 12}})", "abcd"},
    {R"({"submitted": {"$in": ["2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z", 1]}})", "ad"},
    {R"({"submitted": {"$in": [null, "2026-01-01T10:00:00Z"]}})", "ac"},
    {R"({"submitted": {"$nin": ["2026-01-01T10:00:00Z"]}})", "bcd"},
    {R"({"submitted": {"$all": ["2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00"]}})", "a"},
    {R"({"submitted": {"$mod": [2, 0]}})", ""},
    {R"({"started": {"$exists": true}})", "ad"},
    {R"({"received": {"$exists": false}})", "bc"},
    {R"({"submitted": {"$glob": "2026-01-01T1[01]*"}})", "ab"},
    // objects
    {R"({"content": {"$lt": "x"}})", "$lt on content needs a column with an order: text or a date"},
    {R"({"content": {"$lte": "x"}})",
     "$lte on content needs a column with an order: text or a date"},
    {R"({"content": {"$gt": "x"}})", "$gt on content needs a column with an order: text or a date"},
    {R"({"content": {"$gte": "x"}})",
     "$gte on content needs a column with an order: text or a date"},
    {R"({"content": {"$eq": {"when": "2026-01-01T11:00:00+01:00", "n": 1.0}}})", "a"},
    {R"({"content": {"$eq": {"n": 2}}})", "b"},
    {R"({"content": {"$eq": "text"}})", ""},
    {R"({"header": null})", "c"},
    {R"({"content": {"$ne": {"n": 2}}})", "acd"},
    {R"({"content": {"$in": [{"n": 2}, {}, "x"]}})", "bd"},
    {R"({"content": {"$in": [null, {}]}})", "cd"},
    {R"({"content": {"$nin": [{"n": 2}, {}]}})", "ac"},
    {R"({"content": {"$all": [{"n": 2}, {"n": 2.0}]}})", "b"},
    {R"({"content": {"$mod": [2, 0]}})", ""},
    {R"({"result_content": {"$exists": true}})", "ad"},
    {R"({"content": {"$glob": "*"}})", "$glob on content needs a column of text or dates"},
    // buffers
    {R"({"buffers": {"$lt": "x"}})", "$lt on buffers needs a column with an order: text or a date"},
    {R"({"buffers": {"$lte": "x"}})",
     "$lte on buffers needs a column with an order: text or a date"},
    {R"({"buffers": {"$gt": "x"}})", "$gt on buffers needs a column with an order: text or a date"},
    {R"({"buffers": {"$gte": "x"}})",
     "$gte on buffers needs a column with an order: text or a date"},
    {R"({"buffers": null})", "bcd"},
    {R"({"buffers": {"$eq": ["x"]}})", ""},
    {R"({"result_buffers": {"$ne": null}})", "a"},
    {R"({"buffers": {"$in": [null, "x"]}})", "bcd"},
    {R"({"buffers": {"$in": ["x"]}})", ""},
    {R"({"buffers": {"$nin": [null]}})", "a"},
    {R"({"buffers": {"$all": [null]}})", "bcd"},
    {R"({"buffers": {"$mod": [2, 0]}})", ""},
    {R"({"result_buffers": {"$exists": true}})", "a"},
    {R"({"buffers": {"$exists": false}})", "bcd"},
    {R"({"buffers": {"$glob": "*"}})", "$glob on buffers needs a column of text or dates"},
    // several conditions
    {R"({"client_uuid": "client-1", "label": "beta"})", "d"},
    {R"({"client_uuid": "client-1", "stdout": "hello"})", ""},
    {R"({"label": {"$ne": null, "$glob": "*a", "$lt": "b"}})", "a"},
    {R"({"label": {}})", "abcd"},
    // refused
    {R"({"msg_id": {"$regex": "x"}})", "'$regex'"},
    {R"({"content": {"n": 1}})", "'n'"},
    {R"({"nokey": 1})", "'nokey'"},
    {R"({"it's": 1})", "\"it's\""},
    {R"([])", "a query must be an object of columns and conditions"},
    {R"({"msg_id": )", "the query is not JSON"},
};

class QueryOverEveryStore : public EveryStore {};

TEST_P(QueryOverEveryStore, EveryCaseMatchesWhatItsLineSays) {
  apply(four_records());
  for (const Case& item : kCases) EXPECT_EQ(matching(item.query), item.expected) << item.query;
}

TEST_P(QueryOverEveryStore, EveryCaseMatchesTheSameWithoutTheColumnsItLooksAt) {
  apply(four_records());
  for (const Case& item : kCases) {
    EXPECT_EQ(matching(item.query, Columns::of({Column::kMsgId})), item.expected) << item.query;
  }
}

TEST_P(QueryOverEveryStore, MoreIdsThanAStatementTakesAreFound) {
  apply(four_records());
  std::vector<MsgId> ids{MsgId("d"), MsgId("b")};
  for (int i = 0; i < 40000; ++i) ids.emplace_back("other-" + std::to_string(i));
  const auto found = store_->find(Query::with_ids(ids), Columns::of({Column::kMsgId}));
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(testing::ids_of(*found), "bd");
}

INSTANTIATE_TEST_SUITE_P(Stores, QueryOverEveryStore, ::testing::Values("Memory", "Sqlite"),
                         testing::store_name);

TEST(Query, EveryOperatorHasACaseForEveryKindOfColumn) {
  std::set<std::pair<std::string, ColumnKind>> seen;
  for (const Case& item : kCases) {
    const auto query = nlohmann::json::parse(item.query, nullptr, false);
    if (!query.is_object()) continue;
    for (const auto& [name, test] : query.items()) {
      const auto column = column_named(name);
      if (!column || !test.is_object()) continue;
      for (const auto& [op, operand] : test.items()) {
        seen.emplace(op, column_info(*column).kind);
      }
    }
  }
  for (const QueryOperatorInfo& info : kQueryOperators) {
    for (const ColumnKind kind :
         {ColumnKind::kText, ColumnKind::kDict, ColumnKind::kTimestamp, ColumnKind::kBuffers}) {
      EXPECT_TRUE(seen.contains({std::string(info.name), kind}))
          << info.name << " has no case for kind " << static_cast<int>(kind);
    }
  }
}

TEST(Query, ErrorsCarryTheCodeTheirKindNeeds) {
  const std::map<std::string, ErrorCode> expected{
      {R"({"nokey": 1})", ErrorCode::kKeyError},
      {R"({"msg_id": {"$regex": 1}})", ErrorCode::kKeyError},
      {R"({"msg_id": {"$in": 1}})", ErrorCode::kTypeError},
      {R"([1])", ErrorCode::kTypeError},
      {R"({)", ErrorCode::kBadFormat},
      {R"({"content": {"$eq": )" + std::string(300, '[') + std::string(300, ']') + "}}",
       ErrorCode::kBadFormat},
  };
  for (const auto& [query, code] : expected) {
    const Result<Query> parsed = parse_query(query);
    ASSERT_FALSE(parsed) << query;
    EXPECT_EQ(parsed.error().code, code) << query;
  }
}

TEST(Query, TextThatIsADateEqualsOtherSpellingsOfItsInstant) {
  TaskRecord record;
  record.msg_id = MsgId("m");
  record.label = "2026-01-01T10:00:00Z";
  EXPECT_TRUE(matches(*parse_query(R"({"label": "2026-01-01T11:00:00+01:00"})"), record));
  EXPECT_TRUE(
      matches(*parse_query(R"({"label": {"$in": ["2026-01-01T11:00:00+01:00"]}})"), record));
  EXPECT_FALSE(matches(*parse_query(R"({"label": "2026-01-01T10:00:01Z"})"), record));
}

TEST(Columns, NoKeysMeanAllButTheBuffers) {
  for (const char* keys : {"null", "[]", ""}) {
    const Result<Columns> columns = parse_columns(keys);
    ASSERT_TRUE(columns) << keys;
    EXPECT_EQ(*columns, Columns::usual()) << keys;
  }
  EXPECT_FALSE(Columns::usual().has_buffers());
}

TEST(Columns, NamedKeysAlwaysIncludeTheId) {
  EXPECT_EQ(*parse_columns(R"(["submitted", "buffers"])"),
            Columns::of({Column::kMsgId, Column::kSubmitted, Column::kBuffers}));
}

TEST(Columns, UnknownKeysAreKeyErrorsAndOtherThingsTypeErrors) {
  EXPECT_EQ(parse_columns(R"(["nokey"])").error().code, ErrorCode::kKeyError);
  EXPECT_EQ(parse_columns(R"(["nokey"])").error().text, "'nokey'");
  for (const char* keys : {R"("submitted")", R"([1])", R"({"a": 1})", "7", "["}) {
    EXPECT_EQ(parse_columns(keys).error().code, ErrorCode::kTypeError) << keys;
  }
}

TEST(Columns, EveryColumnIsFoundByItsName) {
  for (const ColumnInfo& info : kColumns) EXPECT_EQ(column_named(info.name), info.column);
  EXPECT_FALSE(column_named("display_data"));
}

}  // namespace
}  // namespace trireme
