// A slow, obvious twin of the task scheduler: it keeps everything and looks at everything.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/scheduler/task_scheduler.hpp"

namespace trireme {

/// States the rules of the task queue as conditions over whole lists, evaluated anew each time.
/// It does not choose engines where chance decides: it is told the choice and says whether the
/// choice was legal.
class NaiveScheduler {
 public:
  explicit NaiveScheduler(SchedulerOptions options) : options_(options) {}

  // Events. Each leaves lines of effects other than runs; give_out() follows for every event.
  void submit(const TaskSubmission& request, Instant now);
  void reply(const std::string& engine, const std::string& id, const ReplyTerms& terms,
             Instant now);
  void join(const std::string& engine);
  void leave(const std::string& engine, Instant now);
  void outcomes(const std::string& id, const std::vector<PastOutcome>& known);
  void deadline(Instant now);
  bool cancel(const std::string& id);

  /// Takes note of endings in the order in which they were told: the real one ends tasks of one
  /// event in an order of its own, and forgets them in that order.
  void note_order_of_endings(const std::vector<std::string>& ids);

  /// The task that must run next, or none.
  std::optional<std::string> next_to_run() const;
  /// The engines it may be given to: one for the schemes without chance.
  std::set<std::string> legal_engines(const std::string& id) const;
  void run(const std::string& id, const std::string& engine);

  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }
  std::optional<Instant> next_deadline() const;
  std::vector<std::string> waiting() const;

  // What a driver needs to invent the next event.
  struct Assignment {
    std::string id;
    std::string engine;
  };
  std::vector<Assignment> running() const;
  std::vector<std::string> checking() const;
  bool is_registered(const std::string& engine) const;
  /// What a store that keeps everything would answer.
  std::vector<PastOutcome> stored(const std::string& id) const;

 private:
  using Incarnation = int;  // an engine from when it joins until it is forgotten
  static constexpr Incarnation kGone = -1;
  struct Ending {
    bool ok = false;
    std::optional<Incarnation> engine;
  };
  struct Departure {
    Instant strand_at;
    int runs;  // those begun before are lost
  };
  struct Engine {
    std::string uuid;
    Incarnation incarnation = 0;
    bool registered = true;
    std::vector<Departure> departures;  // whose grace is not over
  };
  enum class State { kChecking, kWaiting, kRunning, kEnded };
  struct NaiveTask {
    TaskSubmission request;
    State state = State::kWaiting;
    std::map<std::string, Ending> after_ended, follow_ended;  // of the ids it depends on
    std::set<std::string> after_ids, follow_ids;
    std::vector<std::pair<std::string, Gate>> asked;  // ids the store is asked about, in order
    std::map<Incarnation, BanKind> bans;
    std::optional<Instant> deadline;
    std::uint32_t retries = 0;
    Incarnation engine = kGone;
    int run = 0;  // its number among all, while it runs
    Ending ending;
  };

  static bool met(const Dependency& dependency, const std::set<std::string>& ids,
                  const std::map<std::string, Ending>& ended);
  static bool unreachable(const Dependency& dependency, const std::set<std::string>& ids,
                          const std::map<std::string, Ending>& ended);

  NaiveTask* live(const std::string& id);
  const NaiveTask* find_live(const std::string& id) const;
  bool is_remembered(const std::string& id) const;
  bool resolve(NaiveTask& task);
  const Engine* engine(const std::string& uuid) const;
  const Engine* engine(Incarnation incarnation) const;
  std::size_t load(Incarnation incarnation) const;
  std::size_t registered_count() const;
  bool banned(const NaiveTask& task, Incarnation incarnation, BanKind kind) const;
  std::set<Incarnation> follow_engines(const NaiveTask& task) const;
  bool ready(const NaiveTask& task) const;
  bool doomed(const NaiveTask& task) const;
  bool restricted(const NaiveTask& task) const;
  std::vector<Incarnation> eligible(const NaiveTask& task) const;
  std::vector<Incarnation> allowed_with_room(const NaiveTask& task) const;
  void try_again(NaiveTask& task, Incarnation where, BanKind kind, Instant now);
  void end(NaiveTask& task, const Ending& ending);
  void fail(NaiveTask& task, const std::string& why);
  void remember(const std::string& id, const Ending& ending);
  void forget_idle_engines();
  void settle();

  SchedulerOptions options_;
  std::vector<NaiveTask> tasks_;  // every task ever, by submission
  std::vector<Engine> engines_;   // the list, from the front
  std::vector<std::pair<std::string, Ending>> remembered_;
  std::map<std::string, Ending> ended_now_;  // in the present event
  std::vector<std::string> lines_;
  std::map<std::string, std::string> engine_names_;  // of ended tasks, for the store
  int incarnations_ = 0;
  int runs_ = 0;
};

}  // namespace trireme
