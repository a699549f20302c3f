// A task record as the JSON object that clients receive.
#pragma once

#include <string>
#include <string_view>

#include "db/column.hpp"
#include "db/task_record.hpp"

namespace trireme {

/// The record as a JSON object with the columns asked for, msg_id always among them: dates as ISO
/// text, dict columns as objects, null where nothing is. Buffer columns are never in it; they
/// travel as frames.
std::string record_json(const TaskRecord& record, const Columns& columns);

/// A string as a JSON string literal; bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace trireme
