#include "client/call_state.hpp"

#include <algorithm>
#include <utility>

#include "session/result.hpp"

namespace trireme {
namespace {

std::vector<std::string> ids_of(const CallPlan& plan) {
  std::vector<std::string> ids;
  ids.reserve(plan.tasks.size());
  for (const CallTaskPlan& task : plan.tasks) ids.push_back(task.msg_id);
  return ids;
}

std::optional<TaskInfo::Time> public_time(const std::optional<Timestamp>& time) {
  if (!time.has_value()) return std::nullopt;
  return TaskInfo::Time(*time);
}

Timestamp wall_clock() { return SystemClock().now().timestamp; }

}  // namespace

void WorkCount::add(std::size_t tasks) {
  const std::lock_guard lock(mutex_);
  pending_ += tasks;
}

void WorkCount::end_one() {
  const std::lock_guard lock(mutex_);
  if (--pending_ == 0) none_left_.notify_all();
}

std::size_t WorkCount::pending() const {
  const std::lock_guard lock(mutex_);
  return pending_;
}

bool WorkCount::wait(AsyncCall::Duration limit) const {
  std::unique_lock lock(mutex_);
  return none_left_.wait_for(lock, limit, [&] { return pending_ == 0; });
}

CallState::CallState(CallPlan plan, std::weak_ptr<CallOwner> owner)
    : msg_ids_(ids_of(plan)),
      submitted_(plan.submitted),
      is_execute_(plan.is_execute),
      work_(std::move(plan.work)),
      owner_(std::move(owner)) {
  if (work_ != nullptr) work_->add(plan.tasks.size());
  tasks_.reserve(plan.tasks.size());
  for (CallTaskPlan& planned : plan.tasks) {
    Task task;
    task.engine_uuid = std::move(planned.engine_uuid);
    task.engine_id = planned.engine_id;
    task.items = planned.items;
    items_total_ += planned.items;
    tasks_.push_back(std::move(task));
  }
}

CallState::~CallState() {
  if (work_ == nullptr) return;
  for (const Task& task : tasks_) {
    if (!task.ended) work_->end_one();  // it was never sent
  }
}

void CallState::set_reply(std::size_t index, CallReply reply) {
  std::unique_lock lock(mutex_);
  Task& task = tasks_.at(index);
  if (task.replied) return;
  task.replied = true;
  if (reply.output_is_complete && !std::exchange(task.output_complete, true)) ++outputs_complete_;
  if (!reply.engine_uuid.empty()) {
    if (reply.engine_uuid != task.engine_uuid) task.engine_id = -1;
    task.engine_uuid = reply.engine_uuid;
  }
  if (reply.engine_id >= 0) task.engine_id = reply.engine_id;
  reply.failure.msg_id = msg_ids_.at(index);
  if (reply.failure.engine_id < 0) reply.failure.engine_id = task.engine_id;
  task.reply = std::move(reply);
  end_if_due(lock, index);
}

void CallState::StreamText::add(const CallOutput& piece) {
  // Another attempt of the task begins at 0 again.
  if (piece.offset.value_or(0) == 0) expected = 0;
  if (piece.offset.has_value() && *piece.offset != expected) whole = false;
  expected = piece.offset.value_or(expected) + piece.text.size();
  text += piece.text;
}

void CallState::add_output(std::size_t index, CallOutput output) {
  std::unique_lock lock(mutex_);
  Task& task = tasks_.at(index);
  switch (output.kind) {
    case CallOutput::Kind::kStdout:
      task.stdout_text.add(output);
      break;
    case CallOutput::Kind::kStderr:
      task.stderr_text.add(output);
      break;
    case CallOutput::Kind::kResult:
      task.execute_result = std::move(output.content);
      break;
    case CallOutput::Kind::kDisplay:
      task.displays.push_back(std::move(output.content));
      break;
    case CallOutput::Kind::kIdle:
      if (!std::exchange(task.output_complete, true)) ++outputs_complete_;
      end_if_due(lock, index);
  }
}

void CallState::end_if_due(std::unique_lock<std::mutex>& lock, std::size_t index) {
  Task& task = tasks_[index];
  std::vector<std::function<void()>> due;
  if (!task.ended && task.replied && (task.output_complete || !is_execute_)) {
    task.ended = true;
    if (task.reply.failure_kind != CallFailureKind::kNone) failed_ = true;
    if (is_execute_ && task.reply.failure_kind == CallFailureKind::kNone) {
      compose_execute_result(task);
    }
    finish_order_.push_back(index);
    items_done_ += task.items;
    last_received_ = task.reply.received.has_value() ? task.reply.received : wall_clock();
    if (finish_order_.size() == tasks_.size()) due.swap(callbacks_);
    if (work_ != nullptr) work_->end_one();
  }
  changed_.notify_all();
  lock.unlock();
  for (const auto& callback : due) callback();
}

void CallState::compose_execute_result(Task& task) const {
  Dict result{{"displays", task.displays},
              {"stdout_text", task.stdout_text.text},
              {"stderr_text", task.stderr_text.text},
              {"data", Dict{}},
              {"execution_count", 0}};
  const Value* count = task.reply.value.find("execution_count");
  if (count != nullptr && count->is_int()) result["execution_count"] = *count;
  const Value* data = task.execute_result.find("data");
  if (data != nullptr && data->is_dict()) result["data"] = *data;
  task.reply.value = std::move(result);
}

bool CallState::ready() const {
  const std::lock_guard lock(mutex_);
  return finish_order_.size() == tasks_.size();
}

bool CallState::successful() const {
  const std::lock_guard lock(mutex_);
  return finish_order_.size() == tasks_.size() && !failed_;
}

void CallState::fail_if_filling_thread() const {
  const std::shared_ptr<CallOwner> owner = owner_.lock();
  if (owner != nullptr && owner->is_filling_thread()) {
    throw Exception("an on_ready callback must not wait for results; hand them to another thread");
  }
}

template <class Condition>
bool CallState::wait_until(std::unique_lock<std::mutex>& lock, std::optional<Duration> limit,
                           Condition condition) const {
  if (condition()) return true;
  fail_if_filling_thread();
  if (limit.has_value() && *limit < std::chrono::hours(24 * 365 * 10)) {
    return changed_.wait_for(lock, *limit, condition);
  }
  changed_.wait(lock, condition);
  return true;
}

bool CallState::wait(std::optional<Duration> limit) const {
  std::unique_lock lock(mutex_);
  return wait_until(lock, limit, [&] { return finish_order_.size() == tasks_.size(); });
}

bool CallState::wait_for_output(std::optional<Duration> limit) const {
  std::unique_lock lock(mutex_);
  return wait_until(lock, limit, [&] {
    return outputs_complete_ == tasks_.size() && finish_order_.size() == tasks_.size();
  });
}

std::string CallState::place(std::size_t task) const {
  return tasks_.size() == 1
             ? "the task"
             : "task " + std::to_string(task + 1) + " of " + std::to_string(tasks_.size());
}

Value CallState::value(std::size_t index, std::optional<Duration> limit) const {
  std::unique_lock lock(mutex_);
  if (index >= tasks_.size()) throw Exception("there is no " + place(index));
  const Task& task = tasks_[index];
  if (!wait_until(lock, limit, [&] { return task.ended; })) {
    throw TimeoutError(place(index) + " has not ended within the limit; it goes on");
  }
  if (task.reply.failure_kind != CallFailureKind::kNone) throw_failure(task.reply);
  return task.reply.value;
}

std::vector<Value> CallState::values(std::optional<Duration> limit) const {
  std::unique_lock lock(mutex_);
  if (!wait_until(lock, limit, [&] { return finish_order_.size() == tasks_.size(); })) {
    throw TimeoutError(std::to_string(tasks_.size() - finish_order_.size()) + " of " +
                       std::to_string(tasks_.size()) +
                       " tasks have not ended within the limit; they go on");
  }
  std::vector<RemoteFailure> failures;
  const Task* failed = nullptr;
  std::vector<Value> values;
  values.reserve(tasks_.size());
  for (const Task& task : tasks_) {
    if (task.reply.failure_kind == CallFailureKind::kNone) {
      values.push_back(task.reply.value);
      continue;
    }
    failed = &task;
    failures.push_back(task.reply.failure);
  }
  if (failures.size() == 1) throw_failure(failed->reply);
  if (failures.empty()) return values;
  if (failed->reply.failure_kind == CallFailureKind::kConnection) throw_failure(failed->reply);
  throw CompositeError(std::move(failures));
}

std::size_t CallState::finished_at(std::size_t rank) const {
  std::unique_lock lock(mutex_);
  wait_until(lock, std::nullopt, [&] { return rank < finish_order_.size(); });
  return finish_order_[rank];
}

void CallState::abort() const {
  std::vector<std::string> pending;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (!tasks_[i].replied) pending.push_back(msg_ids_[i]);
    }
  }
  const std::shared_ptr<CallOwner> owner = owner_.lock();
  if (owner != nullptr && !pending.empty()) owner->abort_tasks(pending);
}

