// From the worker threads' events to the loop.
#include "engine/local_task_host.hpp"

#include <utility>

namespace trireme {
namespace {

/// Output waits this long for more of its kind to go with it.
constexpr std::chrono::milliseconds kOutputDelay{5};

}  // namespace

LocalTaskHost::LocalTaskHost(Parts parts) : parts_(std::move(parts)) {
  parts_.loop.watch_fd(events_.fd(), [this] { on_events(); });
}

LocalTaskHost::~LocalTaskHost() { parts_.loop.unwatch_fd(events_.fd()); }

void LocalTaskHost::join(const EngineIdentity& identity, Report report) {
  report_ = std::move(report);
  runner_ =
      std::make_unique<TaskRunner>(TaskRunner::Options{identity, parts_.threads}, parts_.executors,
                                   parts_.names, parts_.capture, [this](RunEvent event) {
                                     auto* ended = std::get_if<RunEnded>(&event);
                                     if (ended == nullptr || !parts_.on_ended)
                                       return events_.put(std::move(event));
                                     const std::lock_guard lock(ended_mutex_);
                                     ended_.push_back(ended->run);
                                     parts_.on_ended(std::move(*ended));
                                   });
}

void LocalTaskHost::start(const WorkQueue::Start& start, Now) {
  forget_ended();
  runner_->start(start.run, *start.request);
}

void LocalTaskHost::forget_ended() {
  const std::lock_guard lock(ended_mutex_);
  for (const RunNumber run : ended_) {
    runner_->forget(run);
    outputs_waiting_.erase(run);
  }
  ended_.clear();
}

void LocalTaskHost::stop(const StopRun& stop, Now) { runner_->stop(stop.run, stop.reason); }

void LocalTaskHost::answer(RunNumber run, std::optional<std::string> line) {
  runner_->answer(run, std::move(line));
}

void LocalTaskHost::restart(Now) {
  runner_->interrupt_all();
  parts_.names.clear();
}

void LocalTaskHost::on_deadline(Now now) {
  if (flush_at_ && now.instant >= *flush_at_) flush_outputs();
}

void LocalTaskHost::on_events() {
  for (RunEvent& event : events_.take()) {
    std::visit([this](auto& happened) { on_event(happened); }, event);
  }
}

void LocalTaskHost::on_event(const OutputWaits& waits) {
  outputs_waiting_.insert(waits.run);
  if (waits.urgency == TaskOutput::Urgency::kNow) {
    flush_outputs();
  } else if (!flush_at_) {
    flush_at_ = parts_.clock.now().instant + kOutputDelay;
  }
}

void LocalTaskHost::on_event(RunWaits& wanted) {
  flush_outputs();
  report_(std::move(wanted));
}

void LocalTaskHost::on_event(RunEnded& ended) {
  outputs_waiting_.erase(ended.run);
  const RunNumber run = ended.run;
  runner_->forget(run);
  report_(std::move(ended));
}

void LocalTaskHost::flush_outputs() {
  const std::lock_guard lock(ended_mutex_);
  for (const RunNumber run : outputs_waiting_) {
    auto pieces = runner_->take_output(run);
    if (!pieces.empty()) report_(RunOutput{run, std::move(pieces)});
  }
  outputs_waiting_.clear();
  flush_at_.reset();
}

bool LocalTaskHost::leave(std::chrono::milliseconds limit) {
  if (runner_ == nullptr) return true;
  runner_->abandon_all();
  const bool idle = runner_->wait_until_idle(limit);
  if (!idle) static_cast<void>(runner_.release());  // its threads live until the process ends
  return idle;
}

}  // namespace trireme
