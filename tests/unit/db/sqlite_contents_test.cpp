// Large contents beside the database: written once, found again, and never believed when damaged.
#include "db/sqlite_contents.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fstream>
#include <random>

#include "db/schema.hpp"
#include "db/store_question.hpp"
#include "tests/support/faulty_disk.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using testing::FaultyDisk;
using testing::FaultyVfs;
using testing::finished;
using testing::frames;
using testing::submitted;
using testing::TemporaryFolder;

constexpr std::size_t kLarge = kSegmentContentBytesMin;

std::string large(char letter, std::size_t size = kLarge) { return std::string(size, letter); }

/// A task that ended, with these buffers in request and result.
std::vector<RecordChange> task(const char* id, Frames request, Frames result = {}) {
  TaskSubmitted start = submitted(id);
  start.buffers = std::move(request);
  TaskFinished end = finished(id);
  end.buffers = std::move(result);
  return {start, end};
}

class Contents : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteStore> open(ContentDisk& disk = ContentDisk::system()) {
    Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(file_, {}, disk);
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  static TaskRecord record(TaskStore& store, const char* id) {
    const auto found = store.get(MsgId(id));
    EXPECT_TRUE(found) << found.error().text;
    EXPECT_TRUE(found && *found) << id;
    return found && *found ? **found : TaskRecord{};
  }
  std::vector<fs::path> segments() const {
    std::vector<fs::path> files;
    if (!fs::exists(contents_folder(file_))) return files;
    for (const auto& entry : fs::directory_iterator(contents_folder(file_))) {
      files.push_back(entry.path());
    }
    return files;
  }
  /// What the segments take up on the disk.
  std::int64_t allocated() const {
    std::int64_t bytes = 0;
    for (const fs::path& file : segments()) {
      struct stat facts {};
      EXPECT_EQ(::stat(file.c_str(), &facts), 0);
      bytes += facts.st_blocks * 512;
    }
    return bytes;
  }
  /// Runs statements of somebody else; the number that the last one gives.
  std::int64_t sql(const char* statements) {
    sqlite3* database = nullptr;
    std::int64_t number = 0;
    EXPECT_EQ(sqlite3_open(file_.c_str(), &database), SQLITE_OK);
    const auto read = [](void* to, int, char** values, char**) {
      *static_cast<std::int64_t*>(to) = values[0] == nullptr ? 0 : std::stoll(values[0]);
      return 0;
    };
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, statements, read, &number, &error), SQLITE_OK)
        << (error == nullptr ? "" : error);
    sqlite3_free(error);
    sqlite3_close(database);
    return number;
  }

  TemporaryFolder folder_;
  fs::path file_ = folder_.file("trireme.db");
};

