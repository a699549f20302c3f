#include "db/record_patch.hpp"

#include <simdjson.h>

#include "db/record_json.hpp"

namespace trireme {
namespace {

constexpr std::size_t kParserBytesKept = 4u << 20;

/// Reads the JSON objects of changes; keeps its buffers from one to the next unless they grew big.
class ObjectReader {
 public:
  /// The object, valid until the next call; empty when the text is none.
  std::optional<simdjson::dom::object> read(std::string_view text) {
    if (text.empty()) return {};  // simdjson must not see a null pointer
    if (parser_.capacity() > kParserBytesKept) parser_ = simdjson::dom::parser();
    simdjson::dom::object object;
    if (parser_.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) return {};
    return object;
  }

 private:
  simdjson::dom::parser parser_;
};

ObjectReader& reader() {
  thread_local ObjectReader reader;
  return reader;
}

std::optional<std::string> string_member(const simdjson::dom::object& object,
                                         std::string_view key) {
  std::string_view text;
  if (object[key].get(text) != simdjson::SUCCESS) return std::nullopt;
  return std::string(text);
}

std::optional<Timestamp> date_member(const simdjson::dom::object& object, std::string_view key) {
  std::string_view text;
  if (object[key].get(text) != simdjson::SUCCESS) return std::nullopt;
  return parse_timestamp(text);
}

/// Sets columns of a patch and remembers that they are set.
class PatchWriter {
 public:
  explicit PatchWriter(RecordPatch& patch) : patch_(patch), values_(patch.values) {}

  void operator()(const TaskSubmitted& change) {
    mark({Column::kHeader, Column::kMetadata, Column::kContent, Column::kBuffers,
          Column::kSubmitted, Column::kClientUuid, Column::kQueue, Column::kLabel});
    values_.submitted.reset();
    values_.client_uuid.reset();
    values_.label.reset();
    values_.header = object_text(change.header_json, [this](const auto& header) {
      values_.submitted = date_member(header, "date");
      values_.client_uuid = string_member(header, "session");
    });
    values_.metadata = object_text(change.metadata_json, [this](const auto& metadata) {
      values_.label = string_member(metadata, "label");
    });
    values_.content = object_text(change.content_json, [](const auto&) {});
    values_.buffers = change.buffers;
    values_.queue = std::string(queue_name(change.queue));
    set_engine(change.engine);
  }

  void operator()(const TaskAssigned& change) { set_engine(change.engine); }

  void operator()(const TaskFinished& change) {
    mark({Column::kStarted, Column::kCompleted, Column::kReceived, Column::kResultHeader,
          Column::kResultMetadata, Column::kResultContent, Column::kResultBuffers});
    values_.started.reset();
    values_.completed = change.received;
    values_.received = change.received;
    std::optional<std::string> status;
    values_.result_header = object_text(change.header_json, [&](const auto& header) {
      values_.completed = date_member(header, "date").value_or(change.received);
    });
    values_.result_metadata = object_text(change.metadata_json, [&](const auto& metadata) {
      values_.started = date_member(metadata, "started");
      status = string_member(metadata, "status");
    });
    values_.result_content = object_text(change.content_json, [&](const auto& content) {
      if (!status) status = string_member(content, "status");
    });
    values_.result_buffers = change.buffers;
    patch_.ended_ok = status == "ok";
    set_engine(change.engine);
  }

  void operator()(const TaskOutput& change) {
    const bool is_stdout = change.stream == TaskOutput::Stream::kStdout;
    (is_stdout ? values_.stdout_text : values_.stderr_text) += change.text;
  }

  void operator()(const TaskDisplay& change) {
    switch (change.kind) {
      case TaskDisplay::Kind::kExecuteInput:
        mark({Column::kExecuteInput});
        values_.execute_input.reset();
        object_text(change.content_json, [this](const auto& content) {
          values_.execute_input = string_member(content, "code");
        });
        return;
      case TaskDisplay::Kind::kExecuteResult:
        mark({Column::kExecuteResult});
        values_.execute_result = object_text(change.content_json, [](const auto&) {});
        return;
      case TaskDisplay::Kind::kError:
        mark({Column::kError});
        values_.error = object_text(change.content_json, [](const auto&) {});
        return;
    }
  }

  void operator()(const AttemptEnded& change) { patch_.attempts.push_back(change); }

  void operator()(const TaskResubmitted& change) {
    mark({Column::kResubmitted});
    values_.resubmitted = change.replacement.str();
  }

 private:
  void mark(std::initializer_list<Column> columns) {
    for (const Column column : columns) patch_.columns.add(column);
  }

  void set_engine(const std::optional<EngineUuid>& engine) {
    if (!engine) return;
    mark({Column::kEngineUuid});
    values_.engine_uuid = engine->str();
  }

  static std::string_view queue_name(TaskQueue queue) {
    switch (queue) {
      case TaskQueue::kMux:
        return "mux";
      case TaskQueue::kTask:
        return "task";
      case TaskQueue::kBroadcast:
        return "broadcast";
    }
    return "";
  }

  /// The text when it is a JSON object, after `visit` has seen the object.
  template <class Visit>
  static std::optional<std::string> object_text(const Frame& json, Visit visit) {
    const auto object = reader().read(json.view());
    if (!object) return std::nullopt;
    visit(*object);
    return json.to_string();
  }

  RecordPatch& patch_;
  TaskRecord& values_;
};

}  // namespace

const MsgId& changed_record(const RecordChange& change) {
  const auto* resubmitted = std::get_if<TaskResubmitted>(&change);
  if (resubmitted != nullptr) return resubmitted->original;
  return std::visit(
      [](const auto& other) -> const MsgId& {
        if constexpr (requires { other.msg_id; }) return other.msg_id;
        TRIREME_CHECK(false, "a change without a record");
      },
      change);
}

bool creates_record(const RecordChange& change) {
  return std::holds_alternative<TaskSubmitted>(change) ||
         std::holds_alternative<TaskOutput>(change) || std::holds_alternative<TaskDisplay>(change);
}

void add_change(RecordPatch& patch, const RecordChange& change) {
  if (patch.values.msg_id.empty()) patch.values.msg_id = changed_record(change);
  std::visit(PatchWriter(patch), change);
}

void append_attempt(std::optional<std::string>& list, const AttemptEnded& attempt) {
  if (list) {
    list->back() = ',';
    *list += ' ';
  } else {
    list = "[";
  }
  *list += "{\"number\": " + std::to_string(attempt.number) +
           ", \"engine\": " + json_string(attempt.engine.view()) + ", \"ended\": \"" +
           format_timestamp(attempt.ended) + "\", \"end\": " + json_string(attempt.end) + "}]";
}

void apply_patch(TaskRecord& record, RecordPatch patch) {
  for (const ColumnInfo& info : kColumns) {
    if (!patch.columns.has(info.column)) continue;
    std::visit([&](auto member) { record.*member = std::move(patch.values.*member); }, info.member);
  }
  for (const AttemptEnded& attempt : patch.attempts) append_attempt(record.attempts, attempt);
  record.stdout_text += patch.values.stdout_text;
  record.stderr_text += patch.values.stderr_text;
}

}  // namespace trireme
