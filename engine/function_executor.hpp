// Runs native calls: apply requests whose content names a registered function.
#pragma once

#include <memory>
#include <string>

#include "engine/executor.hpp"
#include "engine/function_table.hpp"

namespace trireme {

/// The failure of calling a name that is not in the table; names the nearest one that is.
TaskFailure unknown_function(const FunctionTable& table, const std::string& name);

/// Executor over a table of functions.
class FunctionExecutor final : public Executor {
 public:
  /// `table` must be complete: it is read by several threads.
  explicit FunctionExecutor(std::shared_ptr<const FunctionTable> table)
      : table_(std::move(table)) {}

  std::string description() const override;
  bool accepts(const TaskRequest& request) const override;
  TaskOutcome run(const TaskRequest& request, TaskContext& context) override;

 private:
  std::shared_ptr<const FunctionTable> table_;
};

}  // namespace trireme
