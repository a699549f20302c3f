// What a restart finds on disk, and which connections a socket has.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <vector>

#include "controller/recovery/connection_census.hpp"
#include "controller/recovery/owed_journal.hpp"
#include "controller/recovery/run_lock.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class RecoveryFiles : public testing::Test {
 protected:
  RecoveryFiles() {
    folder_ =
        fs::temp_directory_path() / ("trireme-recovery-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    profile_.dir = folder_;
    EXPECT_TRUE(create_profile(profile_).has_value());
  }
  ~RecoveryFiles() override { fs::remove_all(folder_); }

  fs::path folder_;
  Profile profile_;
  Log log_;
};

using Ids = std::vector<MsgId>;

TEST_F(RecoveryFiles, ARunThatDoesNotEndInOrderIsACrash) {
  {
    Result<RunLock> first = RunLock::take(profile_);
    EXPECT_EQ(first->predecessor(), RunLock::Predecessor::kNone);
    EXPECT_TRUE(first->mark_serving().has_value());
    EXPECT_EQ(RunLock::take(profile_)->predecessor(), RunLock::Predecessor::kServing);
  }
  Result<RunLock> second = RunLock::take(profile_);
  EXPECT_EQ(second->predecessor(), RunLock::Predecessor::kCrashed);
  EXPECT_FALSE(second->sent_until());
  EXPECT_TRUE(second->mark_serving().has_value());
  second->mark_ended();
  second = Error{ErrorCode::kInternal, ""};
  EXPECT_EQ(RunLock::take(profile_)->predecessor(), RunLock::Predecessor::kNone);
}

/// A process that has ended and that nobody has taken note of: to the system it looks like one that
/// was killed and has threads left.
class EndedProcess {
 public:
  EndedProcess() {
    char program[] = "/bin/true";
    char* words[] = {program, nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program, nullptr, nullptr, words, nullptr), 0);
    siginfo_t info{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  ~EndedProcess() { ::waitpid(pid_, nullptr, 0); }
  EndedProcess(const EndedProcess&) = delete;
  EndedProcess& operator=(const EndedProcess&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

TEST_F(RecoveryFiles, ARunThatWasKilledAndStillHasThreadsIsWaitedFor) {
  const EndedProcess killed;
  std::optional<RunLock> threads = *RunLock::take(profile_);  // what holds the lock
  std::ofstream(profile_.pid_dir() / "trireme-controller.lock") << killed.pid() << "\n";
  const Result<RunLock> hasty = RunLock::take(profile_, 10ms);
  ASSERT_FALSE(hasty.has_value());
  EXPECT_EQ(hasty.error().code, ErrorCode::kBusy);
  EXPECT_NE(hasty.error().text.find(std::to_string(killed.pid())), std::string::npos);

  auto next = std::async(std::launch::async, [&] { return RunLock::take(profile_); });
  EXPECT_EQ(next.wait_for(50ms), std::future_status::timeout) << "it waits";
  threads.reset();
  EXPECT_EQ(next.get()->predecessor(), RunLock::Predecessor::kCrashed);
}

TEST_F(RecoveryFiles, ARunThatNeverServedLeavesNothing) {
  (void)RunLock::take(profile_);
  EXPECT_EQ(RunLock::take(profile_)->predecessor(), RunLock::Predecessor::kNone);
}

TEST_F(RecoveryFiles, ClusterIdsHaveLocksOfTheirOwn) {
  Profile other = profile_;
  other.cluster_id = "two";
  const Result<RunLock> one = RunLock::take(profile_);
  EXPECT_EQ(RunLock::take(other)->predecessor(), RunLock::Predecessor::kNone);
}

TEST_F(RecoveryFiles, TheTimeUntilWhichRepliesWereSentIsRemembered) {
  const Timestamp moment{1'700'000'000'123'456us};
  {
    Result<RunLock> lock = RunLock::take(profile_);
    ASSERT_TRUE(lock->mark_serving().has_value());
    lock->note_sent_until(Timestamp{1'600'000'000s});
    lock->note_sent_until(moment);
  }
  EXPECT_EQ(RunLock::take(profile_)->sent_until(), moment);
}

TEST_F(RecoveryFiles, AMissingFolderIsNamed) {
  fs::remove_all(profile_.pid_dir());
  const Result<RunLock> lock = RunLock::take(profile_);
  ASSERT_FALSE(lock.has_value());
  EXPECT_NE(lock.error().text.find(profile_.pid_dir().string()), std::string::npos);
}

TEST_F(RecoveryFiles, DebtsOutliveTheirWriterUntilTheyAreSettled) {
  const fs::path file = folder_ / "owed";
  const Instant now{};
  {
    OwedJournal journal(file, log_);
    EXPECT_FALSE(fs::exists(file));
    journal.add(Ids{MsgId("a"), MsgId("b"), MsgId("c")});
    journal.sent(Ids{MsgId("a"), MsgId("never owed")}, now);
    journal.settle(now + 1s);
    journal.sent(Ids{MsgId("b")}, now + 1s);
  }
  const OwedJournal::Debts debts = OwedJournal(file, log_).read();
  EXPECT_EQ(debts.certain, Ids{MsgId("c")});
  EXPECT_EQ(debts.doubtful, Ids{MsgId("b")});
}

TEST_F(RecoveryFiles, WithoutDebtsThereIsNoText) {
  const fs::path file = folder_ / "owed";
  OwedJournal journal(file, log_);
  journal.add(Ids{MsgId("a")});
  journal.sent(Ids{MsgId("a")}, Instant{});
  journal.settle(Instant{} + 1s);
  EXPECT_EQ(fs::file_size(file), 0u);
  journal.add(Ids{MsgId("b")});
  EXPECT_EQ(journal.read().certain, Ids{MsgId("b")});
}

TEST(ConnectionCensus, ListsTheConnectionsThatNeverSpoke) {
  NetContext context;
  Socket router = *Socket::open(context, SocketType::kRouter);
  Result<ConnectionCensus> census = ConnectionCensus::begin(context, router, "census-test");
  ASSERT_TRUE(census.has_value()) << census.error().text;
  EXPECT_TRUE(census->connections().empty());
  ASSERT_TRUE(router.bind("inproc://census-clients").has_value());

  Socket silent = *Socket::open(context, SocketType::kDealer);
  ASSERT_TRUE(silent.connect("inproc://census-clients").has_value());
  ASSERT_TRUE(census->probe().has_value());
  Frames frames;
  while (!router.receive(frames)) {
  }
  EXPECT_TRUE(census->take(frames));
  const std::vector<RoutingId> found = census->connections();
  ASSERT_EQ(found.size(), 1u);

  ASSERT_TRUE(router.send({Frame::copy_of(found[0].view()), Frame(std::string("for you"))}));
  while (!silent.receive(frames)) {
  }
  EXPECT_EQ(frames.front().view(), "for you");
}

TEST(ConnectionCensus, TakesNothingThatIsNotItsOwn) {
  NetContext context;
  Socket router = *Socket::open(context, SocketType::kRouter);
  Result<ConnectionCensus> census = ConnectionCensus::begin(context, router, "census-strangers");
  ASSERT_TRUE(census.has_value());
  EXPECT_FALSE(census->take({Frame(std::string("peer")), Frame(std::string("trireme-census"))}));
  EXPECT_FALSE(census->take({}));
}

}  // namespace
}  // namespace trireme
