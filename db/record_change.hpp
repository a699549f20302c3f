// What happens to task records, one struct a change; the record keeper applies them in groups.
//
// Changes carry frames by reference and are parsed by the store's thread, so that whoever reports
// them does no work on the task's way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"

namespace trireme {

/// Which queue of the controller a task went through.
enum class TaskQueue { kMux, kTask, kBroadcast };

/// A request was accepted. Fills a record that output created before it came; existing output
/// stays. submitted, client_uuid and label are read from header and metadata.
struct TaskSubmitted {
  MsgId msg_id;
  TaskQueue queue;
  Frame header_json;
  Frame metadata_json;
  Frame content_json;
  Frames buffers;
  std::optional<EngineUuid> engine;  // direct tasks: the target
};

/// A load-balanced task was given to an engine (again, after a retry).
struct TaskAssigned {
  MsgId msg_id;
  EngineUuid engine;
  Timestamp at;
};

/// An attempt at a task ended and the task did not: it failed and is tried again, its engine was
/// lost, its engine could not meet what it needs. Attempts count from 1.
struct AttemptEnded {
  MsgId msg_id;
  std::uint32_t number;
  EngineUuid engine;
  Timestamp ended;
  std::string end;  // "error", "aborted", "unmet", "engine lost", "engine lost: signal 9", ...
};

/// A reply came by, or was made up by the controller (engine lost, dependency impossible, ...).
/// `completed` is the result header's date, `started` is result metadata's.
struct TaskFinished {
  MsgId msg_id;
  std::optional<EngineUuid> engine;
  Frame header_json;
  Frame metadata_json;  // may be empty (null)
  Frame content_json;
  Frames buffers;
  Timestamp received;
};

/// Output on iopub. Creates the record when it is not there yet.
struct TaskOutput {
  MsgId msg_id;
  enum class Stream { kStdout, kStderr } stream;
  std::string text;
};

/// Another iopub message worth keeping. Creates the record when it is not there yet.
struct TaskDisplay {
  MsgId msg_id;
  enum class Kind { kExecuteInput, kExecuteResult, kError } kind;
  Frame content_json;  // whole content of the message
};

/// A task was submitted again under a new id.
struct TaskResubmitted {
  MsgId original;
  MsgId replacement;
};

using RecordChange = std::variant<TaskSubmitted, TaskAssigned, TaskFinished, TaskOutput,
                                  TaskDisplay, TaskResubmitted, AttemptEnded>;

}  // namespace trireme
