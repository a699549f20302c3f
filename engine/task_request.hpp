// One request for work as the engine's cores see it: the message and what its content asks for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "session/message.hpp"
#include "session/result.hpp"

namespace trireme {

/// An apply_request, execute_request or question with the fields that ordering and replying need.
/// What an apply calls stays encoded in the message for its executor.
struct TaskRequest {
  enum class Kind {
    kApply,
    kExecute,
    kQuestion,  // what a front end asks about a cell: complete, inspect, is_complete
  };

  Message message;
  Kind kind = Kind::kApply;

  std::string code;                   // execute, question: the source text
  bool silent = false;                // execute: no execute_input, no count
  bool stop_on_error = true;          // execute: a failure aborts the executes queued behind it
  bool store_history = true;          // execute: counted and remembered
  bool allow_stdin = false;           // execute: its sender can be asked for input
  std::string user_expressions_json;  // execute: a JSON object, or empty
  int execution_count = 0;            // execute: set by who runs it

  bool is_broadcast = false;
  bool is_coalescing = false;
  std::string original_msg_id;            // broadcast: the id the client knows
  std::optional<std::string> label_json;  // of newer clients: a JSON string or null

  const MsgId& id() const noexcept { return message.header.msg_id; }
  bool is_execute() const noexcept { return kind == Kind::kExecute; }
};

/// Whether requests of this type wait for their turn and run like tasks.
bool is_work(std::string_view msg_type);

/// Fills the fields from the content and metadata of `request.message`, for which is_work() holds.
/// kBadFormat when they are not JSON objects or an execute_request has no
/// code; what could be read is set all the same, so that the request can be answered.
Result<void> read_task_request(TaskRequest& request);

}  // namespace trireme
