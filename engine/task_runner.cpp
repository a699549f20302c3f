// Worker threads over a queue of jobs.
#include "engine/task_runner.hpp"

#include <utility>

#include "engine/task_failure.hpp"

namespace trireme {

TaskRunner::TaskRunner(Options options, ExecutorSet& executors, NameSpace& names,
                       OutputCapture* capture, Report report)
    : options_(std::move(options)),
      executors_(executors),
      names_(names),
      capture_(capture),
      report_(std::move(report)) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

TaskRunner::~TaskRunner() {
  abandon_all();
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_waits_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void TaskRunner::start(RunNumber run, const TaskRequest& request) {
  auto output = std::make_shared<TaskOutput>([this, run](TaskOutput::Urgency urgency) {
    report_(OutputWaits{run, urgency});
  });
  auto context =
      std::make_shared<TaskRun>(options_.identity, request.id(), names_, std::move(output),
                                [this, run](Wanted wanted, std::string prompt) {
                                  report_(RunWaits{run, wanted, std::move(prompt)});
                                });
  runs_.emplace(run, context);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({run, &request, std::move(context)});
    ++busy_;
  }
  work_waits_.notify_one();
}

void TaskRunner::stop(RunNumber run, StopReason reason) {
  const auto found = runs_.find(run);
  if (found != runs_.end()) found->second->request_stop(reason);
}

void TaskRunner::interrupt_all() {
  for (const auto& [run, context] : runs_) context->request_stop(StopReason::kInterrupted);
}

void TaskRunner::answer(RunNumber run, std::optional<std::string> line) {
  const auto found = runs_.find(run);
  if (found != runs_.end()) found->second->answer(std::move(line));
}

std::vector<OutputPiece> TaskRunner::take_output(RunNumber run) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return {};
  return found->second->output()->take();
}

void TaskRunner::abandon_all() {
  interrupt_all();
  for (const auto& [run, context] : runs_) context->output()->close();
}

bool TaskRunner::wait_until_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, limit, [&] { return busy_ == 0; });
}

void TaskRunner::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    work_waits_.wait(lock, [&] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    execute(job);
    lock.lock();
    if (--busy_ == 0) idle_.notify_all();
  }
}

void TaskRunner::execute(const Job& job) {
  TaskRun& context = *job.context;
  if (capture_ != nullptr) capture_->begin_task(context.output());
  TaskOutcome outcome = executors_.run(*job.request, context);
  if (capture_ != nullptr) capture_->end_task();
  if (std::holds_alternative<TaskGaveUp>(outcome)) {
    if (!context.stop_requested()) {
      outcome = make_failure("TaskStopped", "the task stopped although nobody asked it to",
                             "a task on engine " + std::to_string(context.engine_id()));
    } else if (context.stop_reason() == StopReason::kInterrupted) {
      // The way a Python engine tells it.
      outcome = make_failure("KeyboardInterrupt", "", "an interrupted task");
    }
  }
  report_(RunEnded{job.run, std::move(outcome), context.output()->close()});
}

}  // namespace trireme
