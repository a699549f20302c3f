// The seam behind which work is done: one request in, one outcome out.
#pragma once

#include <string>
#include <string_view>

#include <trireme/task_context.hpp>

#include "engine/task_outcome.hpp"
#include "engine/task_request.hpp"

namespace trireme {

/// Runs requests of the kinds it understands. Several threads may call run() at once when the
/// engine has more than one slot; everything else is called by one thread before the first run.
class Executor {
 public:
  virtual ~Executor() = default;

  /// For people: what it runs, such as "native functions".
  virtual std::string description() const = 0;
  /// Whether run() understands this request. Cheap; must not look at buffers.
  virtual bool accepts(const TaskRequest& request) const = 0;
  /// Does the work. Exceptions count as the task's failure; TaskStopped as giving up.
  virtual TaskOutcome run(const TaskRequest& request, TaskContext& context) = 0;
};

}  // namespace trireme
