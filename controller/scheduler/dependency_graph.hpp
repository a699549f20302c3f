// Which tasks wait for which, and whether what they wait for can still come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "controller/scheduler/outcome_cache.hpp"
#include "controller/scheduler/slots.hpp"
#include "controller/scheduler/task_terms.hpp"

namespace trireme {

/// The two dependencies a task may have.
enum class Gate : std::uint8_t { kAfter, kFollow };

/// Where a dependency stands. With `wanted` the endings that count (success, failure or both):
/// all: met when every id has ended as wanted, unreachable when one has ended otherwise;
/// any: met when one id has ended as wanted, unreachable when all have ended otherwise.
/// A dependency without ids is met.
enum class Verdict { kMet, kWaiting, kUnreachable };

/// Keeps, for each task with dependencies, counts of what is still missing, and for each live
/// task the tasks that wait for it; so an ending costs time in proportion to its dependents. Ids
/// are resolved outside: the graph is told for each whether it has ended or which live task it
/// is; ids it has been told nothing about are waited for.
///
/// Invariants: (1) for each gate, ended as wanted + ended otherwise <= ids. (2) A task is never
/// told of one id's ending twice (edges end with the task they come from).
class DependencyGraph {
 public:
  /// Enters a task with at least one dependency that has ids.
  void add(TaskRef task, const Dependency& after, const Dependency& follow);
  /// One of the task's ids has ended.
  void settle(TaskRef task, Gate gate, const Outcome& outcome);
  /// One of the task's ids is the live task `dependency`.
  void await(TaskRef task, Gate gate, TaskSlot dependency);
  /// A live task has ended: tells all that wait for it and appends them to `touched` (a task that
  /// waits through both gates twice).
  void finish(TaskSlot dependency, const Outcome& outcome, std::vector<TaskRef>& touched);
  /// Forgets a task that has ended as one that waits.
  void remove(TaskSlot task);

  /// Tasks that were never added are met at both gates.
  Verdict verdict(TaskSlot task, Gate gate) const;
  bool has_follow(TaskSlot task) const;
  /// The engines on which ids of `follow` ended as wanted, distinct.
  std::span<const EngineRef> follow_engines(TaskSlot task) const;
  /// Whether no engine can satisfy `follow` any more, whatever ends how: all of its ids are
  /// wanted on one engine, and they ended on several, or one ended without having run.
  bool follow_is_impossible(TaskSlot task) const;
  /// Whether every id of `follow` has ended, so that follow_engines() will not grow.
  bool follow_is_complete(TaskSlot task) const;

  std::size_t waiter_count() const noexcept { return waiters_.size(); }
  void check_invariants() const;

 private:
  struct Progress {
    bool all = true;
    bool success = true;
    bool failure = false;
    std::uint32_t total = 0;
    std::uint32_t wanted = 0;    // ended as wanted
    std::uint32_t unwanted = 0;  // ended otherwise
  };
  struct Waiter {
    std::uint64_t sequence = 0;
    Progress after;
    Progress follow;
    std::vector<EngineRef> ran_on;  // of follow
    bool ran_nowhere = false;       // an id of follow ended as wanted but on no engine
  };
  struct Edge {
    TaskRef waiter;
    Gate gate;
  };
  struct Dependents {
    std::vector<Edge> edges;  // edges of waiters that have ended lie here until a sweep
    std::size_t sweep_at = 16;
  };

  static Progress progress_of(const Dependency& dependency);
  static Verdict verdict_of(const Progress& progress);
  const Waiter* find(TaskSlot task) const;
  Waiter* current(TaskRef task);

  std::unordered_map<TaskSlot, Waiter> waiters_;
  std::unordered_map<TaskSlot, Dependents> dependents_;
};

}  // namespace trireme
