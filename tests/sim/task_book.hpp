// The truth about load-balanced tasks, kept by an onlooker who sees all that enters and leaves the
// controller: what was asked, what happened, and whether that was right.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/scheduler/task_terms.hpp"
#include "db/task_store.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "tests/sim/findings.hpp"

namespace trireme::sim {

/// How engines treat a task; chances in percent for each attempt.
struct Behaviour {
  unsigned fails = 0;
  unsigned unmet = 0;
  std::chrono::nanoseconds duration_max{};
};

/// What the client asked for.
struct TaskWish {
  TaskTerms terms;
  Behaviour behaviour;
  bool is_malformed = false;  // metadata nobody can read
};

/// The rules the controller was started with.
struct Rules {
  std::uint32_t hwm = 1;
  bool is_pure = false;
  std::chrono::nanoseconds grace{};
  bool store_fails = false;  // then a dependency may not be found
};

/// Checks, at the moment each message passes the controller's sockets:
///   1. no task is given to an engine while another has it, unless that one has left for longer
///      than the grace; engines hold no more tasks than the limit;
///   2. dependencies and targets are respected, and engines that refused a task, or failed at one
///      that times out, never get it again;
///   3. a task has no more failed attempts behind it than it has retries;
///   4. every task is answered once, with what its engine said, or with an error that is justified;
///   5. and in the end all are answered, and the records say the same.
/// Tasks that the hub submits itself have no wish and no answer; 1, 2 and 5 hold for them too.
class TaskBook {
 public:
  TaskBook(Rules rules, Findings& findings) : rules_(rules), findings_(findings) {}

  void plan(const MsgId& id, TaskWish wish);
  /// The request is handed to the controller (again, perhaps).
  void reaches_controller(const MsgId& id, Instant now);
  void assigned(const MsgId& id, const EngineUuid& engine, Instant now);
  /// An engine's reply is handed to the controller.
  void replied(const MsgId& id, const EngineUuid& engine, const ReplyTerms& terms,
               std::string_view content, Instant now);
  /// The controller answers the client; `engine` is empty for its own refusals.
  void answered(const MsgId& id, std::optional<EngineUuid> engine, std::string_view content,
                Instant now);
  void engine_joined(const EngineUuid& engine, Instant now);
  void engine_left(const EngineUuid& engine, Instant now);

  /// These records, or all, may be deleted from now on.
  void may_purge(const std::vector<MsgId>& ids);
  void may_purge_all() { ++purges_open_; }
  void purged_all(Instant now) {
    --purges_open_;
    all_purged_ = now;
  }
  bool may_be_purged(const MsgId& id) const;

  const Behaviour& behaviour_of(const MsgId& id) const;
  /// Whether any client has planned this task; others are the hub's own.
  bool is_planned(const MsgId& id) const { return tasks_.contains(id); }
  std::optional<std::string> answer_to(const MsgId& id) const;
  const std::vector<MsgId>& planned_ids() const { return planned_; }
  /// Tasks that have reached the controller and are not answered.
  std::size_t open_count() const { return open_count_; }
  std::string open_text() const;
  /// The last check, once everything is quiet.
  void check_records(TaskStore& store) const;

 private:
  struct Attempt {
    EngineUuid engine;
    std::uint64_t joins = 0;            // of the engine, when the attempt began
    std::optional<Instant> left_at;     // its engine left before it was over
    std::optional<std::string> result;  // content of the engine's last word
    ReplyTerms terms;
    bool is_late = false;  // the result came after the grace; it may not have been taken
  };
  struct Task {
    TaskWish wish;
    bool is_internal = false;
    bool has_arrived = false;
    std::uint64_t arrival = 0;  // its number among all
    Instant waiting_since{};
    std::vector<Attempt> attempts;
    bool has_ended = false;
    bool ended_ok = false;
    Instant ended_at{};
    std::optional<EngineUuid> ended_on;
    std::uint64_t ended_on_joins = 0;
    std::string answer;
    bool may_be_purged = false;
  };
  struct EngineFacts {
    bool is_here = false;
    std::uint64_t joins = 0;
  };
  enum class Standing { kMet, kWaiting, kUnreachable };

  Standing standing_of(const Dependency& dependency) const;
  bool is_over(const Attempt& attempt, Instant now) const;
  std::size_t load_of(const EngineUuid& engine, Instant now) const;
  enum class Bound { kLeast, kMost };
  std::size_t failures_of(const Task& task, Bound bound) const;
  bool follow_allows(const Dependency& follow, const EngineUuid& engine, bool leniently) const;
  bool has_refused(const Task& task, const EngineUuid& engine, bool in_this_life) const;
  void check_refusal(const MsgId& id, const Task& task, const std::string& ename, Instant now);
  bool may_be_invalid(const MsgId& id, const Task& task) const;
  bool may_be_impossible(const Task& task) const;
  bool has_open_leader(const Dependency& follow) const;
  bool is_out_of_reach(const Dependency& follow) const;
  bool may_have_timed_out(const Task& task, Instant now) const;
  bool may_be_stranded(const Task& task, Instant now) const;
  void expect(bool holds, const MsgId& id, const std::string& promise);

  Rules rules_;
  Findings& findings_;
  std::map<MsgId, Task> tasks_;
  std::vector<MsgId> planned_;
  std::map<EngineUuid, EngineFacts> engines_;
  std::map<EngineUuid, std::set<MsgId>> begun_on_;  // tasks whose last attempt has no reply
  std::size_t open_count_ = 0;
  std::uint64_t arrivals_ = 0;
  int purges_open_ = 0;
  std::optional<Instant> all_purged_;
};

}  // namespace trireme::sim
