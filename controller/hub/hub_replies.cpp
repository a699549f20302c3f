// Writing reply contents. Dict columns go in as the JSON text that they are.
#include "controller/hub/hub_replies.hpp"

#include "db/record_json.hpp"
#include "session/clock.hpp"
#include "session/message.hpp"

namespace trireme {

namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

/// A dict column: an object in JSON text, as the store checked it.
std::string dict_json(const std::optional<std::string>& text) { return text.value_or("null"); }

std::string text_json(const std::optional<std::string>& text) {
  return text ? json_quote(*text) : "null";
}

std::string result_json(const TaskRecord& record) {
  const std::string received =
      record.received ? json_quote(format_timestamp(*record.received)) : "null";
  // Clients look into the metadata of every end, also of one made up in an engine's place.
  return "{\"header\": " + dict_json(record.header) +
         ", \"metadata\": " + dict_json(record.metadata) +
         ", \"result_metadata\": " + record.result_metadata.value_or("{}") +
         ", \"result_header\": " + dict_json(record.result_header) +
         ", \"result_content\": " + dict_json(record.result_content) +
         ", \"received\": " + received +
         ", \"io\": {\"execute_input\": " + text_json(record.execute_input) +
         ", \"execute_result\": " + dict_json(record.execute_result) +
         ", \"error\": " + dict_json(record.error) +
         ", \"stdout\": " + json_quote(record.stdout_text) +
         ", \"stderr\": " + json_quote(record.stderr_text) + "}}";
}

/// A list of lengths, or null when the column was not asked for.
std::string lengths_json(std::span<const TaskRecord> records, Frames TaskRecord::*column,
                         bool is_wanted) {
  if (!is_wanted) return "null";
  std::string json = "[";
  for (const TaskRecord& record : records) {
    if (json.size() > 1) json += ", ";
    json += number((record.*column).size());
  }
  return json + "]";
}

}  // namespace

std::string json_list(std::span<const MsgId> ids) {
  std::string json = "[";
  for (const MsgId& id : ids) {
    if (json.size() > 1) json += ", ";
    json += json_quote(id.view());
  }
  return json + "]";
}

std::string error_content(const Error& error) {
  return error_content_json(wire_name(error.code), error.text);
}

std::string registration_content(EngineId id, std::int64_t heart_period_ms,
                                 std::string_view connection_info_json) {
  return "{\"id\": " + std::to_string(id.value()) +
         ", \"status\": \"ok\", \"hb_period\": " + std::to_string(heart_period_ms) +
         ", \"connection_info\": " + std::string(connection_info_json) + "}";
}

std::string connection_content(const std::map<EngineId, EngineUuid>& engines) {
  std::string json = "{\"status\": \"ok\", \"engines\": {";
  const char* separator = "";
  for (const auto& [id, uuid] : engines) {
    json += separator + json_quote(std::to_string(id.value())) + ": " + json_quote(uuid.view());
    separator = ", ";
  }
  // Our clients repeat to a controller of ours what it may have lost when it was away.
  return json + "}, \"trireme\": {\"resumes\": true}}";
}

std::string engine_content(EngineId id, const EngineUuid& uuid) {
  return "{\"id\": " + std::to_string(id.value()) + ", \"uuid\": " + json_quote(uuid.view()) + "}";
}

std::string queue_content(const QueueReports& status) {
  const auto part = [&status](std::uint64_t count, const std::vector<MsgId>& ids) {
    return status.verbose ? json_list(ids) : number(count);
  };
  std::string json = "{\"status\": \"ok\"";
  for (const QueueReport& engine : status.engines) {
    json += ", \"" + std::to_string(engine.id.value()) +
            "\": {\"queue\": " + part(engine.queue, engine.queue_ids) +
            ", \"completed\": " + part(engine.completed, engine.completed_ids) +
            ", \"tasks\": " + part(engine.tasks, engine.task_ids) + "}";
  }
  return json + ", \"unassigned\": " + part(status.unassigned, status.unassigned_ids) + "}";
}

std::string load_content(std::span<const QueueReport> engines) {
  std::string json = "{\"status\": \"ok\"";
  for (const QueueReport& engine : engines) {
    json +=
        ", \"" + std::to_string(engine.id.value()) + "\": " + number(engine.queue + engine.tasks);
  }
  return json + "}";
}

std::string history_content(std::span<const MsgId> ids) {
  return "{\"status\": \"ok\", \"history\": " + json_list(ids) + "}";
}

std::string resubmit_content(std::span<const std::pair<MsgId, MsgId>> replacements) {
  std::string json = "{\"status\": \"ok\", \"resubmitted\": {";
  const char* separator = "";
  for (const auto& [original, replacement] : replacements) {
    json += separator + json_quote(original.view()) + ": " + json_quote(replacement.view());
    separator = ", ";
  }
  return json + "}}";
}

std::string result_content(std::span<const MsgId> pending, std::span<const MsgId> completed,
                           std::span<const TaskRecord* const> records) {
  std::string json = "{\"status\": \"ok\", \"pending\": " + json_list(pending) +
                     ", \"completed\": " + json_list(completed);
  for (const TaskRecord* record : records) {
    json += ", " + json_quote(record->msg_id.view()) + ": " + result_json(*record);
  }
  return json + "}";
}

std::string db_content(std::span<const TaskRecord> records, const Columns& columns) {
  std::string json = "{\"status\": \"ok\", \"records\": [";
  const char* separator = "";
  for (const TaskRecord& record : records) {
    json += separator + record_json(record, columns);
    separator = ", ";
  }
  return json + "], \"buffer_lens\": " +
         lengths_json(records, &TaskRecord::buffers, columns.has(Column::kBuffers)) +
         ", \"result_buffer_lens\": " +
         lengths_json(records, &TaskRecord::result_buffers, columns.has(Column::kResultBuffers)) +
         "}";
}

Columns result_columns() {
  return Columns::of({Column::kHeader, Column::kMetadata, Column::kResultMetadata,
                      Column::kResultHeader, Column::kResultContent, Column::kReceived,
                      Column::kCompleted, Column::kExecuteInput, Column::kExecuteResult,
                      Column::kError, Column::kStdout, Column::kStderr, Column::kResultBuffers});
}

}  // namespace trireme
