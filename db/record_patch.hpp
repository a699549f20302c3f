// What changes make of one record, folded: the one place where frames become columns.
//
// Every store applies patches, so a change means the same in all of them:
//
//   TaskSubmitted    sets the request's columns; output that came before stays
//   TaskAssigned     sets engine_uuid
//   TaskFinished     sets the result's columns; `completed` is the result header's date, or the
//                    time of receipt when that date cannot be read, so that what ended has ended
//   TaskOutput       appends to stdout or stderr
//   AttemptEnded     appends to the list of attempts
//   TaskDisplay      sets execute_input, execute_result or error
//   TaskResubmitted  sets `resubmitted` of the original
//
// Submissions and output make a record where there is none; the others are dropped then (the
// record was purged meanwhile). JSON that is not an object is kept as null: one bad message must
// not spoil the replies that carry other records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/record_change.hpp"
#include "db/task_record.hpp"

namespace trireme {

/// Changes of one record, the last of each kind; it points into them, so they must outlive it.
struct RecordPatch {
  const TaskSubmitted* request = nullptr;
  const TaskFinished* result = nullptr;
  const EngineUuid* engine = nullptr;  // said last by any of them
  const TaskDisplay* execute_input = nullptr;
  const TaskDisplay* execute_result = nullptr;
  const TaskDisplay* error = nullptr;
  const MsgId* replacement = nullptr;
  std::vector<const AttemptEnded*> attempts;  // appended
  std::string stdout_text;                    // appended
  std::string stderr_text;                    // appended
};

/// The id of the record that the change is about.
const MsgId& changed_record(const RecordChange& change);

/// Whether the change makes the record when there is none.
bool creates_record(const RecordChange& change);

/// Adds a later change of the same record.
void add_change(RecordPatch& patch, const RecordChange& change);

/// The columns of a request. Texts lie in the frames of the change unless they are owned.
struct RequestColumns {
  std::optional<std::string_view> header;
  std::optional<std::string_view> metadata;
  std::optional<std::string_view> content;
  std::optional<Timestamp> submitted;
  std::optional<std::string> client_uuid;
  std::optional<std::string> label;
};
RequestColumns read_request(const TaskSubmitted& change);

/// The columns of a result. Texts lie in the frames of the change.
struct ResultColumns {
  std::optional<std::string_view> header;
  std::optional<std::string_view> metadata;
  std::optional<std::string_view> content;
  std::optional<Timestamp> started;
  Timestamp completed;
  bool ended_ok = false;  // whether the task's status is ok
};
ResultColumns read_result(const TaskFinished& change);

/// What a display is kept as: the code of an input, else the whole content when it is an object.
std::optional<std::string> read_display(const TaskDisplay& change);

/// As the column `queue` says it.
std::string_view queue_name(TaskQueue queue);

/// Appends an attempt to the column `attempts`.
void append_attempt(std::optional<std::string>& list, const AttemptEnded& attempt);

/// Carries the patch out on a record in memory. True or false when the task ended thereby: whether
/// its status is ok. Buffers are shared with the changes, not copied.
std::optional<bool> apply_patch(TaskRecord& record, const RecordPatch& patch);

}  // namespace trireme
