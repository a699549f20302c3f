// A child process that runs this program again as the kernel of an engine.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "engine/kernel/kernel_ledger.hpp"
#include "session/result.hpp"

namespace trireme {

/// One process, its link, its standard error. Destroying it kills it and waits for its end.
class KernelProcess {
 public:
  /// The word that makes this program a kernel; the descriptor of its end of the link follows.
  static constexpr const char* kKernelWord = "--kernel-link=";

  /// Starts this program with kKernelWord and `words`. The child leads a process group of its own,
  /// so that a terminal's Ctrl-C does not reach it, and dies with this process. kIo when the system
  /// has no process or descriptor left.
  static Result<KernelProcess> start(const std::vector<std::string>& words);

  KernelProcess(KernelProcess&& other) noexcept;
  KernelProcess& operator=(KernelProcess&&) = delete;
  ~KernelProcess();

  /// A stream socket that does not block.
  int link() const noexcept { return link_; }
  /// Readable once the process has ended.
  int end() const noexcept { return end_; }
  /// Readable when there is something for pass_on_errors().
  int errors() const noexcept { return errors_; }
  pid_t pid() const noexcept { return pid_; }

  /// Copies what the process wrote to its standard error to this one's, and remembers the end of
  /// it.
  void pass_on_errors();
  /// CPU time the process has used.
  std::chrono::milliseconds cpu_time() const;
  /// Ends it and what it started, by SIGKILL.
  void kill();
  /// How it ended; empty while it runs.
  std::optional<KernelEnd> reap();

 private:
  KernelProcess(pid_t pid, int link, int errors);

  pid_t pid_;  // -1: none, or reaped
  int link_;
  int end_;
  int errors_;
  std::string last_words_;
};

}  // namespace trireme
