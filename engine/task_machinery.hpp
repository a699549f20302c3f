// Everything that runs tasks in this process, put together: functions, plug-ins, capture,
// executors.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/local_task_host.hpp"
#include "engine/options.hpp"
#include "net/poll_loop.hpp"
#include "session/clock.hpp"
#include "session/log.hpp"
#include "session/result.hpp"

namespace trireme {

class EngineNameSpace;
class FunctionTable;
class Languages;

/// The machinery of one process. While it lives, what the process prints is captured (unless the
/// options forbid it).
class TaskMachinery {
 public:
  /// Log lines; called from any thread.
  using LogLine = std::function<void(LogLevel level, std::string text)>;
  struct Parts {
    const EngineOptions& options;
    PollLoop& loop;
    const Clock& clock;
    LogLine log;
    std::function<void(RunEnded)> on_ended;  // see LocalTaskHost::Parts
  };
  /// Loads the plug-ins. What `parts` refers to must outlive the machinery. Errors are those of
  /// load_plugin().
  static Result<TaskMachinery> create(const Parts& parts);

  TaskMachinery(TaskMachinery&&) noexcept;
  TaskMachinery& operator=(TaskMachinery&&) = delete;
  ~TaskMachinery();

  LocalTaskHost& host() noexcept { return *host_; }
  /// See Languages::prepare(); from any thread.
  void prepare(const std::string& language, const EngineIdentity& who);

 private:
  TaskMachinery();
  void make_executors(const std::string& language);

  std::shared_ptr<FunctionTable> functions_;
  std::unique_ptr<EngineNameSpace> values_;  // what clients pushed
  std::shared_ptr<Languages> languages_;
  std::unique_ptr<NameSpace> names_;  // both of them
  std::unique_ptr<ExecutorSet> executors_;
  std::unique_ptr<OutputCapture> capture_;
  std::unique_ptr<LocalTaskHost> host_;
};

/// Goes to the folder of --work-dir, if there is one. kConfiguration when it cannot be used.
Result<void> enter_work_folder(const EngineOptions& options);

}  // namespace trireme
