#include "controller/records/record_keeper.hpp"

#include <pthread.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "controller/records/heap.hpp"
#include "db/record_patch.hpp"

namespace trireme {
namespace {

/// Failures that time or a person may mend, whatever the change; the others lie in the change.
constexpr bool is_of_the_world(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBusy:
    case ErrorCode::kIo:
    case ErrorCode::kPermission:
    case ErrorCode::kNotFound:
    case ErrorCode::kBadFormat:
    case ErrorCode::kVersion:
    case ErrorCode::kClosed:
      return true;
    default:
      return false;
  }
}

constexpr std::uint64_t kSkipsReported = 10;

// Changes of this size leave holes in the heap that are worth giving back to the system: when a
// long backlog has gone, and when nothing has come for a while. Not while work goes on: the next
// large buffers then lie where the last ones were, in memory that is there.
constexpr std::size_t kPeakBytes = std::size_t{64} << 20;
constexpr std::size_t kHoleBytes = std::size_t{8} << 20;
constexpr std::chrono::seconds kQuiet{1};

std::string count_of(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

bool only_reads(const StoreQuestion& question) {
  const StoreRequest& request = question.request;
  return std::holds_alternative<GetRecords>(request) ||
         std::holds_alternative<FindRecords>(request) ||
         std::holds_alternative<ListHistory>(request) ||
         std::holds_alternative<GetOutcomes>(request);
}

}  // namespace

RecordKeeper::RecordKeeper(std::unique_ptr<TaskStore> store, Options options, AnswerSink on_answer,
                           LogSink on_log)
    : options_(options),
      on_answer_(std::move(on_answer)),
      on_log_(std::move(on_log)),
      store_(std::move(store)),
      backlog_(options.backlog_bytes_max),
      pause_(options.retry_pause_first),
      thread_([this] { run(); }) {
  TRIREME_CHECK(options_.retry_pause_first.count() > 0, "a pause of nothing is a busy loop");
}

RecordKeeper::~RecordKeeper() { stop(); }

void RecordKeeper::submit(std::vector<RecordChange> changes) {
  bool must_wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    backlog_.push(std::move(changes), status_.shed);
    peak_bytes_ = std::max(peak_bytes_, backlog_.bytes());
    const bool is_group = is_full_group();
    must_wake =
        !backlog_.empty() && (wait_ == Wait::kForWork || (wait_ == Wait::kForCompany && is_group));
    if (must_wake) wait_ = Wait::kNot;
  }
  if (must_wake) wake_.notify_one();
}

void RecordKeeper::ask(StoreQuestion question) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    asked_.push_back({std::move(question), backlog_.end()});
    wait_ = Wait::kNot;
  }
  wake_.notify_one();
}

void RecordKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) patience_end_ = Clock::now() + options_.stop_patience;
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool RecordKeeper::is_behind() const {
  const std::lock_guard lock(mutex_);
  return backlog_.bytes() > options_.backlog_bytes_max / 2;
}

RecordKeeperStatus RecordKeeper::status() const {
  const std::lock_guard lock(mutex_);
  RecordKeeperStatus status = status_;
  status.waiting = backlog_.count();
  status.waiting_bytes = backlog_.bytes();
  return status;
}

void RecordKeeper::run() {
  ::pthread_setname_np(::pthread_self(), "record-keeper");  // for whoever looks at threads
  Lock lock(mutex_);
  group_start_ = Clock::now();
  while (wait_for_work(lock)) {
    group_start_ = Clock::now();
    const std::uint64_t until =
        asked_.empty() ? std::numeric_limits<std::uint64_t>::max() : asked_.front().after;
    if (asked_.empty()) note_pace(backlog_.count());
    const std::size_t bytes_before = backlog_.bytes();
    std::vector<RecordChange> group = backlog_.take(options_.group_changes_max, until);
    freed_bytes_ += bytes_before - backlog_.bytes();
    if (!group.empty()) {
      store_group(group, lock);
      let_go(std::move(group), lock);
    }
    report_shed(lock);
    answer_ready(lock);
    may_use_pause_ = true;
  }
  if (status_.lost > 0) {
    report(LogLevel::kError, count_of(status_.lost, "record change") + " could not be stored",
           lock);
  }
  lock.unlock();
  store_.reset();
}

/// Sleeps until there is a group worth writing or a question; false when all is done.
bool RecordKeeper::wait_for_work(Lock& lock) {
  const bool was_idle = backlog_.empty() && asked_.empty();
  while (backlog_.empty() && asked_.empty()) {
    if (stopping_) return false;
    if (may_use_pause_) {
      use_pause(lock);
      continue;
    }
    wait_ = Wait::kForWork;
    if (freed_bytes_ < kHoleBytes) {
      wake_.wait(lock);
    } else if (wake_.wait_for(lock, kQuiet) == std::cv_status::timeout) {
      give_back_memory(lock);
    }
  }
  const Clock::time_point first = was_idle ? Clock::now() : group_start_;
  const Clock::time_point deadline = first + patience();
  while (asked_.empty() && !stopping_ && !is_full_group()) {
    wait_ = Wait::kForCompany;
    if (wake_.wait_until(lock, deadline) == std::cv_status::timeout) break;
  }
  wait_ = Wait::kNot;
  return true;
}

void RecordKeeper::use_pause(Lock& lock) {
  lock.unlock();
  may_use_pause_ = store_->use_pause();
  lock.lock();
}

/// How long the first change of a group waits for others.
std::chrono::milliseconds RecordKeeper::patience() const {
  return is_busy_ ? options_.group_interval_busy : options_.group_interval;
}

