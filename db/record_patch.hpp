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
#include <vector>

#include "db/column.hpp"
#include "db/record_change.hpp"
#include "db/task_record.hpp"

namespace trireme {

/// Columns to set and output to append.
struct RecordPatch {
  TaskRecord values;  // msg_id always; stdout_text and stderr_text are what is appended
  Columns columns;    // the columns to set to `values`, null included; none that is appended to
  std::vector<AttemptEnded> attempts;  // appended
  std::optional<bool> ended_ok;        // set when the task ended: whether its status is ok
};

/// The id of the record that the change is about.
const MsgId& changed_record(const RecordChange& change);

/// Whether the change makes the record when there is none.
bool creates_record(const RecordChange& change);

/// Adds a later change of the same record. Buffers are shared with the change, not copied.
void add_change(RecordPatch& patch, const RecordChange& change);

/// Appends an attempt to the column `attempts`.
void append_attempt(std::optional<std::string>& list, const AttemptEnded& attempt);

/// Carries the patch out on a record in memory.
void apply_patch(TaskRecord& record, RecordPatch patch);

}  // namespace trireme
