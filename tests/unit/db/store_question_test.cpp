// Questions are answered with their token, by every store as it can.
#include "db/store_question.hpp"

#include "db/null_store.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using testing::finished;
using testing::frames;
using testing::ids_of;
using testing::submitted;

TEST(StoreQuestion, EveryRequestIsAnsweredWithItsTokenAndItsKindOfReply) {
  MemoryStore store;
  TaskSubmitted a = submitted("a");
  a.buffers = frames({"x"});
  ASSERT_TRUE(store.apply(std::vector<RecordChange>{a, submitted("b"), finished("a")}));

  StoreAnswer got = answer(store, {1, GetRecords{{MsgId("b"), MsgId("z"), MsgId("a")}}});
  EXPECT_EQ(got.token, 1u);
  const auto& records = std::get<std::vector<TaskRecord>>(*got.reply);
  EXPECT_EQ(ids_of(records), "ab");
  EXPECT_EQ(records.front().buffers, a.buffers);

  StoreAnswer found =
      answer(store, {2, FindRecords{*parse_query(R"({"completed": null})"), Columns::all()}});
  EXPECT_EQ(ids_of(std::get<std::vector<TaskRecord>>(*found.reply)), "b");

  StoreAnswer listed = answer(store, {3, ListHistory{}});
  EXPECT_EQ(ids_of(std::get<std::vector<MsgId>>(*listed.reply)), "ab");

  StoreAnswer ended = answer(store, {4, GetOutcomes{{MsgId("a"), MsgId("b")}}});
  EXPECT_EQ(std::get<std::vector<TaskOutcome>>(*ended.reply).size(), 1u);

  EXPECT_TRUE(answer(store, {5, FlushChanges{}}).reply);
  EXPECT_TRUE(answer(store, {6, PurgeEngine{EngineUuid("other")}}).reply);
  EXPECT_EQ(*store.count(), 2u);
  EXPECT_TRUE(answer(store, {7, PurgeCompleted{}}).reply);
  EXPECT_EQ(*store.count(), 1u);
  EXPECT_TRUE(answer(store, {8, PurgeRecords{{MsgId("b")}}}).reply);
  EXPECT_EQ(*store.count(), 0u);
}

TEST(StoreQuestion, TheStoreThatKeepsNothingAnswersNoData) {
  NullStore store;
  ASSERT_TRUE(store.apply(std::vector<RecordChange>{submitted("a"), finished("a")}));
  for (const StoreRequest& request : {StoreRequest(GetRecords{{MsgId("a")}}),
                                      StoreRequest(FindRecords{}), StoreRequest(ListHistory{})}) {
    const StoreAnswer got = answer(store, {9, request});
    EXPECT_EQ(got.token, 9u);
    ASSERT_FALSE(got.reply);
    EXPECT_EQ(got.reply.error().code, ErrorCode::kNoData);
  }
  EXPECT_TRUE(answer(store, {1, GetOutcomes{{MsgId("a")}}}).reply);
  EXPECT_TRUE(answer(store, {1, PurgeCompleted{}}).reply);
}

}  // namespace
}  // namespace trireme
