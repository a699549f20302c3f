// A store that fails when told to, around one that works: for tests of what happens then.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/record_patch.hpp"
#include "db/task_store.hpp"

namespace trireme::testing {

/// Which calls fail and how; shared with the store, and safe to change while it is in use.
class Faults {
 public:
  /// The `nth` call from now (1 is the next) fails, once.
  void fail_nth(std::uint64_t nth, Error error) { set(nth, std::move(error), /*for_good=*/false); }
  /// The `nth` call from now and all after it fail.
  void fail_from(std::uint64_t nth, Error error) { set(nth, std::move(error), /*for_good=*/true); }
  void heal() {
    const std::lock_guard lock(mutex_);
    error_.reset();
  }
  /// Groups with a change of this record fail.
  void poison(MsgId msg_id, Error error) {
    const std::lock_guard lock(mutex_);
    poison_ = std::pair(std::move(msg_id), std::move(error));
  }

  /// After each group from now on the store has so much to do that can wait.
  void leave_chores(int count) {
    const std::lock_guard lock(mutex_);
    chores_after_group_ = count;
  }
  int chores_left() const {
    const std::lock_guard lock(mutex_);
    return chores_left_;
  }

  std::uint64_t calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::uint64_t failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

  /// What this call gives; also counts it.
  Result<void> next() {
    const std::lock_guard lock(mutex_);
    ++calls_;
    if (!error_ || calls_ < first_failing_) return {};
    ++failures_;
    const Error error = *error_;
    if (!for_good_) error_.reset();
    return error;
  }
  void begin_chores() {
    const std::lock_guard lock(mutex_);
    chores_left_ = chores_after_group_;
  }
  /// True when there is another one.
  bool do_a_chore() {
    const std::lock_guard lock(mutex_);
    if (chores_left_ > 0) --chores_left_;
    return chores_left_ > 0;
  }
  Result<void> check(std::span<const RecordChange> changes) const {
    const std::lock_guard lock(mutex_);
    for (const RecordChange& change : changes) {
      if (poison_ && changed_record(change) == poison_->first) return poison_->second;
    }
    return {};
  }

 private:
  void set(std::uint64_t nth, Error error, bool for_good) {
    const std::lock_guard lock(mutex_);
    first_failing_ = calls_ + nth;
    error_ = std::move(error);
    for_good_ = for_good;
  }

  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t first_failing_ = 0;
  bool for_good_ = false;
  int chores_after_group_ = 0;
  int chores_left_ = 0;
  std::optional<Error> error_;
  std::optional<std::pair<MsgId, Error>> poison_;
};

/// Passes calls on unless `faults` says that they fail; a failed call changes nothing. `inner` must
/// outlive it, so that tests can look into it afterwards.
class FaultyStore final : public TaskStore {
 public:
  FaultyStore(TaskStore& inner, std::shared_ptr<Faults> faults)
      : inner_(inner), faults_(std::move(faults)) {}

  Result<void> apply(std::span<const RecordChange> changes) override {
    if (Result<void> next = faults_->next(); !next) return next;
    if (Result<void> check = faults_->check(changes); !check) return check;
    faults_->begin_chores();
    return inner_.apply(changes);
  }
  bool use_pause() override { return faults_->do_a_chore(); }
  Result<std::optional<TaskRecord>> get(const MsgId& msg_id) override {
    if (Result<void> next = faults_->next(); !next) return next.error();
    return inner_.get(msg_id);
  }
  using TaskStore::find;
  Result<std::vector<TaskRecord>> find(const Query& query, const Columns& columns,
                                       std::uint64_t bytes_max) override {
    if (Result<void> next = faults_->next(); !next) return next.error();
    return inner_.find(query, columns, bytes_max);
  }
  Result<std::vector<MsgId>> history() override {
    if (Result<void> next = faults_->next(); !next) return next.error();
    return inner_.history();
  }
  Result<std::vector<TaskOutcome>> outcomes(std::span<const MsgId> ids) override {
    if (Result<void> next = faults_->next(); !next) return next.error();
    return inner_.outcomes(ids);
  }
  Result<void> purge_completed() override {
    if (Result<void> next = faults_->next(); !next) return next;
    return inner_.purge_completed();
  }
  Result<void> purge(std::span<const MsgId> ids) override {
    if (Result<void> next = faults_->next(); !next) return next;
    return inner_.purge(ids);
  }
  Result<void> purge_engine(const EngineUuid& engine) override {
    if (Result<void> next = faults_->next(); !next) return next;
    return inner_.purge_engine(engine);
  }
  bool keeps_records() const override { return inner_.keeps_records(); }
  Result<std::uint64_t> count() override {
    if (Result<void> next = faults_->next(); !next) return next.error();
    return inner_.count();
  }

 private:
  TaskStore& inner_;
  std::shared_ptr<Faults> faults_;
};

}  // namespace trireme::testing
