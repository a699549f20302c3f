// A failing disk and a killed process: whatever happens, a group is in the file whole or not at
// all.
#include <sqlite3.h>
#include <sys/wait.h>

#include <csignal>

#include "db/sqlite_contents.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/support/faulty_vfs.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::FaultyDisk;
using testing::FaultyVfs;
using testing::finished;
using testing::frames;
using testing::ids_of;
using testing::output;
using testing::submitted;
using testing::TemporaryFolder;

/// Bytes of a size that lies in segments, different for each task.
std::string large(const std::string& id) {
  return std::string(kSegmentContentBytesMin + 1000, id.back()) + id;
}

/// A group about two tasks, with everything a record can have.
std::vector<RecordChange> group(int number) {
  std::vector<RecordChange> changes;
  for (const char* half : {"a", "b"}) {
    const std::string id = std::to_string(number) + half;
    TaskSubmitted start = submitted(id.c_str());
    start.buffers = frames({"small", large(id), std::string(3000, '*')});
    TaskFinished end = finished(id.c_str());
    end.buffers = frames({std::string(5000, '*')});
    changes.emplace_back(start);
    changes.emplace_back(output(id.c_str(), "said"));
    changes.emplace_back(testing::attempt(id.c_str(), 1));
    changes.emplace_back(end);
  }
  return changes;
}

/// Both tasks of a group are there in full, or neither is; says which.
bool has_group(TaskStore& store, int number) {
  const auto a = store.get(MsgId(std::to_string(number) + "a"));
  const auto b = store.get(MsgId(std::to_string(number) + "b"));
  EXPECT_TRUE(a && b);
  if (!a || !b) return false;
  EXPECT_EQ(a->has_value(), b->has_value()) << "half a group";
  for (const auto* half : {&*a, &*b}) {
    if (!*half) continue;
    EXPECT_TRUE((*half)->completed);
    EXPECT_EQ((*half)->stdout_text, "said");
    EXPECT_TRUE((*half)->attempts);
    EXPECT_FALSE((*half)->damage) << *(*half)->damage;
    EXPECT_EQ((*half)->buffers,
              frames({"small", large((*half)->msg_id.str()), std::string(3000, '*')}));
    EXPECT_EQ((*half)->result_buffers, frames({std::string(5000, '*')}));
  }
  return a->has_value();
}

