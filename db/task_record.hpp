// One task record: what the controller keeps of a task, field by field as clients query it.
#pragma once

#include <optional>
#include <string>

#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"

namespace trireme {

/// Dict columns are JSON text. An empty optional is null on the wire.
struct TaskRecord {
  MsgId msg_id;
  std::optional<std::string> header;       // of the request, whole
  std::optional<std::string> metadata;     // of the request
  std::optional<std::string> content;      // of the request
  Frames buffers;                          // of the request
  std::optional<Timestamp> submitted;      // the request header's date
  std::optional<std::string> client_uuid;  // the request header's session
  std::optional<std::string> engine_uuid;  // direct: target; load-balanced: where it runs or ran
  std::optional<Timestamp> started;        // result metadata.started
  std::optional<Timestamp> completed;      // result header's date
  std::optional<std::string> resubmitted;  // msg_id of the newer run of this task
  std::optional<Timestamp> received;       // controller's clock when the result came by
  std::optional<std::string> result_header;
  std::optional<std::string> result_metadata;
  std::optional<std::string> result_content;
  Frames result_buffers;
  std::optional<std::string> queue;           // "mux", "task" or "broadcast"
  std::optional<std::string> execute_input;   // code of an execute request
  std::optional<std::string> execute_result;  // JSON object: content of the iopub message
  std::optional<std::string> error;           // JSON object: content of the iopub message
  std::string stdout_text;
  std::string stderr_text;
  std::optional<std::string> label;
  std::optional<std::string> attempts;  // JSON list of the attempts before the last, in order
  // No column: why buffers that were asked for are empty here, when the store cannot read them.
  std::optional<std::string> damage;
};

}  // namespace trireme
