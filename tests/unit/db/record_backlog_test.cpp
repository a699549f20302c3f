// What a full backlog lets go, and in which order.
#include "controller/records/record_backlog.hpp"

#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::finished;
using testing::frames;
using testing::output;
using testing::submitted;

constexpr std::uint64_t kAnywhere = ~std::uint64_t{0};

std::vector<RecordChange> batch(std::vector<RecordChange> changes) { return changes; }

std::string kinds_of(const std::vector<RecordChange>& changes) {
  std::string kinds;
  for (const RecordChange& change : changes) kinds += "safodrt"[change.index()];
  return kinds;
}

TaskSubmitted with_buffer(const char* id, std::size_t bytes) {
  TaskSubmitted change = submitted(id);
  change.buffers = frames({std::string(bytes, 'x')});
  return change;
}

TEST(RecordBacklog, GivesBackWholeBatchesInOrder) {
  RecordBacklog backlog(1 << 20);
  ShedCounts shed;
  backlog.push(batch({submitted("a"), finished("a")}), shed);
  backlog.push(batch({submitted("b")}), shed);
  backlog.push({}, shed);
  EXPECT_EQ(backlog.count(), 3u);
  EXPECT_EQ(kinds_of(backlog.take(1, kAnywhere)), "sf");
  EXPECT_EQ(kinds_of(backlog.take(10, kAnywhere)), "s");
  EXPECT_TRUE(backlog.empty());
  EXPECT_EQ(backlog.bytes(), 0u);
  EXPECT_TRUE(backlog.take(10, kAnywhere).empty());
  EXPECT_FALSE(shed.any());
}

TEST(RecordBacklog, TakesNothingFromAfterAPosition) {
  RecordBacklog backlog(1 << 20);
  ShedCounts shed;
  backlog.push(batch({submitted("a")}), shed);
  const std::uint64_t position = backlog.end();
  EXPECT_TRUE(backlog.has_before(position));
  backlog.push(batch({finished("a")}), shed);
  EXPECT_EQ(kinds_of(backlog.take(10, position)), "s");
  EXPECT_FALSE(backlog.has_before(position));
  EXPECT_TRUE(backlog.take(10, position).empty());
  EXPECT_EQ(kinds_of(backlog.take(10, kAnywhere)), "f");
}

TEST(RecordBacklog, OutputGoesFirst) {
  RecordBacklog backlog(10000);
  ShedCounts shed;
  backlog.push(batch({with_buffer("a", 2000), output("a", std::string(6000, 'o').c_str())}), shed);
  backlog.push(batch({with_buffer("b", 2000)}), shed);
  EXPECT_EQ(shed.outputs, 1u);
  EXPECT_EQ(shed.tasks + shed.stripped + shed.refused, 0u);
  EXPECT_EQ(kinds_of(backlog.take(10, kAnywhere)), "ss");
}

TEST(RecordBacklog, ThenTheOldestWholeTasksGoWithAllTheirChanges) {
  RecordBacklog backlog(10000);
  ShedCounts shed;
  backlog.push(batch({finished("old")}), shed);  // began before: must stay
  backlog.push(
      batch({with_buffer("a", 6000), TaskAssigned{MsgId("a"), EngineUuid("e"), {}}, finished("a")}),
      shed);
  backlog.push(batch({with_buffer("b", 1000), finished("b")}), shed);
  backlog.push(batch({with_buffer("c", 1500)}), shed);
  EXPECT_EQ(shed.tasks, 1u);
  EXPECT_EQ(shed.outputs + shed.stripped + shed.refused, 0u);
  const std::vector<RecordChange> left = backlog.take(10, kAnywhere);
  EXPECT_EQ(kinds_of(left), "fsfs");
  EXPECT_EQ(changed_record(left[1]), MsgId("b"));
}

TEST(RecordBacklog, ThenBuffersGoAndTheRecordsStay) {
  RecordBacklog backlog(10000);
  ShedCounts shed;
  backlog.push(batch({with_buffer("a", 6000)}), shed);
  backlog.push(batch({with_buffer("b", 6000)}), shed);
  EXPECT_EQ(shed.stripped, 2u);
  EXPECT_EQ(shed.refused, 0u);
  const std::vector<RecordChange> left = backlog.take(10, kAnywhere);
  ASSERT_EQ(kinds_of(left), "ss");
  EXPECT_TRUE(std::get<TaskSubmitted>(left[0]).buffers.empty());
}

TEST(RecordBacklog, ThenTheNewestAreRefusedAndTheLimitHolds) {
  RecordBacklog backlog(10000);
  ShedCounts shed;
  for (int i = 0; i < 1000; ++i) backlog.push(batch({submitted(std::to_string(i).c_str())}), shed);
  EXPECT_LE(backlog.bytes(), 10000u);
  EXPECT_EQ(shed.refused + backlog.count(), 1000u);
  EXPECT_EQ(backlog.end(), 1000u);
  EXPECT_EQ(changed_record(backlog.take(1, kAnywhere)[0]), MsgId("0"));
}

TEST(RecordBacklog, BytesAddUpWhateverGoes) {
  RecordBacklog backlog(20000);
  ShedCounts shed;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    backlog.push(batch({with_buffer(id.c_str(), 100 * (i % 7)), output(id.c_str(), "text")}), shed);
    if (i % 3 == 0) backlog.push(batch({finished(id.c_str())}), shed);
    if (i % 50 == 0) backlog.take(5, kAnywhere);
    EXPECT_LE(backlog.bytes(), 20000u);
  }
  EXPECT_TRUE(shed.any());
  while (!backlog.empty()) backlog.take(7, kAnywhere);
  EXPECT_EQ(backlog.bytes(), 0u);
  EXPECT_EQ(backlog.count(), 0u);
}

}  // namespace
}  // namespace trireme
