// Slots of live tasks.
#include "controller/scheduler/task_table.hpp"

#include <utility>

#include "session/result.hpp"

namespace trireme {

Task& TaskTable::add(TaskSubmission request) {
  if (free_.empty()) {
    free_.push_back(static_cast<TaskSlot>(tasks_.size()));
    tasks_.emplace_back();
    bytes_by_slot_.push_back(0);
  }
  const TaskSlot slot = free_.back();
  free_.pop_back();
  tasks_[slot] = std::make_unique<Task>(std::move(request), TaskRef{slot, ++last_sequence_});
  Task& task = *tasks_[slot];
  for (const Frame& frame : task.request.body) bytes_by_slot_[slot] += frame.size();
  bytes_ += bytes_by_slot_[slot];
  const bool is_new = slots_by_id_.emplace(task.request.msg_id.view(), slot).second;
  TRIREME_CHECK(is_new, "task " + task.request.msg_id.str() + " is live already");
  return task;
}

std::unique_ptr<Task> TaskTable::take(TaskSlot slot) {
  std::unique_ptr<Task> task = std::move(tasks_[slot]);
  TRIREME_CHECK(task != nullptr, "no task in slot " + std::to_string(slot));
  slots_by_id_.erase(task->request.msg_id.view());
  bytes_ -= std::exchange(bytes_by_slot_[slot], 0);
  free_.push_back(slot);
  return task;
}

Task* TaskTable::find(const MsgId& msg_id) const {
  auto found = slots_by_id_.find(msg_id.view());
  return found == slots_by_id_.end() ? nullptr : tasks_[found->second].get();
}

}  // namespace trireme
