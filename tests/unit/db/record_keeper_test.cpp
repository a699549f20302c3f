// The record keeper: groups, answers in order, survives what the store does.
#include "controller/records/record_keeper.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/support/faulty_store.hpp"
#include "tests/unit/db/store_world.hpp"

namespace trireme {
namespace {

using namespace std::chrono_literals;
using testing::Faults;
using testing::FaultyStore;
using testing::finished;
using testing::ids_of;
using testing::output;
using testing::submitted;

constexpr auto kGenerous = 60s;

const Error kDiskFull{ErrorCode::kIo, "the disk is full"};
const Error kLocked{ErrorCode::kBusy, "the database is locked"};
const Error kTooBig{ErrorCode::kTooLarge, "the value is too large"};

/// What the keeper says, and a way to wait for it.
class Ears {
 public:
  void hear_answer(StoreAnswer answer) {
    std::unique_lock lock(mutex_);
    answers_.push_back(std::move(answer));
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_holding_; });
  }
  /// Keeps the keeper in its next answer until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    is_holding_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    is_holding_ = false;
    changed_.notify_all();
  }
  void wait_for_answer() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kGenerous, [this] { return !answers_.empty(); }));
  }
  void hear_log(LogLevel level, std::string text) {
    const std::lock_guard lock(mutex_);
    log_.push_back({level, std::move(text)});
    changed_.notify_all();
  }
  /// The next answer not yet taken.
  StoreAnswer take_answer() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kGenerous, [this] { return !answers_.empty(); });
    EXPECT_TRUE(came) << "no answer came";
    if (!came) return {0, Error{ErrorCode::kTimeout, "no answer came"}};
    StoreAnswer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  void wait_for_log(std::size_t lines) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kGenerous, [&] { return log_.size() >= lines; }));
  }
  std::vector<std::pair<LogLevel, std::string>> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  bool has_answers() {
    const std::lock_guard lock(mutex_);
    return !answers_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<StoreAnswer> answers_;
  std::vector<std::pair<LogLevel, std::string>> log_;
  bool is_holding_ = false;
};

class Keeper : public ::testing::Test {
 protected:
  RecordKeeper& start(RecordKeeperOptions options = {.group_interval = 1ms,
                                                     .retry_pause_first = 1ms,
                                                     .retry_pause_max = 4ms,
                                                     .stop_patience = kGenerous}) {
    keeper_.emplace(
        std::make_unique<FaultyStore>(store_, faults_), options,
        [this](StoreAnswer answer) { ears_.hear_answer(std::move(answer)); },
        [this](LogLevel level, std::string text) { ears_.hear_log(level, std::move(text)); });
    return *keeper_;
  }
  void TearDown() override {
    keeper_.reset();
    EXPECT_FALSE(ears_.has_answers()) << "an answer that nobody expected";
    store_.check_invariants();
  }
  void flush() {
    keeper_->ask({99, FlushChanges{}});
    EXPECT_TRUE(ears_.take_answer().reply);
  }

  MemoryStore store_;  // looked into only after flush() or stop()
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>();
  Ears ears_;
  std::optional<RecordKeeper> keeper_;
};

