// What a running cell can ask of its engine beyond what every task can.
#pragma once

#include <string>
#include <string_view>

#include <trireme/task_context.hpp>

#include "engine/task_outcome.hpp"
#include "session/result.hpp"

namespace trireme {

/// The context of a run whose sender may be asked back. Thread-safe.
class InteractiveContext : public TaskContext {
 public:
  /// Output that is no text: the content of its message, as JSON.
  virtual void show(OutputPiece::Kind kind, std::string_view content_json) = 0;
  /// Blocks until the sender has answered. kPermission when it cannot be asked, kClosed when the
  /// run was asked to stop meanwhile.
  virtual Result<std::string> request_input(std::string_view prompt, bool is_password) = 0;
};

}  // namespace trireme
