// Gives everything that is printed in this process to the task that printed it.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "engine/task_output.hpp"

namespace trireme {

/// While one lives, what goes to std::cout, std::cerr, std::clog, the C streams stdout and stderr,
/// and the file descriptors 1 and 2 is taken over:
/// - std:: and C streams: by the task of the writing thread;
/// - from other threads, raw descriptors and child processes: by the running task, if exactly one
///   runs;
/// - everything else goes to `elsewhere`.
/// At most one may live, made and destroyed while no other thread prints; destroying it puts
/// everything back. If the process dies of a fault, also of a task's stack that is full, the latest
/// text that was printed and the stack go to the original standard error. One thread of its own
/// reads the descriptors.
class OutputCapture {
 public:
  using Elsewhere = std::function<void(OutputPiece::Kind kind, std::string_view text)>;

  /// `elsewhere` may be called from any thread and must not print.
  explicit OutputCapture(Elsewhere elsewhere);
  ~OutputCapture();
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;

  /// The standard error the process was started with, for the engine's own log.
  int original_stderr() const noexcept;

  /// The calling thread runs a task; `output` gets what it prints until end_task().
  void begin_task(std::shared_ptr<TaskOutput> output);
  /// The calling thread's task is over. On return everything it wrote has been handed over.
  void end_task();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trireme