TEST_F(Contents, OnlyLargeOnesLieInSegments) {
  const auto store = open();
  ASSERT_TRUE(store->apply(task("a", frames({large('1', kLarge - 1)}))));
  EXPECT_TRUE(segments().empty());
  ASSERT_TRUE(
      store->apply(task("b", frames({"small", large('2')}), frames({large('3', 700'001)}))));
  EXPECT_EQ(segments().size(), 1u);
  EXPECT_EQ(sql("SELECT sum(size) FROM contents"), static_cast<std::int64_t>(kLarge) + 700'001);
  EXPECT_EQ(record(*store, "b").buffers, frames({"small", large('2')}));
  EXPECT_EQ(record(*store, "b").result_buffers, frames({large('3', 700'001)}));
}

TEST_F(Contents, TheyOutliveTheStoreAndTheNextOneWritesElsewhere) {
  ASSERT_TRUE(open()->apply(task("a", frames({large('1')}))));
  ASSERT_TRUE(open()->apply(task("b", frames({large('2')}))));
  const auto store = open();
  EXPECT_EQ(segments().size(), 2u);
  EXPECT_EQ(record(*store, "a").buffers, frames({large('1')}));
  EXPECT_EQ(record(*store, "b").buffers, frames({large('2')}));
}

TEST_F(Contents, OnlyTheOwnerMayReadThem) {
  const auto store = open();
  ASSERT_TRUE(store->apply(task("a", frames({large('1')}))));
  struct stat facts {};
  ASSERT_EQ(::stat(contents_folder(file_).c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat(segments().front().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(Contents, EqualOnesAreStoredOnceAcrossStores) {
  ASSERT_TRUE(open()->apply(task("a", frames({large('1'), large('1')}), frames({large('1')}))));
  const auto store = open();
  ASSERT_TRUE(store->apply(task("b", frames({large('1')}))));
  EXPECT_EQ(sql("SELECT count(*) FROM contents"), 1);
  EXPECT_EQ(segments().size(), 1u);
  ASSERT_TRUE(store->purge(std::vector{MsgId("a")}));
  EXPECT_EQ(record(*store, "b").buffers, frames({large('1')}));
}

TEST_F(Contents, OthersWithTheSameNumberAndSizeAreKeptApart) {
  const auto store = open();
  ASSERT_TRUE(store->apply(task("a", frames({large('1')}))));
  std::string twin = large('1');
  twin.back() = '2';
  ASSERT_TRUE(store->apply(task("b", frames({twin}))));
  sql("UPDATE contents SET hash = (SELECT hash FROM contents WHERE id = 2)");
  ASSERT_TRUE(store->apply(task("c", frames({twin, twin}))));
  EXPECT_EQ(sql("SELECT count(*) FROM contents"), 2);
  EXPECT_EQ(record(*store, "b").buffers, frames({twin}));
}

TEST_F(Contents, AFileOfTheVersionBeforeIsTakenOver) {
  {
    auto connection = std::move(*SqliteConnection::open(file_, {}));
    ASSERT_TRUE(prepare_schema(*connection, task_migrations().first(1)));
    ASSERT_EQ(connection->read_integer("PRAGMA user_version"), 4);
    connection->execute(
        "INSERT INTO records (id, msg_id, completed) VALUES (1, 'old', 5);"
        "INSERT INTO messages (id, header, buffers) VALUES (2, '{}', x'818008');"  // 65,536, apart
        "INSERT INTO contents (id, hash, bytes) VALUES (7, 1, zeroblob(65536));"
        "INSERT INTO buffers VALUES (2, 0, 7)");
    ASSERT_TRUE(connection->take_failure());
  }
  auto store = open();
  EXPECT_EQ(record(*store, "old").buffers, frames({std::string(65536, '\0')}));
  ASSERT_TRUE(store->apply(task("new", frames({large('n')}))));
  store.reset();
  store = open();
  EXPECT_EQ(sql("PRAGMA user_version"), 5);
  EXPECT_EQ(record(*store, "old").buffers, frames({std::string(65536, '\0')}));
  EXPECT_EQ(record(*store, "new").buffers, frames({large('n')}));
  ASSERT_TRUE(store->purge_completed());
  EXPECT_EQ(sql("SELECT count(*) FROM contents"), 0);
}

/// What becomes of a segment, and what is said of it.
struct Harm {
  const char* name;
  void (*befall)(const fs::path& segment);
  const char* expected;  // in the text
};

class DamagedContents : public Contents, public ::testing::WithParamInterface<Harm> {};

TEST_P(DamagedContents, AreAnErrorThatNamesTheFileAndAllElseCanBeRead) {
  ASSERT_TRUE(open()->apply(task("lost", frames({"small", large('1')}))));
  ASSERT_TRUE(open()->apply(task("well", frames({large('2')}), frames({large('3')}))));
  std::vector<fs::path> files = segments();
  std::sort(files.begin(), files.end());
  ASSERT_EQ(files.size(), 2u);
  GetParam().befall(files.front());
  const auto store = open();
  const TaskRecord lost = record(*store, "lost");
  ASSERT_TRUE(lost.damage);
  EXPECT_NE(lost.damage->find(files.front().string()), std::string::npos) << *lost.damage;
  EXPECT_NE(lost.damage->find(GetParam().expected), std::string::npos) << *lost.damage;
  EXPECT_EQ(lost.buffers, frames({"small", ""}));
  EXPECT_TRUE(lost.completed);
  EXPECT_FALSE(record(*store, "well").damage);
  EXPECT_EQ(record(*store, "well").buffers, frames({large('2')}));

  const auto query = parse_query(R"({"msg_id": "lost"})");
  StoreRequest all = FindRecords{*query, Columns::all()};
  const auto refused = refuse_damaged(answer(*store, {1, all}).reply);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("task lost"), std::string::npos) << refused.error().text;
  StoreRequest some = FindRecords{*query, Columns::of({Column::kHeader, Column::kCompleted})};
  EXPECT_TRUE(refuse_damaged(answer(*store, {1, some}).reply));

  // The same bytes once more are stored anew, and damage can be purged.
  ASSERT_TRUE(store->apply(task("again", frames({large('1')}))));
  EXPECT_EQ(record(*store, "again").buffers, frames({large('1')}));
  ASSERT_TRUE(store->purge_completed());
  EXPECT_EQ(*store->count(), 0u);
}

constexpr Harm kHarms[] = {
    {"Missing", [](const fs::path& file) { fs::remove(file); }, "No such file"},
    {"CutOff", [](const fs::path& file) { fs::resize_file(file, 1000); }, "too short"},
    {"Zeroed",
     [](const fs::path& file) {
       fs::resize_file(file, 0);
       fs::resize_file(file, kLarge);
     },
     "not those that were stored"},
    {"OneByteElse",
     [](const fs::path& file) {
       std::fstream stream(file, std::ios::in | std::ios::out);
       stream.seekp(10'000).put('x');
     },
     "not those that were stored"},
    {"Folder",
     [](const fs::path& file) {
       fs::remove(file);
       fs::create_directory(file);
     },
     "too short"},
};
void PrintTo(const Harm& harm, std::ostream* out) { *out << harm.name; }
INSTANTIATE_TEST_SUITE_P(Harms, DamagedContents, ::testing::ValuesIn(kHarms),
                         [](const auto& param_info) { return param_info.param.name; });

TEST_F(Contents, WithoutTheirFolderTheStoreGoesOn) {
  ASSERT_TRUE(open()->apply(task("lost", frames({large('1')}))));
  fs::remove_all(contents_folder(file_));
  const auto store = open();
  EXPECT_TRUE(record(*store, "lost").damage);
  ASSERT_TRUE(store->apply(task("new", frames({large('2')}))));
  EXPECT_EQ(record(*store, "new").buffers, frames({large('2')}));
}

TEST_F(Contents, APurgeFreesTheirRoom) {
  const auto store = open();
  std::vector<MsgId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.emplace_back("t" + std::to_string(i));
    ASSERT_TRUE(store->apply(
        task(ids.back().str().c_str(), frames({large(static_cast<char>('a' + i), 1 << 20)}))));
  }
  EXPECT_GE(allocated(), 20 << 20);
  ASSERT_TRUE(store->purge(std::span(ids).subspan(1, 18)));
  EXPECT_EQ(sql("SELECT count(*) FROM holes"), 0);
  EXPECT_EQ(record(*store, "t0").buffers, frames({large('a', 1 << 20)}));
  EXPECT_EQ(record(*store, "t19").buffers, frames({large('t', 1 << 20)}));
  const int probe = ::open(segments().front().c_str(), O_RDWR | O_CLOEXEC);
  const bool can_free =
      ::fallocate(probe, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4096) == 0;
  ::close(probe);
  EXPECT_TRUE(!can_free || allocated() <= 3 << 20) << allocated();
  ASSERT_TRUE(store->purge_completed());
  EXPECT_TRUE(segments().empty());
  ASSERT_TRUE(store->apply(task("new", frames({large('n')}))));
  EXPECT_EQ(record(*store, "new").buffers, frames({large('n')}));
}

TEST_F(Contents, ManyHolesAreMadeInStepsAlsoAfterARestart) {
  std::vector<MsgId> doomed;
  {
    const auto store = open();
    std::vector<RecordChange> changes;
    for (int i = 0; i < 240; ++i) {  // every other one is to go: holes that do not touch
      const std::string id = "t" + std::to_string(i);
      if (i % 2 == 0) doomed.emplace_back(id);
      for (RecordChange& change : task(id.c_str(), frames({id + large('.')}))) {
        changes.push_back(std::move(change));
      }
    }
    ASSERT_TRUE(store->apply(changes));
    ASSERT_TRUE(store->purge(doomed));
    ASSERT_TRUE(store->apply(task("first", frames({large('1')}))));
    EXPECT_GT(sql("SELECT count(*) FROM holes"), 0);
  }
  const auto store = open();
  ASSERT_TRUE(store->purge(std::vector{MsgId("t1")}));  // and what was left over
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store->apply(task("more", {})));
  EXPECT_EQ(sql("SELECT count(*) FROM holes"), 0);
  for (const char* id : {"t3", "t239"}) {
    EXPECT_EQ(record(*store, id).buffers, frames({id + large('.')}));
  }
  ASSERT_TRUE(store->purge_completed());
  EXPECT_TRUE(segments().empty());
}

TEST_F(Contents, PausesAreUsedToMakeTheHolesThatAreLeft) {
  const auto store = open();
  EXPECT_FALSE(store->use_pause()) << "nothing to do";
  std::vector<MsgId> doomed;
  for (int i = 0; i < 240; ++i) {
    const std::string id = "t" + std::to_string(i);
    if (i % 2 == 0) doomed.emplace_back(id);
    ASSERT_TRUE(store->apply(task(id.c_str(), frames({id + large('.')}))));
  }
  ASSERT_TRUE(store->purge(doomed));
  EXPECT_GT(sql("SELECT count(*) FROM holes"), 0);
  int pauses = 1;
  while (store->use_pause()) ASSERT_LT(++pauses, 240);
  EXPECT_GT(pauses, 1) << "a pause is for a little";
  EXPECT_EQ(sql("SELECT count(*) FROM holes"), 0);
  EXPECT_FALSE(store->use_pause());
  EXPECT_EQ(record(*store, "t3").buffers, frames({"t3" + large('.')}));
}

TEST_F(Contents, WhatAKilledStoreLeftIsClearedAway) {
  ASSERT_TRUE(open()->apply(task("a", frames({large('1')}))));
  const fs::path segment = segments().front();
  fs::resize_file(segment, 10 * kLarge);
  std::string orphan = segment.string();
  orphan.back() = '9';
  std::ofstream(orphan) << "of no row";
  const fs::path other = contents_folder(file_) / "other-000001";
  std::ofstream(other) << "of another database";
  const auto store = open();
  EXPECT_EQ(fs::file_size(segment), kLarge);
  EXPECT_FALSE(fs::exists(orphan));
  EXPECT_TRUE(fs::exists(other));
  EXPECT_EQ(record(*store, "a").buffers, frames({large('1')}));
}

TEST_F(Contents, TwoStoresOfADatabaseStayOutOfEachOthersWay) {
  const auto first = open();
  ASSERT_TRUE(first->apply(task("a", frames({large('1')}))));
  const auto second = open();
  ASSERT_TRUE(second->apply(task("b", frames({large('2')}))));
  ASSERT_TRUE(first->apply(task("c", frames({large('3')}))));
  ASSERT_TRUE(second->purge(std::vector{MsgId("a"), MsgId("c")}));
  ASSERT_TRUE(first->apply(task("d", frames({large('4')}))));
  EXPECT_EQ(record(*second, "d").buffers, frames({large('4')}));
  EXPECT_EQ(record(*first, "b").buffers, frames({large('2')}));
}

TEST_F(Contents, ACommitThatIsToBeOnTheDiskHasItsContentsThereBefore) {
  FaultyVfs vfs;
  FaultyDisk disk(vfs);
  const auto store = *SqliteStore::open(file_, {.sync_commits = true}, disk);
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(store->apply(task(id, frames({large(id[0])}))));
    EXPECT_EQ(disk.unsynced_bytes(), 0u);
  }
}

TEST_F(Contents, WhatTheDatabaseItselfHoldsHasItsContentsOnTheDisk) {
  FaultyVfs vfs;
  FaultyDisk disk(vfs);
  auto store = open(disk);
  ASSERT_TRUE(store->apply(task("a", frames({large('1')}))));
  EXPECT_GT(disk.unsynced_bytes(), 0u);
  std::vector<RecordChange> filler;  // until the log is taken over
  for (int i = 0; i < 10000; ++i) {
    for (RecordChange& change : task(("f" + std::to_string(i)).c_str(),
                                     frames({std::string(15'000, 'f') + std::to_string(i)}))) {
      filler.push_back(std::move(change));
    }
    if (filler.size() < 200) continue;
    ASSERT_TRUE(store->apply(filler));
    filler.clear();
    if (disk.unsynced_bytes() == 0) break;
  }
  EXPECT_EQ(disk.unsynced_bytes(), 0u);
  ASSERT_TRUE(store->apply(task("b", frames({large('2')}))));
  EXPECT_GT(disk.unsynced_bytes(), 0u);
  store.reset();
  EXPECT_EQ(disk.unsynced_bytes(), 0u);
}

/// Some of eight tasks, with contents that they share.
std::vector<RecordChange> random_tasks(std::mt19937& random) {
  std::vector<RecordChange> changes;
  const auto buffer = [&] {
    return large(static_cast<char>('a' + random() % 4), kLarge - 1 + 4096 * (random() % 3));
  };
  for (auto left = 1 + random() % 3; left > 0; --left) {
    const std::string id = "t" + std::to_string(random() % 8);
    const std::string first = buffer();
    for (RecordChange& change : task(id.c_str(), frames({first, "small"}), frames({buffer()}))) {
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

/// Random groups and purges of tasks with large buffers, killed at a random call: what is left is
/// the state before the group or the one after it, every byte of it readable.
TEST_F(Contents, AStoreKilledAtAnyCallLeavesWholeGroups) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](unsigned limit) { return static_cast<int>(random() % limit); };
    TemporaryFolder live;
    TemporaryFolder left;
    FaultyVfs vfs;
    FaultyDisk disk(vfs);
    const auto file = live.file("trireme.db");
    const auto store = *SqliteStore::open(file, {.sync_commits = seed % 2 == 0}, disk);
    MemoryStore before;
    MemoryStore after;
    bool is_killed = false;
    const auto kill = [&] {
      is_killed = true;
      fs::copy(live.path(), left.path(), fs::copy_options::recursive);
      fs::remove(left.file("trireme.db-shm"));
    };
    const int steps = 12;
    const int fatal_step = below(steps);
    for (int step = 0; step <= fatal_step; ++step) {
      std::vector<RecordChange> changes;
      std::vector<MsgId> doomed;
      if (step > 0 && below(3) == 0) {
        for (int i = below(5); i >= 0; --i) doomed.emplace_back("t" + std::to_string(below(8)));
      } else {
        changes = random_tasks(random);
      }
      const auto run = [&](TaskStore& on) {
        ASSERT_TRUE(doomed.empty() ? on.apply(changes) : on.purge(doomed));
      };
      if (step == fatal_step) vfs.before_nth(1 + static_cast<unsigned>(below(40)), kill);
      if (step < fatal_step) run(before);
      run(after);
      run(*store);
    }
    vfs.before_nth(0, nullptr);
    if (!is_killed) kill();  // right after it
    const auto again = SqliteStore::open(left.file("trireme.db"), {}, disk);
    ASSERT_TRUE(again) << again.error().text;
    const auto found = *(*again)->find({}, Columns::all());
    const auto old_state = *before.find({}, Columns::all());
    const auto new_state = *after.find({}, Columns::all());
    const auto is_like = [&](const std::vector<TaskRecord>& state) {
      return std::equal(found.begin(), found.end(), state.begin(), state.end(),
                        [](const TaskRecord& left_one, const TaskRecord& right_one) {
                          return left_one.msg_id == right_one.msg_id && !left_one.damage &&
                                 left_one.buffers == right_one.buffers &&
                                 left_one.result_buffers == right_one.result_buffers;
                        });
    };
    EXPECT_TRUE(is_like(old_state) || is_like(new_state))
        << found.size() << " records of " << old_state.size() << " or " << new_state.size();
    // It goes on as if nothing had happened, and ends with nothing.
    ASSERT_TRUE((*again)->apply(task("more", frames({large('z')}))));
    EXPECT_EQ(record(**again, "more").buffers, frames({large('z')}));
    ASSERT_TRUE((*again)->purge_completed());
    EXPECT_EQ(*(*again)->count(), 0u);
    const fs::path rest = contents_folder(left.file("trireme.db"));
    EXPECT_TRUE(!fs::exists(rest) || fs::is_empty(rest));
  }
}

}  // namespace
}  // namespace trireme
