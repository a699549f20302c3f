// A small world around the scheduler: verbs for what happens, one line of text for each effect.
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "controller/scheduler/task_scheduler.hpp"

namespace trireme {

/// Describes a task; everything but the point of the test has a default.
class TaskBuilder {
 public:
  explicit TaskBuilder(std::string id) : id_(std::move(id)) {}

  TaskBuilder& after(std::vector<std::string> ids) { return set(terms_.after, std::move(ids)); }
  TaskBuilder& follow(std::vector<std::string> ids) { return set(terms_.follow, std::move(ids)); }
  TaskBuilder& after_any(std::vector<std::string> ids) {
    terms_.after.all = false;
    return after(std::move(ids));
  }
  TaskBuilder& follow_any(std::vector<std::string> ids) {
    terms_.follow.all = false;
    return follow(std::move(ids));
  }
  TaskBuilder& wanting(bool success, bool failure);  // for both dependencies
  TaskBuilder& on(std::vector<std::string> engines);
  TaskBuilder& retries(std::uint32_t count);
  TaskBuilder& timeout(std::chrono::nanoseconds duration);

  TaskSubmission build() const;

 private:
  TaskBuilder& set(Dependency& dependency, std::vector<std::string> ids);

  std::string id_;
  TaskTerms terms_;
};

inline TaskBuilder task(std::string id) { return TaskBuilder(std::move(id)); }

/// Every verb checks the scheduler's invariants afterwards. Effects queue up as lines:
///   run a on e1 | run a on e1 again (2) | deliver a from e1: ok | deliver a from e1: failed
///   fail a: TaskTimeout | look up x, y for a | drop a: <why>
/// A world that ends with lines nobody expected fails its test.
class SchedulerWorld {
 public:
  explicit SchedulerWorld(SchedulerOptions options = {}, std::uint64_t seed = 1)
      : scheduler_(options, std::mt19937_64(seed)) {}
  ~SchedulerWorld();

  void join(const std::string& engine);
  void lose(const std::string& engine);
  void submit(const TaskBuilder& builder);
  void submit(const std::string& id) { submit(task(id)); }
  void succeed(const std::string& id, const std::string& engine);
  void fail(const std::string& id, const std::string& engine);
  void abort(const std::string& id, const std::string& engine);
  void refuse(const std::string& id, const std::string& engine);  // dependencies unmet there
  void answer(const std::string& id, std::vector<PastOutcome> known);
  /// Lets time pass and wakes the scheduler if it asked for that.
  void pass(std::chrono::nanoseconds duration);
  void restore(const TaskBuilder& builder, const TaskPast& past = {});
  void lose_attempt(const std::string& id, const std::string& engine);
  bool cancel(const std::string& id);

  /// The next effects must be exactly these; takes them.
  void expect(const std::vector<std::string>& lines);
  /// Nothing has happened that was not expected yet.
  void expect_nothing() { expect({}); }
  std::vector<std::string> take_effects() { return std::exchange(effects_, {}); }

  TaskScheduler& scheduler() { return scheduler_; }
  /// Attempts that were over while their tasks were not, each as `a 1 on e1: error`; takes them.
  std::vector<std::string> take_attempts() { return std::exchange(attempts_, {}); }
  /// The last FailTask and DeliverReply seen.
  const FailTask& last_failure() const { return last_failure_; }
  const DeliverReply& last_delivery() const { return last_delivery_; }

 private:
  void reply(const std::string& id, const std::string& engine, ReplyTerms terms);
  void record();
  std::string line_of(SchedulerEffect& effect);

  TaskScheduler scheduler_;
  Instant now_{};
  SchedulerOutbox outbox_;
  std::vector<std::string> effects_;
  std::vector<std::string> attempts_;
  FailTask last_failure_{};
  DeliverReply last_delivery_{};
};

}  // namespace trireme
