// How a task ended, before it becomes a reply.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "session/frame.hpp"

namespace trireme {

/// The task returned.
struct TaskSuccess {
  std::string content_json;  // all but execute: content of the reply; empty: a status only
  Frames buffers;            // raw parts of the result
  std::string data_json;     // execute: the mime bundle of its value (a JSON object), or empty
  std::string data_metadata_json;     // execute: what belongs to data_json
  std::string user_expressions_json;  // execute: their results (a JSON object), or empty
};

/// The task failed; the fields are those of an error reply.
struct TaskFailure {
  std::string ename;
  std::string evalue;
  std::vector<std::string> traceback;  // lines for people
};

/// The task gave up because its caller aborted it.
struct TaskGaveUp {};

using TaskOutcome = std::variant<TaskSuccess, TaskFailure, TaskGaveUp>;

/// A piece of what a task showed while it ran, in the order it was shown.
struct OutputPiece {
  enum class Kind {
    kStdout,   // text
    kStderr,   // text
    kDisplay,  // content of a display_data message, as JSON
    kUpdate,   // content of an update_display_data message, as JSON
    kClear,    // content of a clear_output message, as JSON
  };
  Kind kind;
  std::string text;

  friend bool operator==(const OutputPiece&, const OutputPiece&) = default;
};

/// Whether pieces of this kind are text, which may be cut and joined.
constexpr bool is_text(OutputPiece::Kind kind) {
  return kind == OutputPiece::Kind::kStdout || kind == OutputPiece::Kind::kStderr;
}

}  // namespace trireme
