#include "db/record_patch.hpp"

#include <simdjson.h>

#include "db/record_json.hpp"
#include "session/plain_json.hpp"

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

/// The value of a member: its text when it is a string, else empty.
using Text = std::optional<std::string_view>;

std::optional<Timestamp> date_of(Text text) { return text ? parse_timestamp(*text) : std::nullopt; }

/// The text when it is a JSON object, after visit(key, value) has seen its members. Of members with
/// one name the last counts, as for Python. visit may see members twice, in order.
template <class Visit>
std::optional<std::string_view> object_text(const Frame& json, const Visit& visit) {
  const std::string_view text = json.view();
  const bool is_plain =
      visit_plain_object(text, [&](std::string_view key, std::string_view value, PlainKind kind) {
        visit(key, kind == PlainKind::kString ? Text(value) : Text());
      });
  if (is_plain) return text;
  const auto object = reader().read(text);
  if (!object) return std::nullopt;
  for (const auto member : *object) {
    std::string_view value;
    const bool is_string = member.value.get(value) == simdjson::SUCCESS;
    visit(member.key, is_string ? Text(value) : Text());
  }
  return text;
}

constexpr auto kNothingToSee = [](std::string_view, Text) {};

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
  std::optional<Timestamp> submitted;
  std::optional<std::string> client_uuid;
  columns.header = object_text(change.header_json, [&](std::string_view key, Text value) {
    if (key == "date") submitted = date_of(value);
    if (key == "session") client_uuid = owned(value);
  });
  if (columns.header) {
    columns.submitted = submitted;
    columns.client_uuid = std::move(client_uuid);
  }
  std::optional<std::string> label;
  columns.metadata = object_text(change.metadata_json, [&](std::string_view key, Text value) {
    if (key == "label") label = owned(value);
  });
  if (columns.metadata) columns.label = std::move(label);
  columns.content = object_text(change.content_json, kNothingToSee);
  return columns;
}

ResultColumns read_result(const TaskFinished& change) {
  ResultColumns columns;
  std::optional<Timestamp> completed;
  columns.header = object_text(change.header_json, [&](std::string_view key, Text value) {
    if (key == "date") completed = date_of(value);
  });
  columns.completed = columns.header && completed ? *completed : change.received;
  std::optional<Timestamp> started;
  std::optional<bool> is_ok;
  columns.metadata = object_text(change.metadata_json, [&](std::string_view key, Text value) {
    if (key == "started") started = date_of(value);
    if (key == "status") is_ok = value ? std::optional(*value == "ok") : std::nullopt;
  });
  if (columns.metadata) {
    columns.started = started;
  } else {
    is_ok.reset();
  }
  bool content_is_ok = false;
  columns.content = object_text(change.content_json, [&](std::string_view key, Text value) {
    if (key == "status") content_is_ok = value == "ok";
  });
  columns.ended_ok = is_ok.value_or(columns.content && content_is_ok);
  return columns;
}

std::optional<std::string> read_display(const TaskDisplay& change) {
  if (change.kind != TaskDisplay::Kind::kExecuteInput) {
    return owned(object_text(change.content_json, kNothingToSee));
  }
  std::optional<std::string> code;
  const auto whole = object_text(change.content_json, [&](std::string_view key, Text value) {
    if (key == "code") code = owned(value);
  });
  return whole ? code : std::nullopt;
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
