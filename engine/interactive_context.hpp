// What a running cell can ask of its engine beyond what every task can.
#pragma once

#include <string>
#include <string_view>

#include <trireme/task_context.hpp>

#include "engine/task_outcome.hpp"
#include "session/result.hpp"

namespace trireme {

/// What a run may ask of its engine, and waits for.
enum class Wanted {
  kLine,      // a line from whoever sent the request
  kPassword,  // the same, not to be shown while it is typed
  kPorts,     // ports for a front end; the answer is the name of the connection file
};

/// The context of a run whose sender may be asked back. Thread-safe.
class InteractiveContext : public TaskContext {
 public:
  /// Output that is no text: the content of its message, as JSON.
  virtual void show(OutputPiece::Kind kind, std::string_view content_json) = 0;
  /// Blocks until the answer is there. kPermission when there is nobody to give it, kClosed when
  /// the run was asked to stop meanwhile.
  virtual Result<std::string> ask(Wanted wanted, std::string_view prompt) = 0;
};

/// Opens ports for front ends and returns the name of their connection file. Throws TaskError when
/// that cannot be done.
std::string bind_ports(TaskContext& context);

}  // namespace trireme