/// Whether there is enough to be written at once.
bool RecordKeeper::is_full_group() const {
  return backlog_.count() >= options_.group_changes_max ||
         backlog_.bytes() >= options_.group_bytes_max;
}

/// Decides by how many changes came together how long the next group waits.
void RecordKeeper::note_pace(std::size_t changes) {
  const auto waited = static_cast<std::size_t>(patience().count());
  is_busy_ =
      changes >= options_.busy_changes_per_ms * waited || changes >= options_.group_changes_max;
}

/// Frees changes that are stored; the loop need not wait meanwhile.
void RecordKeeper::let_go(std::vector<RecordChange> group, Lock& lock) {
  lock.unlock();
  group = {};
  lock.lock();
  const bool is_over_a_peak = peak_bytes_ > kPeakBytes && backlog_.bytes() < kPeakBytes / 4;
  if (is_over_a_peak) give_back_memory(lock);
}

/// The memory that changes took goes back to the system.
void RecordKeeper::give_back_memory(Lock& lock) {
  freed_bytes_ = 0;
  peak_bytes_ = backlog_.bytes();
  lock.unlock();
  give_heap_back();
  freed_much_.store(true, std::memory_order_relaxed);
  lock.lock();
}

/// Stores the changes, however often it takes; what cannot be stored for its own sake is skipped.
/// The lock is held on entry and exit only.
void RecordKeeper::store_group(std::span<const RecordChange> group, Lock& lock) {
  while (!given_up_) {
    lock.unlock();
    const Result<void> applied = store_->apply(group);
    lock.lock();
    if (applied) {
      status_.stored += group.size();
      note_recovery(lock);
      return;
    }
    if (is_of_the_world(applied.error().code)) {
      if (!retry_later(applied.error(), lock)) given_up_ = applied.error();
      continue;
    }
    if (group.size() == 1) {
      skip(group.front(), applied.error(), lock);
      return;
    }
    store_group(group.first(group.size() / 2), lock);
    store_group(group.subspan(group.size() / 2), lock);
    return;
  }
  status_.lost += group.size();
}

/// Leaves a change out. Says so for the first ones, then for every tenfold.
void RecordKeeper::skip(const RecordChange& change, const Error& error, Lock& lock) {
  const std::uint64_t skipped = ++status_.skipped;
  std::uint64_t loud = kSkipsReported;
  while (loud < skipped) loud *= 10;
  if (skipped > kSkipsReported && skipped != loud) return;
  report(LogLevel::kError,
         "the record of task " + changed_record(change).str() +
             " misses a change that cannot be stored: " + error.text + " (" +
             count_of(skipped, "such change") + " so far)",
         lock);
}

/// Pauses after a failure of the world, answering questions with it; false to give up.
bool RecordKeeper::retry_later(const Error& error, Lock& lock) {
  status_.failure = error.text;
  if (reported_.insert(error.text).second) {
    report(LogLevel::kError, error.text + " (changes are kept and tried again)", lock);
  }
  const Clock::time_point pause_end = Clock::now() + pause_;
  pause_ = std::min(pause_ * 2, options_.retry_pause_max);
  for (;;) {
    refuse_asked(error, lock);
    report_shed(lock);
    const Clock::time_point now = Clock::now();
    if (stopping_ && now >= patience_end_) return false;
    if (now >= pause_end) return true;
    wake_.wait_until(lock, stopping_ ? std::min(pause_end, patience_end_) : pause_end);
  }
}

void RecordKeeper::note_recovery(Lock& lock) {
  pause_ = options_.retry_pause_first;
  if (status_.failure.empty()) return;
  status_.failure.clear();
  reported_.clear();
  report(LogLevel::kInfo, "the task store works again; nothing that was kept is lost", lock);
}

void RecordKeeper::answer_ready(Lock& lock) {
  while (!asked_.empty() && !backlog_.has_before(asked_.front().after)) {
    const StoreQuestion question = std::move(asked_.front().question);
    asked_.pop_front();
    // Thousands of questions must not keep a controller that was told to end.
    const bool is_late = stopping_ && Clock::now() >= patience_end_;
    lock.unlock();
    if (given_up_) {
      on_answer_(StoreAnswer{question.token, *given_up_});
    } else if (is_late && only_reads(question)) {
      on_answer_(StoreAnswer{question.token, Error{ErrorCode::kClosed, "the controller ends"}});
    } else {
      on_answer_(answer(*store_, question));
    }
    lock.lock();
  }
}

void RecordKeeper::refuse_asked(const Error& error, Lock& lock) {
  while (!asked_.empty()) {
    const std::uint64_t token = asked_.front().question.token;
    asked_.pop_front();
    lock.unlock();
    on_answer_(StoreAnswer{token, error});
    lock.lock();
  }
}

/// Tells once when the backlog begins to let go, and again whenever ten times as much is gone.
void RecordKeeper::report_shed(Lock& lock) {
  const ShedCounts& now = status_.shed;
  const auto total = [](const ShedCounts& shed) {
    return shed.outputs + shed.tasks + shed.stripped + shed.refused;
  };
  if (total(now) == 0 || total(now) < 10 * total(reported_shed_)) return;
  reported_shed_ = now;
  report(
      LogLevel::kError,
      "the task store cannot keep up, so records were given up: " + count_of(now.outputs, "piece") +
          " of output, " + count_of(now.tasks, "whole task") + ", buffers of " +
          count_of(now.stripped, "message") + ", " + count_of(now.refused, "further change"),
      lock);
}

void RecordKeeper::report(LogLevel level, std::string text, Lock& lock) {
  lock.unlock();
  on_log_(level, std::move(text));
  lock.lock();
}

}  // namespace trireme
