// The SQLite file: what it keeps, what it refuses, and how it grows.
#include "db/sqlite_store.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "db/content_hash.hpp"
#include "db/schema.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using namespace std::chrono_literals;
using testing::finished;
using testing::frames;
using testing::output;
using testing::submitted;
using testing::TemporaryFolder;

/// A connection of somebody else to the same file.
class Stranger {
 public:
  explicit Stranger(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &database_), SQLITE_OK);
  }
  ~Stranger() { sqlite3_close(database_); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void execute(const char* sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, &error), SQLITE_OK)
        << (error == nullptr ? "" : error);
    sqlite3_free(error);
  }
  std::int64_t number(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr), SQLITE_OK) << sql;
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW) << sql;
    const std::int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
  }

 private:
  sqlite3* database_ = nullptr;
};

/// While it lives, this process may do only what anybody may, even when root runs the test.
class Unprivileged {
 public:
  Unprivileged() : before_(::geteuid()) {
    const bool dropped = before_ != 0 || ::seteuid(65534) == 0;
    EXPECT_TRUE(dropped);
  }
  ~Unprivileged() { EXPECT_EQ(::seteuid(before_), 0); }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  ::uid_t before_;
};

class SqliteFile : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open() {
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(file_, {.busy_timeout = 20ms});
    EXPECT_TRUE(opened) << opened.error().text;
    return opened ? std::move(*opened) : nullptr;
  }
  Error refusal() {
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(file_, {.busy_timeout = 20ms});
    EXPECT_FALSE(opened);
    return opened ? Error{ErrorCode::kInternal, ""} : opened.error();
  }
  void write_file(const std::string& bytes) { std::ofstream(file_) << bytes; }
  static void expect_names(const std::string& text, const std::filesystem::path& file) {
    EXPECT_NE(text.find(file.string()), std::string::npos) << text;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.file("trireme.db");
};

TEST_F(SqliteFile, RecordsOutliveTheProcess) {
  TaskSubmitted start = submitted("m");
  start.buffers = frames({"small", std::string(5000, 'x')});
  ASSERT_TRUE(open()->apply(std::vector<RecordChange>{start, output("m", "text"), finished("m")}));
  const auto store = open();
  const auto found = store->get(MsgId("m"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->buffers, start.buffers);
  EXPECT_EQ((*found)->stdout_text, "text");
  EXPECT_TRUE((*found)->completed);
}

TEST_F(SqliteFile, OnlyItsOwnerMayReadIt) {
  open();
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(SqliteFile, ANewFileHasTheNewestVersion) {
  open();
  Stranger stranger(file_);
  EXPECT_EQ(stranger.number("PRAGMA user_version"), task_migrations().back().to);
  EXPECT_EQ(stranger.number("PRAGMA application_id"), kTaskDatabaseId);
  EXPECT_EQ(stranger.number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

TEST_F(SqliteFile, ANewerVersionIsRefusedAndLeftAlone) {
  open();
  Stranger(file_).execute("PRAGMA user_version = 99");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kVersion);
  EXPECT_NE(error.text.find("99"), std::string::npos) << error.text;
  expect_names(error.text, file_);
  EXPECT_EQ(Stranger(file_).number("PRAGMA user_version"), 99);
}

TEST_F(SqliteFile, MigrationsRunOnceEachInOrder) {
  const std::vector<Migration> first{{1, "CREATE TABLE steps (name TEXT)"}};
  const std::vector<Migration> later{
      {1, "CREATE TABLE steps (name TEXT)"},
      {2, "INSERT INTO steps VALUES ('two')"},
      {3, "INSERT INTO steps SELECT group_concat(name) || ' then three' FROM steps"}};
  auto connection = std::move(*SqliteConnection::open(file_, {}));
  ASSERT_TRUE(prepare_schema(*connection, first));
  ASSERT_TRUE(prepare_schema(*connection, later));
  ASSERT_TRUE(prepare_schema(*connection, later));
  EXPECT_EQ(connection->read_integer("PRAGMA user_version"), 3);
  EXPECT_EQ(connection->read_integer("SELECT count(*) FROM steps WHERE name = 'two then three'"),
            1);
}

TEST_F(SqliteFile, AMigrationThatFailsLeavesTheOldVersion) {
  const std::vector<Migration> first{{1, "CREATE TABLE steps (name TEXT)"}};
  const std::vector<Migration> broken{first[0], {2, "DROP TABLE steps; SELECT * FROM nothing"}};
  auto connection = std::move(*SqliteConnection::open(file_, {}));
  ASSERT_TRUE(prepare_schema(*connection, first));
  EXPECT_FALSE(prepare_schema(*connection, broken));
  EXPECT_EQ(connection->read_integer("PRAGMA user_version"), 1);
  EXPECT_EQ(connection->read_integer("SELECT count(*) FROM steps"), 0);
  EXPECT_TRUE(connection->take_failure());
}

TEST_F(SqliteFile, AFileThatIsNoDatabaseIsRefused) {
  write_file("this is certainly no database, whatever its name says\n" + std::string(2000, '.'));
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kBadFormat);
  expect_names(error.text, file_);
}

TEST_F(SqliteFile, ADamagedFileIsRefused) {
  {
    const auto store = open();
    std::vector<RecordChange> changes;
    for (int i = 0; i < 500; ++i) changes.emplace_back(submitted(std::to_string(i).c_str()));
    ASSERT_TRUE(store->apply(changes));
  }
  std::filesystem::resize_file(file_, 8192);
  Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(file_);
  if (opened) {
    const auto found = (*opened)->find({}, Columns::all());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kBadFormat);
  } else {
    EXPECT_EQ(opened.error().code, ErrorCode::kBadFormat);
  }
}

TEST_F(SqliteFile, ADatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  Stranger(file_).execute("CREATE TABLE \"ipython-tasks\" (msg_id text PRIMARY KEY)");
  const auto before = std::filesystem::file_size(file_);
  EXPECT_EQ(refusal().code, ErrorCode::kBadFormat);
  EXPECT_EQ(std::filesystem::file_size(file_), before);
  EXPECT_EQ(Stranger(file_).number("SELECT journal_mode = 'delete' FROM pragma_journal_mode"), 1);
}

TEST_F(SqliteFile, ALockedFileIsBusy) {
  open();
  Stranger stranger(file_);
  stranger.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE mine (a)");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kBusy);
  expect_names(error.text, file_);
}

TEST_F(SqliteFile, ALockWhileRunningFailsTheGroupAndTheNextTrySucceeds) {
  const auto store = open();
  const std::vector<RecordChange> changes{submitted("m")};
  Stranger stranger(file_);
  stranger.execute("BEGIN IMMEDIATE");
  EXPECT_EQ(store->apply(changes).error().code, ErrorCode::kBusy);
  EXPECT_EQ(*store->count(), 0u);  // reading goes on
  stranger.execute("ROLLBACK");
  ASSERT_TRUE(store->apply(changes));
  EXPECT_EQ(*store->count(), 1u);
}

TEST_F(SqliteFile, AFileThatMayNotBeWrittenIsAPermissionError) {
  open();
  ::chmod(file_.c_str(), 0444);
  ::chmod(folder_.path().c_str(), 0755);
  Unprivileged unprivileged;
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kPermission);
  expect_names(error.text, file_);
}