TEST_F(Keeper, StopStoresEverythingSubmitted) {
  RecordKeeper& keeper = start();
  for (int i = 0; i < 1000; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  keeper.stop();
  EXPECT_EQ(*store_.count(), 1000u);
  EXPECT_EQ(keeper.status().stored, 1000u);
}

TEST_F(Keeper, AnswersSeeWhatWasSubmittedBeforeAndNothingAfter) {
  RecordKeeper& keeper = start({.group_interval = 50ms});
  keeper.submit({submitted("a")});
  keeper.ask({1, ListHistory{}});
  keeper.submit({submitted("b")});
  keeper.ask({2, ListHistory{}});
  keeper.ask({3, PurgeRecords{{MsgId("a")}}});
  keeper.submit({output("a", "late")});
  keeper.ask({4, FindRecords{{}, Columns::all()}});
  const auto history = [this](std::uint64_t token) {
    const StoreAnswer answer = ears_.take_answer();
    EXPECT_EQ(answer.token, token);
    return ids_of(std::get<std::vector<MsgId>>(*answer.reply));
  };
  EXPECT_EQ(history(1), "a");
  EXPECT_EQ(history(2), "ab");
  EXPECT_EQ(ears_.take_answer().token, 3u);
  const StoreAnswer found = ears_.take_answer();
  EXPECT_EQ(ids_of(std::get<std::vector<TaskRecord>>(*found.reply)), "ba");
}

TEST_F(Keeper, ChangesThatComeTogetherAreOneTransaction) {
  RecordKeeper& keeper = start({.group_interval = 1h});
  for (int i = 0; i < 100; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  flush();  // one call for the group; a flush itself asks nothing of the store
  EXPECT_EQ(faults_->calls(), 1u);
}

TEST_F(Keeper, WhileManyChangesComeAGroupWaitsLonger) {
  RecordKeeper& keeper =
      start({.group_interval = 1ms, .group_interval_busy = 1h, .busy_changes_per_ms = 20});
  std::vector<RecordChange> many;
  for (int i = 0; i < 20; ++i) many.emplace_back(submitted(std::to_string(i).c_str()));
  keeper.submit(std::move(many));
  const auto limit = std::chrono::steady_clock::now() + kGenerous;
  while (keeper.status().stored < 20 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  for (int i = 20; i < 25; ++i) {
    keeper.submit({submitted(std::to_string(i).c_str())});
    std::this_thread::sleep_for(3ms);  // long enough for a group of its own, were there no hurry
  }
  flush();
  EXPECT_EQ(faults_->calls(), 2u);
}

TEST_F(Keeper, AFullGroupDoesNotWaitForTheInterval) {
  RecordKeeper& keeper = start({.group_interval = 1h, .group_changes_max = 10});
  for (int i = 0; i < 10; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  const auto limit = std::chrono::steady_clock::now() + kGenerous;
  while (keeper.status().stored < 10 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(keeper.status().stored, 10u);
}

TEST_F(Keeper, LargeBuffersDoNotWaitForTheInterval) {
  RecordKeeper& keeper = start({.group_interval = 1h, .group_bytes_max = 100'000});
  for (const char* id : {"a", "b", "c"}) {
    TaskSubmitted start = submitted(id);
    start.buffers = testing::frames({std::string(40'000, id[0])});
    keeper.submit({start});
  }
  const auto limit = std::chrono::steady_clock::now() + kGenerous;
  while (keeper.status().stored < 3 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(keeper.status().stored, 3u);
}

TEST_F(Keeper, FailuresOfTheWorldLoseNothingAndAreSaidOnceEach) {
  RecordKeeper& keeper = start();
  faults_->fail_from(1, kDiskFull);
  keeper.submit({submitted("a")});
  ears_.wait_for_log(1);
  const auto limit = std::chrono::steady_clock::now() + kGenerous;
  while (faults_->failures() < 5 && std::chrono::steady_clock::now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_EQ(keeper.status().failure, kDiskFull.text);
  keeper.submit({submitted("b"), finished("a")});
  faults_->heal();
  keeper.stop();
  EXPECT_EQ(*store_.count(), 2u);
  EXPECT_TRUE((*store_.get(MsgId("a")))->completed);
  const auto log = ears_.log();
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].first, LogLevel::kError);
  EXPECT_NE(log[0].second.find(kDiskFull.text), std::string::npos);
  EXPECT_EQ(log[1].first, LogLevel::kInfo);
}

TEST_F(Keeper, QuestionsBehindChangesThatCannotBeStoredGetTheFailure) {
  RecordKeeper& keeper = start();
  faults_->fail_from(1, kLocked);
  keeper.submit({submitted("a")});
  keeper.ask({7, ListHistory{}});
  const StoreAnswer refused = ears_.take_answer();
  EXPECT_EQ(refused.token, 7u);
  ASSERT_FALSE(refused.reply);
  EXPECT_EQ(refused.reply.error().code, ErrorCode::kBusy);
  faults_->heal();
  keeper.ask({8, ListHistory{}});
  StoreAnswer answer = ears_.take_answer();
  while (!answer.reply) {  // the pause may not be over yet
    keeper.ask({8, ListHistory{}});
    answer = ears_.take_answer();
  }
  EXPECT_EQ(ids_of(std::get<std::vector<MsgId>>(*answer.reply)), "a");
}

TEST_F(Keeper, OneBadChangeCostsItsOwnRecordOnly) {
  RecordKeeper& keeper = start({.group_interval = 1h});
  faults_->poison(MsgId("13"), kTooBig);
  for (int i = 0; i < 40; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  flush();
  EXPECT_EQ(*store_.count(), 39u);
  EXPECT_FALSE(*store_.get(MsgId("13")));
  EXPECT_EQ(keeper.status().skipped, 1u);
  const auto log = ears_.log();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_NE(log[0].second.find("13"), std::string::npos);
  EXPECT_NE(log[0].second.find(kTooBig.text), std::string::npos);
}

TEST_F(Keeper, ManyBadChangesAreNotAllSaid) {
  RecordKeeper& keeper = start();
  faults_->fail_from(1, kTooBig);
  for (int i = 0; i < 100; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  keeper.stop();
  EXPECT_EQ(keeper.status().skipped, 100u);
  EXPECT_EQ(ears_.log().size(), 11u);
}

TEST_F(Keeper, StopGivesUpOnAStoreThatKeepsFailingAndSaysWhatIsLost) {
  RecordKeeper& keeper = start({.group_interval = 1ms,
                                .retry_pause_first = 1ms,
                                .retry_pause_max = 4ms,
                                .stop_patience = 200ms});
  faults_->fail_from(1, kDiskFull);
  keeper.submit({submitted("a"), submitted("b")});
  keeper.submit({submitted("c")});
  keeper.ask({5, ListHistory{}});
  keeper.stop();
  EXPECT_FALSE(ears_.take_answer().reply);
  EXPECT_EQ(keeper.status().lost, 3u);
  EXPECT_EQ(ears_.log().back().second, "3 record changes could not be stored");
}

TEST_F(Keeper, StopDoesNotWaitForQuestionsThatOnlyRead) {
  RecordKeeper& keeper = start({.group_interval = 1ms, .stop_patience = 0ms});
  keeper.submit({submitted("a"), submitted("b")});
  ears_.hold();
  constexpr std::uint64_t kQuestions = 1000;
  for (std::uint64_t token = 1; token <= kQuestions; ++token) keeper.ask({token, ListHistory{}});
  keeper.ask({kQuestions + 1, PurgeRecords{{MsgId("a")}}});
  ears_.wait_for_answer();  // the first one; the keeper stays in it
  std::thread releaser([&] {
    std::size_t before = 0;
    do {  // a keeper that is to stop takes no more
      before = keeper.status().waiting;
      keeper.submit({output("b", "x")});
    } while (keeper.status().waiting > before);
    ears_.release();
  });
  keeper.stop();
  releaser.join();
  for (std::uint64_t token = 1; token <= kQuestions; ++token) {
    const StoreAnswer answer = ears_.take_answer();
    EXPECT_EQ(answer.token, token);
    EXPECT_EQ(answer.reply.has_value(), token == 1);
  }
  EXPECT_TRUE(ears_.take_answer().reply) << "what changes records is done";
  EXPECT_EQ(*store_.count(), 1u);
}

TEST_F(Keeper, ABacklogBeyondItsLimitIsSaidAndSeen) {
  RecordKeeper& keeper = start({.group_interval = 1ms,
                                .backlog_bytes_max = 20000,
                                .retry_pause_first = 1ms,
                                .retry_pause_max = 4ms,
                                .stop_patience = kGenerous});
  faults_->fail_from(1, kDiskFull);
  EXPECT_FALSE(keeper.is_behind());
  keeper.submit({submitted("first")});
  ears_.wait_for_log(1);  // from now on the keeper tries that one again and takes no other
  for (int i = 0; i < 200; ++i) keeper.submit({submitted(std::to_string(i).c_str())});
  EXPECT_TRUE(keeper.is_behind());
  EXPECT_LE(keeper.status().waiting_bytes, 20000u);
  EXPECT_GT(keeper.status().shed.refused, 0u);
  ears_.wait_for_log(2);
  faults_->heal();
  keeper.stop();
  EXPECT_GT(*store_.count(), 0u);
}

TEST_F(Keeper, WhateverSingleCallFailsTheStoreEndsUpWhole) {
  const auto run_script = [this](std::uint64_t nth) {
    const std::string id = "task-" + std::to_string(nth);
    const std::uint64_t failures_before = faults_->failures();
    faults_->fail_nth(nth, nth % 2 == 0 ? kDiskFull : kLocked);
    for (int step = 0; step < 4; ++step) {
      const std::string name = id + "-" + std::to_string(step);
      keeper_->submit({submitted(name.c_str()), output(name.c_str(), "x")});
      keeper_->submit({finished(name.c_str())});
      keeper_->ask({1, GetRecords{{MsgId(name)}}});
      StoreAnswer answer = ears_.take_answer();
      while (!answer.reply) {
        keeper_->ask({1, GetRecords{{MsgId(name)}}});
        answer = ears_.take_answer();
      }
      const auto& records = std::get<std::vector<TaskRecord>>(*answer.reply);
      EXPECT_EQ(records.size(), 1u);
      if (records.empty()) continue;
      EXPECT_TRUE(records[0].completed) << name;
      EXPECT_EQ(records[0].stdout_text, "x") << name;
    }
    const bool fired = faults_->failures() > failures_before;
    faults_->heal();
    return fired;
  };
  start();
  std::uint64_t nth = 1;
  while (run_script(nth)) ++nth;
  EXPECT_GT(nth, 4u) << "each step makes at least one call";
  keeper_->stop();
  EXPECT_EQ(*store_.count(), nth * 4);
}

TEST_F(Keeper, TheStoreGetsPausesUntilItHasNothingLeftToDo) {
  RecordKeeper& keeper = start();
  faults_->leave_chores(3);
  for (const char* id : {"a", "b"}) {
    keeper.submit({submitted(id)});
    flush();
    const auto patience_end = std::chrono::steady_clock::now() + kGenerous;
    while (faults_->chores_left() > 0 && std::chrono::steady_clock::now() < patience_end) {
      std::this_thread::yield();
    }
    EXPECT_EQ(faults_->chores_left(), 0);
  }
}

TEST_F(Keeper, ManyThreadsMaySubmitAndAsk) {
  RecordKeeper& keeper = start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&keeper, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        keeper.submit({submitted(id.c_str()), finished(id.c_str())});
        if (i % 20 == 0) keeper.ask({static_cast<std::uint64_t>(t), ListHistory{}});
        if (i % 30 == 0) keeper.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(ears_.take_answer().reply);
  keeper.stop();
  EXPECT_EQ(*store_.count(), 800u);
}

TEST_F(Keeper, SubmitAndAskAfterStopAreHarmless) {
  RecordKeeper& keeper = start();
  keeper.stop();
  keeper.submit({submitted("a")});
  keeper.ask({1, ListHistory{}});
  keeper.stop();
  EXPECT_EQ(*store_.count(), 0u);
}

}  // namespace
}  // namespace trireme
