// One request for work as the engine's cores see it: the message and what its content asks for.
#pragma once

#include <optional>
#include <string>

#include "session/message.hpp"
#include "session/result.hpp"

namespace trireme {

/// An apply_request or execute_request with the fields that ordering and replying need. What an
/// apply calls stays encoded in the message for its executor.
struct TaskRequest {
  enum class Kind { kApply, kExecute };

  Message message;
  Kind kind = Kind::kApply;

  std::string code;           // execute: the source text
  bool silent = false;        // execute: no execute_input, no count
  bool stop_on_error = true;  // execute: a failure aborts the executes queued behind it
  int execution_count = 0;    // execute: set by who runs it

  bool is_broadcast = false;
  bool is_coalescing = false;
  std::string original_msg_id;            // broadcast: the id the client knows
  std::optional<std::string> label_json;  // of newer clients: a JSON string or null

  const MsgId& id() const noexcept { return message.header.msg_id; }
  bool is_execute() const noexcept { return kind == Kind::kExecute; }
};

/// Fills the fields from the content and metadata of `request.message`, which is an apply_request
/// or execute_request. kBadFormat when they are not JSON objects or an execute_request has no
/// code; what could be read is set all the same, so that the request can be answered.
Result<void> read_task_request(TaskRequest& request);

}  // namespace trireme
