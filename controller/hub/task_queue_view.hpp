// What the hub may know of the load-balanced queue: which tasks wait, which run where.
#pragma once

#include <cstddef>
#include <vector>

#include "session/ids.hpp"

namespace trireme {

/// Facts about the task queue at this moment. Called by the hub from within its own events.
class TaskQueueView {
 public:
  virtual ~TaskQueueView() = default;

  /// Tasks that wait for an engine, in order of submission.
  virtual std::vector<MsgId> waiting() const = 0;
  virtual std::size_t waiting_count() const = 0;
  /// Tasks that were given to this engine and are not answered.
  virtual std::vector<MsgId> running_on(const EngineUuid& engine) const = 0;
  virtual std::size_t running_count(const EngineUuid& engine) const = 0;
  /// True from submission until the reply (or failure) that ends the task.
  virtual bool is_pending(const MsgId& msg_id) const = 0;
};

}  // namespace trireme
