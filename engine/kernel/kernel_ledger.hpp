// What an engine knows of its kernel process: which runs are in it, what they may use up, and what
// becomes of them when it dies.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine_messages.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/kernel/link_message.hpp"
#include "engine/task_host.hpp"
#include "session/clock.hpp"

namespace trireme {

/// What a task may use up. Empty: as much as it likes.
struct TaskLimits {
  std::optional<std::chrono::milliseconds> wall;  // --task-timeout
  std::optional<std::chrono::milliseconds> cpu;   // --cpu-limit, of the whole process meanwhile
  std::optional<std::uint64_t> memory_bytes;      // --memory-limit; enforced by the system
  std::chrono::milliseconds stop_grace{1'000};    // --stop-grace
};

/// What requests need before they can run.
struct CellPlan {
  /// The language whose runtime a request needs; empty: none.
  std::function<std::string(const TaskRequest&)> language_of;
  std::string at_once;  // the language that every kernel prepares without being asked; may be empty
};

/// How a kernel process ended.
struct KernelEnd {
  std::optional<int> signal;
  int exit_code = 0;       // when there was no signal
  std::string last_words;  // what it wrote to its standard error at last
};

/// Effects, in order within each kind.
struct KernelOutbox {
  std::vector<LinkMessage> messages;  // to the kernel
  std::vector<HostEvent> events;      // to the engine
  std::vector<EngineLogLine> log_lines;
  bool kill = false;   // end the kernel process now; on_death() follows
  bool spawn = false;  // start one; on_message(LinkReady) or on_death() follows
};

/// The engine's book about its kernel. Pure: no process, no clock.
///
/// Rules, with their reasons:
/// - A kernel's death fails the runs that were in it and nothing else. What was not handed to it
/// yet
///   waits for the next one, which is started at once. They are not run again: nobody knows how far
///   they came.
/// - Who cannot be stopped by asking is ended with the process: a run that was interrupted, or is
///   over a limit, gets `stop_grace`. Aborts only ask: callers abort what they no longer need, and
///   other tasks' names are worth more than that.
/// - A kernel that dies before it was ready is started again after a pause that doubles, and from
///   the kStartsMax-th time on, requests fail with the reason instead of waiting.
/// - A kernel whose memory stays used up after a task is replaced before the next run is handed
/// over,
///   which would only fail in it.
/// - CPU time is looked at when it could have been used up, not all the time.
/// - A language is prepared before its first run is handed over, for starting a compiler takes
///   longer than a careful limit allows: no run pays for it, neither with its time nor with its CPU
///   time.
/// - A kernel that died of preparing a language does not do so beforehand again: the next run of
///   that language does it, and is told what it died of.
///
/// Invariants: (1) runs are handed over only to a ready kernel, and none before its language is
/// prepared; (2) every started run gets exactly one RunEnded; (3) kill is asked for at most once
/// per process.
class KernelLedger {
 public:
  static constexpr std::chrono::milliseconds kDeathPatience{1'000};
  static constexpr std::chrono::milliseconds kFirstPause{100};
  static constexpr std::chrono::milliseconds kLongestPause{5'000};
  static constexpr int kStartsMax = 5;

  using CpuTime = std::chrono::milliseconds;  // used by the kernel process so far

  explicit KernelLedger(TaskLimits limits, CellPlan cells = {});

  /// The engine is `identity`; runs may be started from now on.
  void join(const EngineIdentity& identity, KernelOutbox& out);
  void start(const WorkQueue::Start& start, Now now, CpuTime cpu, KernelOutbox& out);
  void stop(RunNumber run, StopReason reason, Now now, KernelOutbox& out);
  void answer(RunNumber run, std::optional<std::string> line, KernelOutbox& out);
  void clear(KernelOutbox& out);
  /// Replaces the process, whatever it does.
  void restart(KernelOutbox& out);

  void on_message(LinkMessage message, Now now, CpuTime cpu, KernelOutbox& out);
  void on_death(const KernelEnd& end, Now now, KernelOutbox& out);
  std::optional<Instant> next_deadline() const;
  void on_deadline(Now now, CpuTime cpu, KernelOutbox& out);

  bool is_ready() const noexcept { return state_ == State::kReady; }
  /// Nothing is being prepared, and no kernel is on its way.
  bool is_settled() const noexcept;
  /// What the latest kernel that was ready said of itself.
  const LinkReady& ready() const noexcept { return ready_; }
  /// Why the latest kernel could not work, if it said so.
  const std::optional<LinkRefused>& refusal() const noexcept { return refusal_; }
  void check_invariants() const;

 private:
  enum class State {
    kStarting,  // the process runs, but is not ready
    kReady,
    kDying,    // its end has been asked for
    kPausing,  // there is none; the next one starts at respawn_at_
  };
  /// Why a run was asked to stop.
  enum class Cause { kNone, kAborted, kInterrupted, kWall, kCpu };

  struct Run {
    MsgId request;
    bool is_execute = false;
    std::string language;           // that it needs; may be empty
    std::optional<LinkStart> held;  // until it is handed over
    Instant started{};
    CpuTime cpu_before{};
    std::optional<Instant> look_at_cpu;
    Cause cause = Cause::kNone;
    std::optional<Instant> kill_at;
    std::string tail;  // the latest text it showed
  };
  using Runs = std::map<RunNumber, Run>;

  void hand_over(RunNumber number, Run& run, Now now, CpuTime cpu, KernelOutbox& out);
  bool may_run(const Run& run) const;
  void prepare(const std::string& language, CpuTime cpu, KernelOutbox& out);
  void on_prepared(const std::string& language, Now now, CpuTime cpu, KernelOutbox& out);
  void hand_over_or_prepare(RunNumber number, Run& run, Now now, CpuTime cpu, KernelOutbox& out);
  void hand_over_all(Now now, CpuTime cpu, KernelOutbox& out);
  void watch(RunNumber number, Run& run, Now now, CpuTime cpu, KernelOutbox& out);
  void ask_to_stop(RunNumber number, Run& run, Cause cause, Now now, KernelOutbox& out);
  void kill(std::optional<RunNumber> culprit, KernelOutbox& out);
  void on_output(RunNumber number, std::vector<OutputPiece> pieces, KernelOutbox& out);
  void on_ended(LinkEnded ended, KernelOutbox& out);
  TaskFailure limit_failure(Cause cause) const;
  TaskFailure death_failure(RunNumber number, const Run& run, const KernelEnd& end) const;
  void fail_held(const std::string& why, KernelOutbox& out);
  void plan_next(const KernelEnd& end, Now now, KernelOutbox& out);

  TaskLimits limits_;
  CellPlan cells_;
  State state_ = State::kStarting;
  std::optional<EngineIdentity> identity_;
  Runs runs_;
  std::optional<RunNumber> culprit_;  // whose stop ended the process, of a dying one
  bool restarting_ = false;           // the end was asked for by restart()
  bool is_spent_ = false;             // the end was asked for by the kernel itself
  std::optional<Instant> respawn_at_;
  int failed_starts_ = 0;                      // in a row
  std::optional<std::string> loss_to_report_;  // names were lost; said to the next cell
  std::map<std::string, CpuTime> preparing_;   // languages, and the CPU time when it was asked for
  std::set<std::string> prepared_;             // of the ready kernel
  std::set<std::string> deadly_;               // languages of whose preparation a kernel has died
  std::optional<LinkRefused> refusal_;
  LinkReady ready_;
};

/// "SIGSEGV", or "status 3": for sentences.
std::string name_of(const KernelEnd& end);
/// The last few lines of a text, without the stack of a dying process.
std::vector<std::string> last_lines(std::string_view text);

}  // namespace trireme
