// What the hub answers: the JSON contents of its replies and notifications.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/column.hpp"
#include "db/task_record.hpp"
#include "session/ids.hpp"
#include "session/result.hpp"

namespace trireme {

/// `["a", "b"]`
std::string json_list(std::span<const MsgId> ids);

/// Error content of this failure, with the code's name as ename.
std::string error_content(const Error& error);

std::string registration_content(EngineId id, std::int64_t heart_period_ms,
                                 std::string_view connection_info_json);
std::string connection_content(const std::map<EngineId, EngineUuid>& engines);
/// Of both notifications about one engine.
std::string engine_content(EngineId id, const EngineUuid& uuid);

/// How much one engine has to do and has done. The ids are filled for verbose replies only.
struct QueueReport {
  EngineId id;
  std::uint64_t queue = 0;
  std::uint64_t completed = 0;
  std::uint64_t tasks = 0;
  std::vector<MsgId> queue_ids;
  std::vector<MsgId> completed_ids;
  std::vector<MsgId> task_ids;
};
struct QueueReports {
  bool verbose = false;
  std::vector<QueueReport> engines;
  std::uint64_t unassigned = 0;
  std::vector<MsgId> unassigned_ids;
};
std::string queue_content(const QueueReports& status);
std::string load_content(std::span<const QueueReport> engines);

std::string history_content(std::span<const MsgId> ids);
std::string resubmit_content(std::span<const std::pair<MsgId, MsgId>> replacements);

/// Content with what to say of a task's end to somebody who asks later.
std::string result_content(std::span<const MsgId> pending, std::span<const MsgId> completed,
                           std::span<const TaskRecord* const> records);
/// `buffer_lens` and `result_buffer_lens` are given when those columns were asked for.
std::string db_content(std::span<const TaskRecord> records, const Columns& columns);

/// The columns that result_content looks at, result buffers included.
Columns result_columns();

}  // namespace trireme
