// Runs tasks on threads of this process.
#pragma once

#include <memory>
#include <set>

#include "engine/executor_set.hpp"
#include "engine/name_space.hpp"
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
    OutputCapture* capture;  // null: what tasks print stays here
    std::size_t threads = 1;
    std::size_t function_count = 0;
  };
  /// What `parts` refers to must outlive the host.
  explicit LocalTaskHost(Parts parts);
  ~LocalTaskHost() override;

  /// To be filled before join().
  ExecutorSet& executors() noexcept { return executors_; }
  NameSpace& names() noexcept { return names_; }

  void join(const EngineIdentity& identity, Report report) override;
  void start(const WorkQueue::Start& start, Now now) override;
  void stop(const StopRun& stop, Now now) override;
  void answer_input(RunNumber run, std::optional<std::string> line) override;
  void clear_names() override { names_.clear(); }
  void restart(Now now) override;
  std::optional<Instant> next_deadline() const override { return flush_at_; }
  void on_deadline(Now now) override;
  /// When it returns false, worker threads live on, and this host must not be destroyed.
  bool leave(std::chrono::milliseconds limit) override;
  std::size_t function_count() const override { return parts_.function_count; }

 private:
  void on_events();
  void on_event(const OutputWaits& waits);
  void on_event(RunInputWanted& wanted);
  void on_event(RunEnded& ended);
  void flush_outputs();

  Parts parts_;
  Report report_;
  EngineNameSpace names_;
  ExecutorSet executors_;
  Mailbox<RunEvent> events_;
  std::set<RunNumber> outputs_waiting_;
  std::optional<Instant> flush_at_;
  std::unique_ptr<TaskRunner> runner_;  // last: its threads use the rest
};

}  // namespace trireme