TaskInfo CallState::info(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  if (index >= tasks_.size()) throw Exception("there is no " + place(index));
  const Task& task = tasks_[index];
  TaskInfo info;
  info.msg_id = msg_ids_[index];
  info.engine_id = task.engine_id;
  info.engine_uuid = task.engine_uuid;
  info.submitted = submitted_;
  info.stdout_text = task.stdout_text.text;
  info.stderr_text = task.stderr_text.text;
  info.output_whole = task.stdout_text.whole && task.stderr_text.whole;
  if (!task.ended) return info;
  info.started = public_time(task.reply.started);
  info.completed = public_time(task.reply.completed);
  info.received = public_time(task.reply.received);
  switch (task.reply.failure_kind) {
    case CallFailureKind::kNone:
      info.status = TaskStatus::kOk;
      break;
    case CallFailureKind::kAborted:
      info.status = TaskStatus::kAborted;
      info.failure = task.reply.failure;
      break;
    default:
      info.status = TaskStatus::kError;
      info.failure = task.reply.failure;
  }
  return info;
}

CallProgress CallState::progress() const {
  const std::lock_guard lock(mutex_);
  return {items_done_, items_total_};
}

CallState::Duration CallState::elapsed() const {
  const std::lock_guard lock(mutex_);
  const bool is_ready = finish_order_.size() == tasks_.size();
  const Timestamp end = is_ready && last_received_.has_value() ? *last_received_ : wall_clock();
  return std::max(end - submitted_, Timestamp::duration::zero());
}

void CallState::on_ready(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (finish_order_.size() < tasks_.size()) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

}  // namespace trireme