TEST_F(SqliteFile, AFolderThatMayNotBeWrittenIsAPermissionError) {
  ::chmod(folder_.path().c_str(), 0555);
  Unprivileged unprivileged;
  EXPECT_EQ(refusal().code, ErrorCode::kPermission);
}

TEST_F(SqliteFile, AFolderThatDoesNotExistIsNamed) {
  file_ = folder_.path() / "missing" / "trireme.db";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  expect_names(error.text, file_);
}

TEST_F(SqliteFile, AFolderOfThatNameIsRefused) {
  std::filesystem::create_directory(file_);
  EXPECT_EQ(refusal().code, ErrorCode::kBadFormat);
}

TEST_F(SqliteFile, EqualBuffersAreStoredOnceUntilTheirLastRecordGoes) {
  const auto store = open();
  const std::string big(4096, '*');
  std::vector<RecordChange> changes;
  for (const char* id : {"a", "b", "c"}) {
    TaskSubmitted start = submitted(id);
    start.buffers = frames({"small", big, big});
    TaskFinished end = finished(id);
    end.buffers = frames({big, std::string(4096, id[0])});
    changes.emplace_back(start);
    changes.emplace_back(end);
  }
  ASSERT_TRUE(store->apply(changes));
  Stranger stranger(file_);
  EXPECT_EQ(stranger.number("SELECT count(*) FROM contents"), 4);
  EXPECT_EQ(stranger.number("SELECT count(*) FROM buffers"), 12);
  ASSERT_TRUE(store->purge(std::vector{MsgId("a")}));
  EXPECT_EQ(stranger.number("SELECT count(*) FROM contents"), 3);
  EXPECT_EQ((*store->get(MsgId("b")))->buffers, frames({"small", big, big}));
  ASSERT_TRUE(store->purge_completed());
  for (const char* table : {"contents", "buffers", "outputs", "messages", "records"}) {
    EXPECT_EQ(stranger.number((std::string("SELECT count(*) FROM ") + table).c_str()), 0) << table;
  }
}

TEST_F(SqliteFile, ContentsWithOneNumberAreKeptApart) {
  const auto store = open();
  TaskSubmitted first = submitted("a");
  first.buffers = frames({std::string(4096, '1')});
  TaskSubmitted second = submitted("b");
  second.buffers = frames({std::string(4096, '2')});
  TaskSubmitted third = submitted("c");
  third.buffers = second.buffers;
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{first}));
  const auto number =
      std::to_string(static_cast<std::int64_t>(content_hash(second.buffers.front().view())));
  Stranger(file_).execute(("UPDATE contents SET hash = " + number).c_str());
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{second, third}));
  EXPECT_EQ(Stranger(file_).number("SELECT count(*) FROM contents"), 2);
  EXPECT_EQ((*store->get(MsgId("a")))->buffers, first.buffers);
  EXPECT_EQ((*store->get(MsgId("c")))->buffers, second.buffers);
}

