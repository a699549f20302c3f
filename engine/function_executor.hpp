// Runs native calls: apply requests whose content names a registered function.
#pragma once

#include <memory>
#include <string>

#include "engine/executor.hpp"
#include "engine/function_table.hpp"

namespace trireme {

/// The failure of calling a name that `table` could not resolve, because of `error`; a name that
/// nobody knows gets the nearest one that is registered.
TaskFailure unusable_function(const FunctionTable& table, const std::string& name,
                              const Error& error);

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
