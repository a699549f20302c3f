#include <trireme/async_result.hpp>

#include "client/call_state.hpp"

namespace trireme {
namespace {

CallState& checked(const std::shared_ptr<CallState>& state) {
  if (state == nullptr) throw Exception("this result belongs to no call");
  return *state;
}

}  // namespace

std::string ExecuteResult::text() const {
  const auto found = data.find("text/plain");
  return found != data.end() && found->second.is_string() ? found->second.as_string() : "";
}

bool AsyncCall::ready() const { return checked(state_).ready(); }
bool AsyncCall::successful() const { return checked(state_).successful(); }
void AsyncCall::wait() const { checked(state_).wait(std::nullopt); }
bool AsyncCall::wait_for(Duration limit) const { return checked(state_).wait(limit); }
bool AsyncCall::wait_for_output(Duration limit) const {
  return checked(state_).wait_for_output(limit);
}
void AsyncCall::abort() const { checked(state_).abort(); }

std::vector<CancelOutcome> AsyncCall::cancel(Duration limit) const {
  abort();
  wait_for(limit);
  std::vector<CancelOutcome> outcomes;
  for (const TaskInfo& task : tasks()) {
    outcomes.push_back(task.status == TaskStatus::kPending   ? CancelOutcome::kGoesOn
                       : task.status == TaskStatus::kAborted ? CancelOutcome::kCancelled
                                                             : CancelOutcome::kFinished);
  }
  return outcomes;
}
std::size_t AsyncCall::size() const { return msg_ids().size(); }
const std::vector<std::string>& AsyncCall::msg_ids() const { return checked(state_).msg_ids(); }
TaskInfo AsyncCall::task(std::size_t index) const { return checked(state_).info(index); }

std::vector<TaskInfo> AsyncCall::tasks() const {
  std::vector<TaskInfo> all;
  all.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) all.push_back(task(i));
  return all;
}

CallProgress AsyncCall::progress() const { return checked(state_).progress(); }
AsyncCall::Duration AsyncCall::elapsed() const { return checked(state_).elapsed(); }

std::string AsyncCall::stdout_text() const {
  wait_for_output();
  std::string text;
  for (std::size_t i = 0; i < size(); ++i) text += task(i).stdout_text;
  return text;
}

std::string AsyncCall::stderr_text() const {
  wait_for_output();
  std::string text;
  for (std::size_t i = 0; i < size(); ++i) text += task(i).stderr_text;
  return text;
}

void AsyncCall::on_ready(std::function<void()> callback) const {
  checked(state_).on_ready(std::move(callback));
}

Value AsyncCall::value(std::size_t index, std::optional<Duration> limit) const {
  return checked(state_).value(index, limit);
}
std::vector<Value> AsyncCall::values(std::optional<Duration> limit) const {
  return checked(state_).values(limit);
}
std::size_t AsyncCall::finished_at(std::size_t rank) const {
  return checked(state_).finished_at(rank);
}

}  // namespace trireme
