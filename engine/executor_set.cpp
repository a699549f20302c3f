// Dispatch to executors, and the last catch of what tasks throw.
#include "engine/executor_set.hpp"

#include <exception>
#include <string>

#include "engine/task_failure.hpp"

namespace trireme {
namespace {

std::string place_of(const TaskRequest& request, const TaskContext& context) {
  return request.message.header.msg_type + " " + request.id().str() + " on engine " +
         std::to_string(context.engine_id());
}

}  // namespace

TaskOutcome ExecutorSet::run(const TaskRequest& request, TaskContext& context) {
  try {
    for (const auto& executor : executors_) {
      if (executor->accepts(request)) return executor->run(request, context);
    }
    return refuse(request);
  } catch (const TaskStopped&) {
    return TaskGaveUp{};
  } catch (...) {
    return describe_exception(std::current_exception(), place_of(request, context));
  }
}

TaskFailure ExecutorSet::refuse(const TaskRequest& request) const {
  std::string what =
      request.is_execute()
          ? "This Trireme engine cannot execute source code."
          : "This Trireme engine cannot run pickled Python calls: call a registered function by "
            "name, or run Python engines beside it.";
  what += " It runs: ";
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    if (i > 0) what += ", ";
    what += executors_[i]->description();
  }
  return make_failure("NotImplementedError", what + ".", "the engine's choice of a runtime");
}

}  // namespace trireme
