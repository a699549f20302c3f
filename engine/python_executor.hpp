// Runs the calls of Python clients as far as languages allow: registered functions by Reference,
// push and pull of data, map over a registered function.
#pragma once

#include <memory>
#include <string>

#include "engine/executor.hpp"
#include "engine/function_table.hpp"

namespace trireme {

/// Executor for apply requests whose content names no function; their buffers are pickles
/// (docs/protocol.md, "Calls of Python clients"). Python's own code is never run: a call that
/// brings some fails as NotImplementedError and says what works instead.
class PythonExecutor final : public Executor {
 public:
  /// `table` must be complete: it is read by several threads.
  explicit PythonExecutor(std::shared_ptr<const FunctionTable> table) : table_(std::move(table)) {}

  std::string description() const override;
  bool accepts(const TaskRequest& request) const override;
  TaskOutcome run(const TaskRequest& request, TaskContext& context) override;

 private:
  std::shared_ptr<const FunctionTable> table_;
};

}  // namespace trireme
