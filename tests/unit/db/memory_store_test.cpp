// Limits of the store in memory.
#include "db/memory_store.hpp"

#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::finished;
using testing::frames;
using testing::output;
using testing::submitted;

std::vector<RecordChange> finished_tasks(int first, int count, std::size_t buffer_bytes = 0) {
  std::vector<RecordChange> changes;
  for (int i = first; i < first + count; ++i) {
    const std::string id = std::to_string(i);
    TaskSubmitted start = submitted(id.c_str());
    start.buffers = frames({std::string(buffer_bytes, 'x')});
    changes.emplace_back(start);
    changes.emplace_back(finished(id.c_str()));
  }
  return changes;
}

TEST(MemoryStore, PassingTheRecordLimitCullsTheOldestFinishedTasks) {
  MemoryStore store({.records_max = 20, .cull_fraction = 0.2});
  ASSERT_TRUE(store.apply(finished_tasks(0, 20)));
  EXPECT_EQ(*store.count(), 20u);
  ASSERT_TRUE(store.apply(finished_tasks(20, 1)));
  EXPECT_EQ(*store.count(), 16u);
  EXPECT_FALSE(*store.get(MsgId("4")));
  EXPECT_TRUE(*store.get(MsgId("5")));
  store.check_invariants();
}

TEST(MemoryStore, PassingTheByteLimitCullsUntilBelowIt) {
  MemoryStore store({.buffer_bytes_max = 1000, .cull_fraction = 0.2});
  ASSERT_TRUE(store.apply(finished_tasks(0, 10, 100)));
  EXPECT_EQ(*store.count(), 10u);
  ASSERT_TRUE(store.apply(finished_tasks(10, 1, 1)));
  EXPECT_EQ(*store.count(), 8u);
  store.check_invariants();
}

TEST(MemoryStore, TasksThatHaveNotEndedAreNeverCulled) {
  MemoryStore store({.records_max = 5, .buffer_bytes_max = 10});
  std::vector<RecordChange> changes;
  for (int i = 0; i < 50; ++i) {
    TaskSubmitted start = submitted(("running-" + std::to_string(i)).c_str());
    start.buffers = frames({"0123456789"});
    changes.emplace_back(start);
  }
  ASSERT_TRUE(store.apply(changes));
  ASSERT_TRUE(store.apply(finished_tasks(0, 5)));
  EXPECT_EQ(*store.count(), 55u);
  store.check_invariants();
}

TEST(MemoryStore, OutputOfNobodyGoesFirst) {
  MemoryStore store({.records_max = 3, .cull_fraction = 0.1});
  ASSERT_TRUE(store.apply(finished_tasks(0, 3)));
  ASSERT_TRUE(store.apply(std::vector<RecordChange>{output("stub", "x")}));
  EXPECT_FALSE(*store.get(MsgId("stub")));
  store.check_invariants();
}

TEST(MemoryStore, BuffersAreSharedWithTheChangeNotCopied) {
  MemoryStore store;
  TaskSubmitted start = submitted("m");
  start.buffers = frames({std::string(1000, 'x')});
  const Frame buffer = start.buffers.front();
  ASSERT_TRUE(store.apply(std::vector<RecordChange>{start}));
  EXPECT_EQ((*store.get(MsgId("m")))->buffers.front().storage(), buffer.storage());
}

}  // namespace
}  // namespace trireme