std::int64_t number_from(const std::filesystem::path& file, const char* sql) {
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_prepare_v2(database, sql, -1, &statement, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  const std::int64_t value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return value;
}

/// Nothing lies about that no record names.
void expect_tidy(const std::filesystem::path& file) {
  EXPECT_EQ(number_from(file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
  EXPECT_EQ(number_from(file,
                        "SELECT count(*) FROM contents WHERE id NOT IN"
                        " (SELECT content FROM buffers)"),
            0);
  EXPECT_EQ(number_from(file,
                        "SELECT count(*) FROM buffers WHERE message NOT IN"
                        " (SELECT id FROM messages)"),
            0);
  EXPECT_EQ(number_from(file,
                        "SELECT count(*) FROM messages WHERE id / 2 NOT IN"
                        " (SELECT id FROM records)"),
            0);
  for (const char* table : {"outputs", "attempts"}) {
    const std::string sql = std::string("SELECT count(*) FROM ") + table +
                            " WHERE record NOT IN (SELECT id FROM records)";
    EXPECT_EQ(number_from(file, sql.c_str()), 0) << table;
  }
}

struct Fault {
  int code;
  ErrorCode expected;
  bool syncs;
};

class SqliteFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(SqliteFaults, WhicheverCallFailsAGroupIsWholeOrAbsentAndTheNextTrySucceeds) {
  FaultyVfs disk;
  FaultyDisk segments(disk);
  TemporaryFolder folder;
  const auto file = folder.file("trireme.db");
  auto store = *SqliteStore::open(file, {.sync_commits = GetParam().syncs}, segments);
  ASSERT_TRUE(store->apply(group(0)));
  int number = 1;
  for (std::uint64_t nth = 1;; ++nth, ++number) {
    disk.fail_nth(nth, GetParam().code);
    const Result<void> applied = store->apply(group(number));
    const bool fired = disk.fired();
    disk.heal();
    if (!applied) {
      EXPECT_EQ(applied.error().code, GetParam().expected) << applied.error().text;
      EXPECT_FALSE(has_group(*store, number)) << nth;
      ASSERT_TRUE(store->apply(group(number))) << nth;
    }
    EXPECT_TRUE(has_group(*store, number)) << nth;
    if (!fired) break;
    if (nth % 2 != 0) continue;
    const std::string id = std::to_string(number);
    ASSERT_TRUE(store->purge(std::vector{MsgId(id + "a"), MsgId(id + "b")}));
  }
  EXPECT_GT(number, 3) << "a group takes several writes";
  store.reset();
  expect_tidy(file);
}

TEST_P(SqliteFaults, WhicheverCallFailsAPurgeIsWholeOrNotDone) {
  FaultyVfs disk;
  FaultyDisk segments(disk);
  TemporaryFolder folder;
  const auto file = folder.file("trireme.db");
  auto store = *SqliteStore::open(file, {.sync_commits = GetParam().syncs}, segments);
  for (std::uint64_t nth = 1;; ++nth) {
    for (int number = 0; number < 3; ++number) ASSERT_TRUE(store->apply(group(number)));
    disk.fail_nth(nth, GetParam().code);
    const Result<void> purged = store->purge_completed();
    const bool fired = disk.fired();
    disk.heal();
    EXPECT_EQ(*store->count(), purged ? 0u : 6u);
    ASSERT_TRUE(store->purge_completed());
    if (!fired) break;
  }
  store.reset();
  expect_tidy(file);
}

TEST_P(SqliteFaults, WhicheverCallFailsWhileTheFileIsMadeTheNextStartMakesIt) {
  for (std::uint64_t nth = 1;; ++nth) {
    FaultyVfs disk;
    FaultyDisk segments(disk);
    TemporaryFolder folder;
    const auto file = folder.file("trireme.db");
    disk.fail_from(nth, GetParam().code);
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(file, {}, segments);
    const bool fired = disk.fired();
    if (opened) {
      opened->reset();
    } else {
      EXPECT_EQ(opened.error().code, GetParam().expected) << opened.error().text;
    }
    disk.heal();
    Result<std::unique_ptr<SqliteStore>> again = SqliteStore::open(file);
    ASSERT_TRUE(again) << nth << ": " << again.error().text;
    ASSERT_TRUE((*again)->apply(group(1)));
    EXPECT_TRUE(has_group(**again, 1));
    if (!fired) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Codes, SqliteFaults,
                         ::testing::Values(Fault{SQLITE_FULL, ErrorCode::kIo, false},
                                           Fault{SQLITE_FULL, ErrorCode::kIo, true},
                                           Fault{SQLITE_IOERR_WRITE, ErrorCode::kIo, false},
                                           Fault{SQLITE_IOERR_WRITE, ErrorCode::kIo, true}));

TEST(SqliteCrash, AKilledWriterLeavesWholeGroupsAndKeepsWhatItSaidWasStored) {
  for (int round = 0; round < 5; ++round) {
    TemporaryFolder folder;
    const auto file = folder.file("trireme.db");
    int said[2];
    ASSERT_EQ(::pipe(said), 0);
    const pid_t writer = ::fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      auto store = SqliteStore::open(file);
      for (int number = 0; store; ++number) {
        if (!(*store)->apply(group(number))) break;
        if (::write(said[1], "x", 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(said[1]);
    int stored = 0;
    char byte = 0;
    while (stored < 3 + round && ::read(said[0], &byte, 1) == 1) ++stored;
    ::kill(writer, SIGKILL);
    int status = 0;
    ::waitpid(writer, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
    while (::read(said[0], &byte, 1) == 1) ++stored;
    ::close(said[0]);

    auto store = *SqliteStore::open(file);
    for (int number = 0; number < stored; ++number) EXPECT_TRUE(has_group(*store, number));
    EXPECT_LE(*store->count(), 2u * (static_cast<unsigned>(stored) + 1));
    has_group(*store, stored);
    ASSERT_TRUE(store->apply(group(1000)));
    store.reset();
    expect_tidy(file);
  }
}

}  // namespace
}  // namespace trireme
