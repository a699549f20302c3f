// The live tasks by slot and by message id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/scheduler/task.hpp"

namespace trireme {

/// Owns the live tasks. A Task stays where it is until it is taken out.
class TaskTable {
 public:
  /// Adds a task whose id is not live yet; its sequence is one more than the last one's.
  Task& add(TaskSubmission request);
  /// Takes a task out; its slot is free for another.
  std::unique_ptr<Task> take(TaskSlot slot);

  /// Null when no live task has this id.
  Task* find(const MsgId& msg_id) const;
  /// The task in a slot that is in use.
  Task& at(TaskSlot slot) const { return *tasks_[slot]; }
  /// Null when that very task has ended.
  Task* current(TaskRef ref) const {
    Task* task = ref.slot < tasks_.size() ? tasks_[ref.slot].get() : nullptr;
    return task != nullptr && task->ref == ref ? task : nullptr;
  }

  std::size_t size() const noexcept { return slots_by_id_.size(); }
  /// Of all requests as they were when they were added.
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::size_t slot_count() const noexcept { return tasks_.size(); }
  /// Null for a free slot.
  const Task* peek(TaskSlot slot) const { return tasks_[slot].get(); }

 private:
  std::vector<std::unique_ptr<Task>> tasks_;
  std::vector<std::uint64_t> bytes_by_slot_;
  std::vector<TaskSlot> free_;
  std::uint64_t bytes_ = 0;
  // Keys are views of the ids in the tasks.
  std::unordered_map<std::string_view, TaskSlot> slots_by_id_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace trireme
