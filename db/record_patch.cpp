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

/// A string member into its place, and null for one of another kind.
void take_string(const simdjson::dom::element& value, std::optional<std::string>& into) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    into = std::string(text);
  } else {
    into.reset();
  }
}

std::optional<Timestamp> date_of(const simdjson::dom::element& value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  return parse_timestamp(text);
}

/// The text when it is a JSON object, after `visit` has seen its members. Of members with one name
/// the last counts, as for Python.
template <class Visit>
std::optional<std::string_view> object_text(const Frame& json, Visit visit) {
  const std::string_view text = json.view();
  if (text == "{}") return text;  // nothing to see
  const auto object = reader().read(text);
  if (!object) return std::nullopt;
  for (const auto member : *object) visit(member.key, member.value);
  return text;
}

constexpr auto kNothingToSee = [](std::string_view, const simdjson::dom::element&) {};

std::optional<std::string> owned(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

/// Puts a change into its place in a patch.
struct PatchWriter {
  RecordPatch& patch;

  void operator()(const TaskSubmitted& change) const {
    patch.request = &change;
    if (change.engine) patch.engine = &*change.engine;
  }
  void operator()(const TaskAssigned& change) const { patch.engine = &change.engine; }
  void operator()(const TaskFinished& change) const {
    patch.result = &change;
    if (change.engine) patch.engine = &*change.engine;
  }
  void operator()(const TaskOutput& change) const {
    const bool is_stdout = change.stream == TaskOutput::Stream::kStdout;
    (is_stdout ? patch.stdout_text : patch.stderr_text) += change.text;
  }
  void operator()(const TaskDisplay& change) const {
    switch (change.kind) {
      case TaskDisplay::Kind::kExecuteInput:
        patch.execute_input = &change;
        return;
      case TaskDisplay::Kind::kExecuteResult:
        patch.execute_result = &change;
        return;
      case TaskDisplay::Kind::kError:
        patch.error = &change;
        return;
    }
  }
  void operator()(const AttemptEnded& change) const { patch.attempts.push_back(&change); }
  void operator()(const TaskResubmitted& change) const { patch.replacement = &change.replacement; }
};

void apply_request(TaskRecord& record, const TaskSubmitted& change) {
  RequestColumns columns = read_request(change);
  record.header = owned(columns.header);
  record.metadata = owned(columns.metadata);
  record.content = owned(columns.content);
  record.buffers = change.buffers;
  record.submitted = columns.submitted;
  record.client_uuid = std::move(columns.client_uuid);
  record.label = std::move(columns.label);
  record.queue = std::string(queue_name(change.queue));
}

bool apply_result(TaskRecord& record, const TaskFinished& change) {
  const ResultColumns columns = read_result(change);
  record.result_header = owned(columns.header);
  record.result_metadata = owned(columns.metadata);
  record.result_content = owned(columns.content);
  record.result_buffers = change.buffers;
  record.started = columns.started;
  record.completed = columns.completed;
  record.received = change.received;
  return columns.ended_ok;
}

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
  std::visit(PatchWriter{patch}, change);
}

RequestColumns read_request(const TaskSubmitted& change) {
  RequestColumns columns;
  columns.header = object_text(change.header_json, [&](std::string_view key, const auto& value) {
    if (key == "date") columns.submitted = date_of(value);
    if (key == "session") take_string(value, columns.client_uuid);
  });
  columns.metadata =
      object_text(change.metadata_json, [&](std::string_view key, const auto& value) {
        if (key == "label") take_string(value, columns.label);
      });
  columns.content = object_text(change.content_json, kNothingToSee);
  return columns;
}

ResultColumns read_result(const TaskFinished& change) {
  ResultColumns columns;
  columns.completed = change.received;
  std::optional<std::string> status;
  columns.header = object_text(change.header_json, [&](std::string_view key, const auto& value) {
    if (key == "date") columns.completed = date_of(value).value_or(change.received);
  });
  columns.metadata =
      object_text(change.metadata_json, [&](std::string_view key, const auto& value) {
        if (key == "started") columns.started = date_of(value);
        if (key == "status") take_string(value, status);
      });
  const bool is_known = status.has_value();
  columns.content = object_text(change.content_json, [&](std::string_view key, const auto& value) {
    if (key == "status" && !is_known) take_string(value, status);
  });
  columns.ended_ok = status == "ok";
  return columns;
}

std::optional<std::string> read_display(const TaskDisplay& change) {
  if (change.kind != TaskDisplay::Kind::kExecuteInput) {
    return owned(object_text(change.content_json, kNothingToSee));
  }
  std::optional<std::string> code;
  object_text(change.content_json, [&](std::string_view key, const auto& value) {
    if (key == "code") take_string(value, code);
  });
  return code;
}

std::string_view queue_name(TaskQueue queue) {
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

std::optional<bool> apply_patch(TaskRecord& record, const RecordPatch& patch) {
  std::optional<bool> ended_ok;
  if (patch.request != nullptr) apply_request(record, *patch.request);
  if (patch.result != nullptr) ended_ok = apply_result(record, *patch.result);
  if (patch.engine != nullptr) record.engine_uuid = patch.engine->str();
  if (patch.execute_input != nullptr) record.execute_input = read_display(*patch.execute_input);
  if (patch.execute_result != nullptr) record.execute_result = read_display(*patch.execute_result);
  if (patch.error != nullptr) record.error = read_display(*patch.error);
  if (patch.replacement != nullptr) record.resubmitted = patch.replacement->str();
  for (const AttemptEnded* attempt : patch.attempts) append_attempt(record.attempts, *attempt);
  record.stdout_text += patch.stdout_text;
  record.stderr_text += patch.stderr_text;
  return ended_ok;
}

}  // namespace trireme
