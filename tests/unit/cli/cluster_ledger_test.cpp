#include "cli/cluster_ledger.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

namespace trireme::cli {
namespace {

using std::chrono::seconds;

class ClusterLedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/trireme-cli-XXXXXX";
    profile_.dir = ::mkdtemp(name);
    ASSERT_TRUE(create_profile(profile_).has_value());
  }
  void TearDown() override {
    send_signal(started_, SIGKILL);
    EXPECT_TRUE(wait_until_gone(started_, seconds(60)));
    std::filesystem::remove_all(profile_.dir);
  }

  ProcessMark start() {
    const auto process = start_in_background({"sleep", "600"}, profile_.dir / "log" / "sleep");
    EXPECT_TRUE(process.has_value());
    started_.push_back(*process);
    return *process;
  }

  Profile profile_;
  std::vector<ProcessMark> started_;
};

TEST_F(ClusterLedgerTest, ReadsBackWhatWasWritten) {
  ClusterLedger ledger;
  ledger.controller = start();
  ledger.engines = {start(), start()};
  ledger.engine_words = {"--load", "a b.so"};
  ASSERT_TRUE(write_ledger(profile_, ledger).has_value());
  const auto read = read_ledger(profile_);
  ASSERT_TRUE(read.has_value()) << read.error().text;
  EXPECT_EQ(read->controller, ledger.controller);
  EXPECT_EQ(read->engines, ledger.engines);
  EXPECT_EQ(read->engine_words, ledger.engine_words);
  EXPECT_EQ(read->processes().size(), 3U);
  EXPECT_EQ(read->processes().back(), *ledger.controller);
}

TEST_F(ClusterLedgerTest, ForgetsProcessesThatHaveEnded) {
  ClusterLedger ledger;
  ledger.controller = start();
  ledger.engines = {start(), start()};
  ASSERT_TRUE(write_ledger(profile_, ledger).has_value());
  const ProcessMark ended[] = {*ledger.controller, ledger.engines[0]};
  send_signal(ended, SIGKILL);
  ASSERT_TRUE(wait_until_gone(ended, seconds(60)));
  const auto read = read_ledger(profile_);
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->controller.has_value());
  EXPECT_EQ(read->engines, std::vector<ProcessMark>{ledger.engines[1]});
}

TEST_F(ClusterLedgerTest, IsEmptyWithoutAFile) {
  const auto read = read_ledger(profile_);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->processes().empty());
}

TEST_F(ClusterLedgerTest, TellsClustersOfOneProfileApart) {
  Profile other = profile_;
  other.cluster_id = "blue";
  EXPECT_NE(ledger_file(profile_), ledger_file(other));
}

TEST_F(ClusterLedgerTest, RefusesAFileThatIsNoLedger) {
  for (const char* text :
       {"", "{", "[]", "{\"engines\": 3}", "{\"engines\": [{\"pid\": \"x\"}]}"}) {
    std::ofstream(ledger_file(profile_)) << text;
    const auto read = read_ledger(profile_);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kBadFormat);
    EXPECT_NE(read.error().text.find(ledger_file(profile_).string()), std::string::npos);
  }
}

}  // namespace
}  // namespace trireme::cli
