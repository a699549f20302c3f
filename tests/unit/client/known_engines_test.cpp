// The engines a client knows, whatever order the news arrives in.
#include "client/known_engines.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

const EngineUuid kA("a");
const EngineUuid kB("b");

TEST(KnownEngines, EnginesComeAndGo) {
  KnownEngines table;
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

TEST(KnownEngines, ANewOwnerOfAnIdReplacesTheOldOne) {
  KnownEngines table;
  table.add(EngineId(0), kA);
  EXPECT_TRUE(table.add(EngineId(0), kB));
  EXPECT_FALSE(table.contains(kA));
  table.check_invariants();
}

TEST(KnownEngines, AListAddsWhatWasMissedAndRemovesWhatIsGone) {
  KnownEngines table;
  table.add(EngineId(0), kA);
  table.begin_refresh();
  const KnownEngines::Changes changes = table.end_refresh({{EngineId(1), kB}});
  EXPECT_TRUE(changes.any);
  EXPECT_EQ(changes.gone, std::vector<EngineUuid>{kA});
  EXPECT_TRUE(table.contains(kB));
  table.check_invariants();
}

TEST(KnownEngines, AnEngineThatCameWhileTheListTravelledStays) {
  KnownEngines table;
  table.begin_refresh();
  table.add(EngineId(0), kA);
  EXPECT_FALSE(table.end_refresh({}).any);
  EXPECT_TRUE(table.contains(kA));
}

TEST(KnownEngines, AnEngineThatLeftWhileTheListTravelledStaysGone) {
  KnownEngines table;
  table.add(EngineId(0), kA);
  table.begin_refresh();
  table.remove(kA);
  const KnownEngines::Changes changes = table.end_refresh({{EngineId(0), kA}});
  EXPECT_FALSE(changes.any);
  EXPECT_FALSE(table.contains(kA));
}

TEST(KnownEngines, AnEngineComesBackThroughNewsOrALaterList) {
  KnownEngines table;
  table.add(EngineId(0), kA);
  table.remove(kA);
  EXPECT_TRUE(table.add(EngineId(0), kA));
  table.remove(kA);
  table.begin_refresh();
  EXPECT_TRUE(table.end_refresh({{EngineId(0), kA}}).any);
  EXPECT_TRUE(table.contains(kA));
  table.check_invariants();
}

}  // namespace
}  // namespace trireme
