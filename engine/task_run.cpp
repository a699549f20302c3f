// The parts of a run that need JSON.
#include "engine/task_run.hpp"

namespace trireme {

void TaskRun::display(const Dict& data) {
  output_->append(OutputPiece::Kind::kDisplay,
                  R"({"data": )" + to_json(Value(data)) + R"(, "metadata": {}, "transient": {}})");
}

Result<std::string> TaskRun::ask(Wanted wanted, std::string_view prompt) {
  std::unique_lock lock(input_mutex_);
  waits_for_input_ = true;
  input_.reset();
  lock.unlock();
  ask_for_input_(wanted, std::string(prompt));
  lock.lock();
  input_came_.wait(lock, stop_token(), [&] { return !waits_for_input_; });
  if (waits_for_input_) {
    waits_for_input_ = false;
    return Error{ErrorCode::kClosed, "The cell was asked to stop while it waited for input."};
  }
  if (!input_) {
    return Error{ErrorCode::kPermission,
                 wanted == Wanted::kPorts
                     ? "This engine could not open ports for a front end; its log says why."
                     : "Whoever sent this cell cannot be asked for input; send it with allow_stdin "
                       "from a front end with a stdin channel."};
  }
  return std::move(*input_);
}

void TaskRun::answer(std::optional<std::string> line) {
  const std::lock_guard lock(input_mutex_);
  if (!waits_for_input_) return;
  waits_for_input_ = false;
  input_ = std::move(line);
  input_came_.notify_all();
}

std::string bind_ports(TaskContext& context) {
  auto* interactive = dynamic_cast<InteractiveContext*>(&context);
  if (interactive == nullptr) throw TaskError("RuntimeError", "there is no engine to open ports");
  auto file = interactive->ask(Wanted::kPorts, "");
  if (!file) throw TaskError("RuntimeError", file.error().text);
  return std::move(*file);
}

void TaskRun::request_stop(StopReason reason) {
  if (stop_.stop_requested()) return;
  reason_ = reason;  // before the stop, so that whoever sees the stop sees the reason
  stop_.request_stop();
}

}  // namespace trireme
