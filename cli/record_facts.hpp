// What people want to know of a task record: what it did, where, how long, how it ended.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trireme/value.hpp>

#include "session/clock.hpp"

namespace trireme::cli {

/// Where the task of a record stands.
enum class TaskState { kWaiting, kRunning, kOk, kFailed, kAborted };

std::string_view name_of(TaskState state);

struct RecordFacts {
  std::string msg_id;
  std::string what;   // the command, the function with its arguments, or the code
  std::string label;  // empty without one
  TaskState state = TaskState::kWaiting;
  std::string engine;  // its id when it is one of `engines`, else the start of its uuid, or empty
  std::optional<Timestamp> submitted;
  std::optional<Timestamp> started;
  std::optional<Timestamp> completed;
  std::string error;             // `ename: evalue` of a failed task
  std::optional<int> exit_code;  // of a command that ran

  /// From start to end on the engine.
  std::optional<double> seconds() const;
};

/// The columns that read_facts() looks at.
const std::vector<std::string>& columns_of_facts();

/// `engines` maps uuids to ids. What is missing or of an unexpected kind is left empty.
RecordFacts read_facts(const Dict& record, const std::map<std::string, int>& engines);

/// Local time: `14:03:07` when it is less than a day before `now`, else with the date before it.
std::string describe_time(const std::optional<Timestamp>& moment, Timestamp now);

/// `90`, `90s`, `15m`, `6h`, `2d` before `now`, or an ISO date; empty when it is neither.
std::optional<Timestamp> parse_since(std::string_view text, Timestamp now);

}  // namespace trireme::cli
