// Bookkeeping of waiting, running and aborted requests.
#include "engine/work_queue.hpp"

#include <algorithm>
#include <utility>

#include "session/result.hpp"

namespace trireme {

WorkQueue::WorkQueue(std::size_t slots) : slots_(slots) {
  TRIREME_CHECK(slots > 0, "an engine needs at least one slot");
}

WorkQueue::Admission WorkQueue::admit(TaskRequest& request) {
  if (early_aborts_.erase(request.id()) > 0) return Admission::kAborted;
  if (run_of(request.id())) return Admission::kRunning;
  if (const auto known = index_.find(request.id()); known != index_.end()) {
    known->second->message.identities = request.message.identities;
    return Admission::kKnown;
  }
  const auto position = waiting_.insert(waiting_.end(), std::move(request));
  index_.emplace(position->id(), position);
  return Admission::kWaiting;
}

std::optional<WorkQueue::Start> WorkQueue::start_next() {
  if (waiting_.empty() || running_.size() >= slots_) return std::nullopt;
  const RunNumber run{next_run_++};
  const auto [entry, inserted] = running_.emplace(run, take(waiting_.begin()));
  TRIREME_CHECK(inserted, "run numbers repeat");
  return Start{run, &entry->second};
}

std::optional<TaskRequest> WorkQueue::finish(RunNumber run) {
  auto node = running_.extract(run);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

const TaskRequest* WorkQueue::running(RunNumber run) const {
  const auto found = running_.find(run);
  return found == running_.end() ? nullptr : &found->second;
}

std::optional<RunNumber> WorkQueue::run_of(const MsgId& id) const {
  for (const auto& [run, request] : running_) {
    if (request.id() == id) return run;
  }
  return std::nullopt;
}

WorkQueue::Abort WorkQueue::abort(const MsgId& id) {
  Abort result;
  if (const auto found = index_.find(id); found != index_.end()) {
    result.waiting = take(found->second);
  }
  result.running = run_of(id);
  if (!result.waiting && !result.running) remember_abort(id);
  return result;
}

std::vector<TaskRequest> WorkQueue::take_waiting_executes() {
  std::vector<TaskRequest> taken;
  for (auto position = waiting_.begin(); position != waiting_.end();) {
    const auto next = std::next(position);
    if (position->is_execute()) taken.push_back(take(position));
    position = next;
  }
  return taken;
}

std::vector<TaskRequest> WorkQueue::take_waiting() {
  std::vector<TaskRequest> taken;
  taken.reserve(waiting_.size());
  while (!waiting_.empty()) taken.push_back(take(waiting_.begin()));
  return taken;
}

std::vector<RunNumber> WorkQueue::runs() const {
  std::vector<RunNumber> numbers;
  numbers.reserve(running_.size());
  for (const auto& [run, request] : running_) numbers.push_back(run);
  return numbers;
}

TaskRequest WorkQueue::take(Waiting::iterator position) {
  TRIREME_CHECK(index_.erase(position->id()) == 1, "a waiting request is not indexed");
  TaskRequest request = std::move(*position);
  waiting_.erase(position);
  return request;
}

void WorkQueue::remember_abort(const MsgId& id) {
  if (!early_aborts_.insert(id).second) return;
  early_abort_order_.push_back(id);
  while (early_abort_order_.size() > kEarlyAbortsMax) {
    early_aborts_.erase(early_abort_order_.front());
    early_abort_order_.pop_front();
  }
}

void WorkQueue::check_invariants() const {
  TRIREME_CHECK(running_.size() <= slots_, "invariant 1: more requests run than there are slots");
  TRIREME_CHECK(index_.size() == waiting_.size(), "invariant 2: index and queue differ in size");
  for (auto position = waiting_.begin(); position != waiting_.end(); ++position) {
    const auto entry = index_.find(position->id());
    TRIREME_CHECK(entry != index_.end() && &*entry->second == &*position,
                  "invariant 2: a waiting request is not indexed");
  }
  TRIREME_CHECK(early_aborts_.size() <= kEarlyAbortsMax, "invariant 4: too many early aborts");
}

}  // namespace trireme
