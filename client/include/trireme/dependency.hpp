// What must have happened before a task may run, or where it may run.
#pragma once

#include <concepts>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <trireme/async_result.hpp>

namespace trireme {

/// A condition on earlier load-balanced tasks: all (or any) of them ended, well (or badly, or
/// either way). Without tasks it is always met.
class TaskDependency {
 public:
  TaskDependency() = default;
  /// Every task of the call.
  TaskDependency(const AsyncCall& call) : msg_ids_(call.msg_ids()) {}                 // NOLINT
  TaskDependency(std::string msg_id) : msg_ids_{std::move(msg_id)} {}                 // NOLINT
  TaskDependency(std::vector<std::string> msg_ids) : msg_ids_(std::move(msg_ids)) {}  // NOLINT
  /// Every task of all the calls.
  template <std::ranges::input_range Calls>
  requires std::derived_from<std::ranges::range_value_t<Calls>, AsyncCall> TaskDependency(
      const Calls& calls) {  // NOLINT: implicit
    for (const AsyncCall& call : calls) add(call);
  }

  TaskDependency& add(const TaskDependency& more) {
    msg_ids_.insert(msg_ids_.end(), more.msg_ids_.begin(), more.msg_ids_.end());
    return *this;
  }

  /// One of the tasks is enough.
  TaskDependency any() const {
    TaskDependency changed = *this;
    changed.all_ = false;
    return changed;
  }
  /// Met by tasks that failed.
  TaskDependency on_failure() const { return with_outcome(false, true); }
  /// Met by tasks that ended, whichever way.
  TaskDependency on_either() const { return with_outcome(true, true); }

  const std::vector<std::string>& msg_ids() const noexcept { return msg_ids_; }
  bool empty() const noexcept { return msg_ids_.empty(); }
  bool all() const noexcept { return all_; }
  bool success() const noexcept { return success_; }
  bool failure() const noexcept { return failure_; }

 private:
  TaskDependency with_outcome(bool success, bool failure) const {
    TaskDependency changed = *this;
    changed.success_ = success;
    changed.failure_ = failure;
    return changed;
  }

  std::vector<std::string> msg_ids_;
  bool all_ = true;
  bool success_ = true;
  bool failure_ = false;
};

}  // namespace trireme
