// Runs tasks in a kernel process, and replaces it when it dies.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/kernel/kernel_ledger.hpp"
#include "engine/kernel/kernel_process.hpp"
#include "engine/kernel/link_writer.hpp"
#include "engine/task_host.hpp"
#include "net/poll_loop.hpp"
#include "session/log.hpp"

namespace trireme {

/// A KernelLedger with a KernelProcess, its link and a loop. Decides nothing itself.
class KernelHost final : public TaskHost {
 public:
  struct Parts {
    PollLoop& loop;
    const Clock& clock;
    Log& log;
    std::vector<std::string> words;  // the command line of the kernel process
    TaskLimits limits;
    CellPlan cells;
  };
  /// What `parts` refers to must outlive the host.
  explicit KernelHost(Parts parts);
  ~KernelHost() override;

  /// Starts the first kernel process. kIo when that cannot be done.
  Result<void> spawn();
  bool is_ready() const noexcept { return ledger_.is_ready(); }
  /// Why the first kernel cannot work: set when it ended before it was ready. To be looked at until
  /// is_ready(), in order to give up.
  const std::optional<LinkRefused>& refusal() const noexcept { return refusal_; }

  void join(const EngineIdentity& identity, Report report) override;
  void start(const WorkQueue::Start& start, Now now) override;
  void stop(const StopRun& stop, Now now) override;
  bool is_settled() const override { return ledger_.is_settled(); }
  void answer(RunNumber run, std::optional<std::string> line) override;
  void clear_names() override;
  void restart(Now now) override;
  std::optional<Instant> next_deadline() const override { return ledger_.next_deadline(); }
  void on_deadline(Now now) override;
  bool leave(std::chrono::milliseconds limit) override;
  std::size_t function_count() const override { return ledger_.ready().functions; }
  const std::string& language() const override { return ledger_.ready().language; }

 private:
  /// A process and what belongs to its link.
  struct Live {
    explicit Live(KernelProcess started);
    ~Live();
    KernelProcess process;
    LinkReader reader;
    LinkWriter writer;
    int writable;             // an epoll descriptor: readable when the link can be written
    bool is_waiting = false;  // for `writable`
  };

  void watch();
  void unwatch();
  void on_link();
  void on_end();
  void flush();
  void carry_out(KernelOutbox& out);
  std::chrono::milliseconds cpu_time() const;

  Parts parts_;
  KernelLedger ledger_;
  std::unique_ptr<Live> live_;
  Report report_;
  std::optional<LinkRefused> refusal_;
  bool was_ready_ = false;
  bool leaving_ = false;
};

}  // namespace trireme
