// Runs tasks on threads of this process.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "engine/executor_set.hpp"
#include "engine/output_capture.hpp"
#include "engine/task_host.hpp"
#include "engine/task_runner.hpp"
#include "net/poll_loop.hpp"
#include "net/wake_up.hpp"

namespace trireme {

/// A TaskRunner with what it needs, told to a loop. Output waits a little for more of its kind.
class LocalTaskHost final : public TaskHost {
 public:
  struct Parts {
    PollLoop& loop;
    const Clock& clock;
    NameSpace& names;
    ExecutorSet& executors;
    OutputCapture* capture;  // null: what tasks print stays here
    std::size_t threads = 1;
    std::size_t function_count = 0;
    std::string language;
    /// If set, ends of runs are told here instead, at once and on the thread that ran the task,
    /// after everything the run has shown. The run's request must stay alive until the next
    /// start().
    std::function<void(RunEnded)> on_ended;
  };
  /// What `parts` refers to must outlive the host.
  explicit LocalTaskHost(Parts parts);
  ~LocalTaskHost() override;

  void join(const EngineIdentity& identity, Report report) override;
  void start(const WorkQueue::Start& start, Now now) override;
  void stop(const StopRun& stop, Now now) override;
  void answer(RunNumber run, std::optional<std::string> line) override;
  void clear_names() override { parts_.names.clear(); }
  void restart(Now now) override;
  std::optional<Instant> next_deadline() const override { return flush_at_; }
  void on_deadline(Now now) override;
  /// When it returns false, worker threads live on, and this host must not be destroyed.
  bool leave(std::chrono::milliseconds limit) override;
  std::size_t function_count() const override { return parts_.function_count; }
  const std::string& language() const override { return parts_.language; }

 private:
  void on_events();
  void on_event(const OutputWaits& waits);
  void on_event(RunWaits& wanted);
  void on_event(RunEnded& ended);
  void flush_outputs();
  void forget_ended();

  Parts parts_;
  Report report_;
  Mailbox<RunEvent> events_;
  std::set<RunNumber> outputs_waiting_;
  std::optional<Instant> flush_at_;
  std::mutex ended_mutex_;        // held while outputs and ends are told, which keeps their order
  std::vector<RunNumber> ended_;  // guarded by ended_mutex_: told on a worker's thread
  std::unique_ptr<TaskRunner> runner_;  // last: its threads use the rest
};

}  // namespace trireme
