// The thread that owns the task store: groups changes into transactions and answers questions.
//
// The loop hands changes over and goes on; nothing a disk does ever makes it wait. What the store
// refuses for reasons of the world (locked, disk full, permission) is kept and tried again with
// growing pauses; what it refuses for its own sake is found by halving the group and left out, so
// that one bad change costs one record and not the history. Meanwhile the backlog is bounded by
// the rules of RecordBacklog.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "controller/records/record_backlog.hpp"
#include "db/store_question.hpp"
#include "db/task_store.hpp"
#include "session/log.hpp"

namespace trireme {

struct RecordKeeperOptions {
  std::chrono::milliseconds group_interval{5};  // how long a change waits for company
  // The same while changes come in fast: most tasks then begin and end within one group, which
  // costs a fraction of two.
  std::chrono::milliseconds group_interval_busy{50};
  std::size_t busy_changes_per_ms = 10;  // what is fast
  std::size_t group_changes_max = 4096;  // a group of this size is written at once
  // The same, for large buffers: they lie in the processor's cache, and the memory is used again.
  std::size_t group_bytes_max = std::size_t{8} << 20;
  std::size_t backlog_bytes_max = std::size_t{256} << 20;
  std::chrono::milliseconds retry_pause_first{50};  // doubles with each failure in a row
  std::chrono::milliseconds retry_pause_max{5000};
  std::chrono::milliseconds stop_patience{2000};  // how long stop() lets a failing store try
};

/// How the keeper stands.
struct RecordKeeperStatus {
  std::uint64_t stored = 0;   // changes in the store
  std::uint64_t skipped = 0;  // changes the store could not take
  std::uint64_t lost = 0;     // changes given up at the end
  ShedCounts shed;
  std::size_t waiting = 0;  // changes in the backlog
  std::size_t waiting_bytes = 0;
  std::string failure;  // what the store said last; empty when it works
};

/// submit(), ask(), is_behind(), status() and has_freed_much() may be called from any thread;
/// create and stop from one. The callbacks are called on the keeper's thread and must not call back
/// into it.
class RecordKeeper {
 public:
  using Options = RecordKeeperOptions;
  using AnswerSink = std::function<void(StoreAnswer)>;
  using LogSink = std::function<void(LogLevel, std::string)>;

  RecordKeeper(std::unique_ptr<TaskStore> store, Options options, AnswerSink on_answer,
               LogSink on_log);
  /// stop().
  ~RecordKeeper();
  RecordKeeper(const RecordKeeper&) = delete;
  RecordKeeper& operator=(const RecordKeeper&) = delete;

  /// Takes changes over; returns at once. After stop() they are dropped.
  void submit(std::vector<RecordChange> changes);
  /// Asks the store. The answer sees every change submitted before and none submitted after; when
  /// those before cannot be stored it is the store's failure. After stop() nothing answers.
  void ask(StoreQuestion question);

  /// Stores what waits, answers what was asked (what only reads is refused once `stop_patience` is
  /// over), ends the thread and closes the store.
  void stop();

  /// True while more than half of the backlog's limit is in use: whoever can should read fewer
  /// new tasks until it is false again.
  bool is_behind() const;
  RecordKeeperStatus status() const;
  /// True once after much memory was freed here: time for the thread that allocated it to
  /// give_heap_back(), too.
  bool has_freed_much() { return freed_much_.exchange(false, std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;
  enum class Wait { kNot, kForWork, kForCompany };
  struct Asked {
    StoreQuestion question;
    std::uint64_t after;  // position in the backlog
  };

  void run();
  bool wait_for_work(Lock& lock);
  void use_pause(Lock& lock);
  std::chrono::milliseconds patience() const;
  bool is_full_group() const;
  void note_pace(std::size_t changes);
  void let_go(std::vector<RecordChange> group, Lock& lock);
  void give_back_memory(Lock& lock);
  void store_group(std::span<const RecordChange> group, Lock& lock);
  bool retry_later(const Error& error, Lock& lock);
  void skip(const RecordChange& change, const Error& error, Lock& lock);
  void note_recovery(Lock& lock);
  void answer_ready(Lock& lock);
  void refuse_asked(const Error& error, Lock& lock);
  void report_shed(Lock& lock);
  void report(LogLevel level, std::string text, Lock& lock);

  const Options options_;
  const AnswerSink on_answer_;
  const LogSink on_log_;
  std::unique_ptr<TaskStore> store_;  // the keeper's thread only

  // Guarded by mutex_, which is never held while the store works or a callback runs.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  RecordBacklog backlog_;
  std::deque<Asked> asked_;
  RecordKeeperStatus status_;
  Wait wait_ = Wait::kNot;  // what the thread sleeps for
  bool stopping_ = false;
  std::size_t peak_bytes_ = 0;      // of the backlog, since memory was given back last
  Clock::time_point patience_end_;  // when stopping

  std::atomic<bool> freed_much_ = false;

  // The keeper's thread only.
  Clock::time_point group_start_;
  std::size_t freed_bytes_ = 0;  // about, since memory was given back last
  bool is_busy_ = false;         // the last group came fast
  bool may_use_pause_ = true;    // the store may have something to do that can wait
  std::chrono::milliseconds pause_;
  std::set<std::string> reported_;  // failures since the store last worked
  ShedCounts reported_shed_;
  std::optional<Error> given_up_;  // why the store was not tried any longer at the end

  std::thread thread_;
};

}  // namespace trireme
