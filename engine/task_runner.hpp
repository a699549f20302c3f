// The worker threads: runs requests beside the engine's loop and tells it what happens.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "engine/engine_messages.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/executor_set.hpp"
#include "engine/output_capture.hpp"
#include "engine/task_host.hpp"
#include "engine/task_run.hpp"

namespace trireme {

/// A running task has output waiting to be taken.
struct OutputWaits {
  RunNumber run;
  TaskOutput::Urgency urgency;
};
using RunEvent = std::variant<OutputWaits, RunWaits, RunEnded>;

/// A fixed number of worker threads. All functions belong to the loop's thread.
class TaskRunner {
 public:
  /// Called from the worker threads; must hand the event to the loop's thread.
  using Report = std::function<void(RunEvent)>;

  struct Options {
    EngineIdentity identity;
    std::size_t threads = 1;
  };
  /// `executors`, `names` and `capture` (which may be null: then nothing is captured) must outlive
  /// the runner.
  TaskRunner(Options options, ExecutorSet& executors, NameSpace& names, OutputCapture* capture,
             Report report);
  /// Asks what runs to stop and waits for it.
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  /// `request` must stay alive until the run's RunEnded has been handled. After that, forget().
  void start(RunNumber run, const TaskRequest& request);
  void stop(RunNumber run, StopReason reason);
  /// Asks everything that runs to stop.
  void interrupt_all();
  /// The line that a run waits for; empty when nobody can be asked.
  void answer(RunNumber run, std::optional<std::string> line);
  /// What the run has shown since the last call; nothing for a run that has ended.
  std::vector<OutputPiece> take_output(RunNumber run);
  void forget(RunNumber run) { runs_.erase(run); }

  /// The end: asks everything that runs to stop and drops its further output, so that no task
  /// waits for somebody to take it.
  void abandon_all();
  /// Waits until no task runs; false if that takes longer than `limit`.
  bool wait_until_idle(std::chrono::milliseconds limit);

 private:
  struct Job {
    RunNumber run;
    const TaskRequest* request;
    std::shared_ptr<TaskRun> context;
  };
  void work();
  void execute(const Job& job);

  Options options_;
  ExecutorSet& executors_;
  NameSpace& names_;
  OutputCapture* capture_;
  Report report_;
  std::map<RunNumber, std::shared_ptr<TaskRun>> runs_;

  std::mutex mutex_;
  std::condition_variable work_waits_;
  std::condition_variable idle_;
  std::deque<Job> jobs_;  // guarded by mutex_
  std::size_t busy_ = 0;  // guarded by mutex_: jobs waiting or running
  bool closing_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace trireme
