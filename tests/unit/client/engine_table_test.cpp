// The engines a client knows, whatever order the news arrives in.
#include "client/engine_table.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

const EngineUuid kA("a");
const EngineUuid kB("b");

TEST(EngineTable, EnginesComeAndGo) {
  EngineTable table;
  EXPECT_TRUE(table.add(EngineId(0), kA));
  EXPECT_FALSE(table.add(EngineId(0), kA));
  EXPECT_TRUE(table.contains(kA));
  EXPECT_TRUE(table.remove(kA));
  EXPECT_FALSE(table.remove(kA));
  EXPECT_FALSE(table.contains(kA));
  EXPECT_EQ(table.id_of(kA), EngineId(0));
  EXPECT_EQ(table.id_of(kB), std::nullopt);
  table.check_invariants();
}

TEST(EngineTable, ANewOwnerOfAnIdReplacesTheOldOne) {
  EngineTable table;
  table.add(EngineId(0), kA);
  EXPECT_TRUE(table.add(EngineId(0), kB));
  EXPECT_FALSE(table.contains(kA));
  table.check_invariants();
}

TEST(EngineTable, AListAddsWhatWasMissedAndRemovesWhatIsGone) {
  EngineTable table;
  table.add(EngineId(0), kA);
  table.begin_refresh();
  const EngineTable::Changes changes = table.end_refresh({{EngineId(1), kB}});
  EXPECT_TRUE(changes.any);
  EXPECT_EQ(changes.gone, std::vector<EngineUuid>{kA});
  EXPECT_TRUE(table.contains(kB));
  table.check_invariants();
}

TEST(EngineTable, AnEngineThatCameWhileTheListTravelledStays) {
  EngineTable table;
  table.begin_refresh();
  table.add(EngineId(0), kA);
  EXPECT_FALSE(table.end_refresh({}).any);
  EXPECT_TRUE(table.contains(kA));
}

TEST(EngineTable, AnEngineThatLeftWhileTheListTravelledStaysGone) {
  EngineTable table;
  table.add(EngineId(0), kA);
  table.begin_refresh();
  table.remove(kA);
  const EngineTable::Changes changes = table.end_refresh({{EngineId(0), kA}});
  EXPECT_FALSE(changes.any);
  EXPECT_FALSE(table.contains(kA));
}

}  // namespace
}  // namespace trireme
