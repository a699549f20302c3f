// All executors of an engine: finds the one that understands a request, and turns what it throws
// into an outcome.
#pragma once

#include <memory>
#include <vector>

#include "engine/executor.hpp"

namespace trireme {

/// Executors in order of preference. run() may be called from several threads at once.
class ExecutorSet {
 public:
  void add(std::unique_ptr<Executor> executor) { executors_.push_back(std::move(executor)); }

  /// Never throws. A request nobody understands fails as NotImplementedError.
  TaskOutcome run(const TaskRequest& request, TaskContext& context);

 private:
  TaskFailure refuse(const TaskRequest& request) const;

  std::vector<std::unique_ptr<Executor>> executors_;
};

}  // namespace trireme