TEST(ContentHash, EveryByteAndTheSizeCount) {
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size < 100; ++size) {
    EXPECT_TRUE(seen.insert(content_hash(std::string(size, '\0'))).second) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string bytes(size, '\0');
      bytes[at] = '\1';
      EXPECT_TRUE(seen.insert(content_hash(bytes)).second) << at << " of " << size;
    }
  }
  EXPECT_EQ(content_hash("it lies in files, so it stays as it is"), 4648844256161766686u);
}

TEST_F(SqliteFile, ReplacedBuffersTakeTheirContentsAlong) {
  const auto store = open();
  TaskFinished first = finished("m");
  first.buffers = frames({std::string(4096, '1')});
  TaskFinished second = finished("m");
  second.buffers = frames({std::string(4096, '2')});
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{submitted("m"), first}));
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{second}));
  EXPECT_EQ(Stranger(file_).number("SELECT count(*) FROM contents"), 1);
  EXPECT_EQ((*store->get(MsgId("m")))->result_buffers, second.buffers);
}

TEST_F(SqliteFile, AGroupWritesARecordOnce) {
  const auto store = open();
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{
      submitted("m"), output("m", "a"), output("m", "b"), output("m", "c"), finished("m")}));
  EXPECT_EQ(Stranger(file_).number("SELECT count(*) FROM outputs"), 1);
  EXPECT_EQ((*store->get(MsgId("m")))->stdout_text, "abc");
}

TEST_F(SqliteFile, AnEarlyVersionIsRefusedAndLeftAlone) {
  open();
  Stranger(file_).execute("PRAGMA user_version = 2");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::kVersion);
  EXPECT_NE(error.text.find("move it away"), std::string::npos) << error.text;
  expect_names(error.text, file_);
  EXPECT_EQ(Stranger(file_).number("PRAGMA user_version"), 2);
}

TEST_F(SqliteFile, QueriesByIdAndForWhatIsUnfinishedUseIndexes) {
  open();
  for (const char* condition : {"msg_id IN ('a', 'b')", "completed IS NULL"}) {
    const std::string sql =
        std::string("EXPLAIN QUERY PLAN SELECT id FROM records WHERE ") + condition;
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &database), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const std::string plan = reinterpret_cast<const char*>(sqlite3_column_text(statement, 3));
    EXPECT_NE(plan.find("INDEX"), std::string::npos) << condition << ": " << plan;
    sqlite3_finalize(statement);
    sqlite3_close(database);
  }
}

TEST_F(SqliteFile, ALargeGroupIsWrittenInOrder) {
  const auto store = open();
  std::vector<RecordChange> changes;
  std::string ids;
  for (int i = 0; i < 299; ++i) {
    const std::string id = std::to_string(i) + ",";
    ids += id;
    changes.emplace_back(submitted(id.c_str()));
    if (i % 3 != 0) changes.emplace_back(finished(id.c_str()));
  }
  ASSERT_TRUE(store->apply(changes));
  EXPECT_EQ(testing::ids_of(*store->find({}, Columns::of({Column::kMsgId}))), ids);
  EXPECT_EQ(Stranger(file_).number("SELECT count(*) FROM messages"), 299 + 199);
}

TEST_F(SqliteFile, ASubmissionOfATaskThatIsThereChangesItsRecord) {
  {
    const auto store = open();
    ASSERT_TRUE(store->apply(std::vector<RecordChange>{submitted("a"), submitted("b")}));
    ASSERT_TRUE(store->apply(std::vector<RecordChange>{finished("a")}));
  }
  const auto store = open();  // which remembers neither
  TaskSubmitted again = submitted("a", "2026-02-02T00:00:00Z");
  again.buffers = frames({"new", std::string(5000, 'n')});
  std::vector<RecordChange> changes{submitted("c"), again, output("b", "text"), submitted("d")};
  ASSERT_TRUE(store->apply(changes));
  EXPECT_EQ(testing::ids_of(*store->find({}, Columns::all())), "abcd");
  const auto found = store->get(MsgId("a"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->submitted, testing::at("2026-02-02T00:00:00Z"));
  EXPECT_EQ((*found)->buffers, again.buffers);
  EXPECT_TRUE((*found)->completed);
  EXPECT_EQ((*store->get(MsgId("b")))->stdout_text, "text");
}

TEST_F(SqliteFile, WhatAFailedGroupWroteIsNotRemembered) {
  const auto store = open();
  {
    Stranger stranger(file_);
    stranger.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON outputs BEGIN "
        "SELECT RAISE(ABORT, 'refused'); END");
  }
  ASSERT_FALSE(store->apply(std::vector<RecordChange>{submitted("m"), output("m", "text")}));
  Stranger(file_).execute("DROP TRIGGER refuse");
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{finished("m")}));  // of nothing: dropped
  EXPECT_EQ(*store->count(), 0u);
  ASSERT_TRUE(store->apply(std::vector<RecordChange>{submitted("m"), output("m", "text")}));
  EXPECT_EQ((*store->get(MsgId("m")))->stdout_text, "text");
}

}  // namespace
}  // namespace trireme
