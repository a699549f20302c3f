#include "client/call_reply.hpp"

#include <array>
#include <utility>

#include "session/python_value.hpp"
#include "session/value_codec.hpp"

namespace trireme {
namespace {

/// Names the scheduler and this client give to failures that are not the task's own.
struct SystemFailure {
  std::string_view ename;
  CallFailureKind kind;
};
constexpr std::array kSystemFailures{
    SystemFailure{"EngineError", CallFailureKind::kEngineDied},
    SystemFailure{"ImpossibleDependency", CallFailureKind::kImpossible},
    SystemFailure{"InvalidDependency", CallFailureKind::kInvalid},
    SystemFailure{"TaskTimeout", CallFailureKind::kTimeout},
    SystemFailure{"TaskAborted", CallFailureKind::kAborted},
};

std::string text_at(const Value& dict, std::string_view key) {
  const Value* found = dict.find(key);
  return found != nullptr && found->is_string() ? found->as_string() : std::string();
}

std::optional<Timestamp> time_at(const Value& dict, std::string_view key) {
  const Value* found = dict.find(key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return parse_timestamp(found->as_string());
}

std::optional<std::size_t> stream_offset(const Message& message) {
  const Result<Value> metadata = decode_plain_json(message.metadata_json.view());
  const Value* offset = metadata ? metadata->find("offset") : nullptr;
  if (offset == nullptr || !offset->is_int() || !std::in_range<std::size_t>(offset->as_int())) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(offset->as_int());
}

int id_at(const Value& dict, std::string_view key) {
  const Value* found = dict.find(key);
  if (found == nullptr || !found->is_int() || !std::in_range<int>(found->as_int())) return -1;
  return static_cast<int>(found->as_int());
}

RemoteFailure failure_of(const Value& content) {
  RemoteFailure failure;
  failure.ename = text_at(content, "ename");
  failure.evalue = text_at(content, "evalue");
  if (failure.ename.empty()) failure.ename = "UnknownError";
  if (const Value* lines = content.find("traceback"); lines != nullptr && lines->is_list()) {
    for (const Value& line : lines->as_list()) {
      if (line.is_string()) failure.traceback.push_back(line.as_string());
    }
  }
  if (const Value* engine = content.find("engine_info"); engine != nullptr) {
    failure.engine_uuid = text_at(*engine, "engine_uuid");
    failure.engine_id = id_at(*engine, "engine_id");
  }
  return failure;
}

/// Fills in what content says of a task's end: failed, aborted, or neither.
void read_status(const Value& content, CallReply& reply) {
  const std::string status = text_at(content, "status");
  if (status == "aborted") {
    reply.failure_kind = CallFailureKind::kAborted;
    reply.failure.ename = "TaskAborted";
    reply.failure.evalue = "the task was aborted before it began";
    reply.output_is_complete = true;
    return;
  }
  if (status != "error") return;
  reply.failure = failure_of(content);
  reply.failure_kind = CallFailureKind::kRemote;
  if (!reply.failure.engine_uuid.empty()) return;
  reply.output_is_complete = true;  // no engine says anything about it
  for (const SystemFailure& known : kSystemFailures) {
    if (known.ename == reply.failure.ename) reply.failure_kind = known.kind;
  }
}

void fail_format(CallReply& reply, std::string evalue) {
  reply.failure_kind = CallFailureKind::kFormat;
  reply.failure.ename = "FormatError";
  reply.failure.evalue = std::move(evalue);
}

List raw_buffers(const Frames& buffers) {
  List list;
  for (const Frame& frame : buffers) list.push_back(bytes_of(frame));
  return list;
}

/// The next object of a Python engine's reply.
void read_python_value(const Frames& buffers, std::size_t& next, CallReply& reply) {
  const Result<PythonObject> object = PythonObject::take(buffers, next);
  Result<Value> value = object ? object->to_value(nullptr) : object.error();
  if (value) {
    reply.value = std::move(*value);
  } else {
    fail_format(reply, "the result of the Python engine cannot be read: " + value.error().text);
  }
}

/// The value of a task that succeeded: that of a native or of a Python function, or the content
/// of what is no call.
void read_value(Value content, bool is_apply, const Frames& buffers, CallReply& reply) {
  if (!is_apply) {
    reply.value = std::move(content);
  } else if (Value* result = content.is_dict() && content.find("result") != nullptr
                                 ? &content.as_dict().find("result")->second
                                 : nullptr;
             result != nullptr) {
    reply.value = std::move(*result);
  } else {
    std::size_t next = 0;
    read_python_value(buffers, next, reply);
  }
}

bool is_apply_reply(std::string_view msg_type) {
  return msg_type == wire_name(MessageType::kApplyReply);
}

/// What an ExecuteResult is read from, out of a record's content and its output.
Value recorded_execution(const Value& content, const Value& record) {
  Dict result{{"execution_count", 0}, {"data", Dict{}}, {"displays", List{}}};
  const Value* count = content.find("execution_count");
  if (count != nullptr && count->is_int()) result["execution_count"] = *count;
  const Value* io = record.find("io");
  const Value shown = io == nullptr ? Value() : *io;
  result["stdout_text"] = text_at(shown, "stdout");
  result["stderr_text"] = text_at(shown, "stderr");
  const Value* value = shown.find("execute_result");
  const Value* data = value == nullptr ? nullptr : value->find("data");
  if (data != nullptr && data->is_dict()) result["data"] = *data;
  return result;
}

}  // namespace

CallReply make_failed_reply(CallFailureKind kind, std::string ename, std::string evalue) {
  CallReply reply;
  reply.failure_kind = kind;
  reply.failure.ename = std::move(ename);
  reply.failure.evalue = std::move(evalue);
  reply.output_is_complete = true;
  return reply;
}

namespace {

/// What a reply says besides its value; `content` is filled when it can be read.
CallReply read_end(const Message& message, Timestamp received, Value& content) {
  CallReply reply;
  reply.received = received;
  reply.completed = parse_timestamp(message.header.date.view());
  if (const Result<Value> metadata = decode_plain_json(message.metadata_json.view())) {
    reply.engine_uuid = text_at(*metadata, "engine");
    reply.started = time_at(*metadata, "started");
    if (const Value* engine = metadata->find("engine_info"); engine != nullptr) {
      reply.engine_id = id_at(*engine, "engine_id");
    }
  }
  Result<Value> read = is_apply_reply(message.header.msg_type)
                           ? decode_value(message.content_json.view(), message.buffers)
                           : decode_plain_json(message.content_json.view());
  if (!read) {
    fail_format(reply, "the reply cannot be read: " + read.error().text);
    return reply;
  }
  content = std::move(*read);
  read_status(content, reply);
  if (reply.failure.engine_uuid.empty()) reply.failure.engine_uuid = reply.engine_uuid;
  return reply;
}

}  // namespace

CallReply read_call_reply(const Message& message, Timestamp received) {
  Value content;
  CallReply reply = read_end(message, received, content);
  if (reply.failure_kind == CallFailureKind::kNone) {
    read_value(std::move(content), is_apply_reply(message.header.msg_type), message.buffers, reply);
  }
  return reply;
}

std::vector<CallReply> read_joined_reply(const Message& message, Timestamp received,
                                         std::size_t engines) {
  Value content;
  CallReply common = read_end(message, received, content);
  common.engine_uuid.clear();
  common.engine_id = -1;
  const bool is_apply = is_apply_reply(message.header.msg_type);
  if (common.failure_kind != CallFailureKind::kNone || !is_apply) {
    if (!is_apply) common.value = std::move(content);
    return std::vector<CallReply>(engines, common);
  }
  std::vector<CallReply> replies(engines, common);
  if (const Result<std::vector<Value>> results = decode_packed_results(message.buffers);
      results && results->size() == engines) {
    for (std::size_t i = 0; i < engines; ++i) replies[i].value = (*results)[i];
    return replies;
  }
  std::size_t next = 0;
  for (CallReply& reply : replies) read_python_value(message.buffers, next, reply);
  return replies;
}

CallReply read_hub_reply(const Message& message, Timestamp received) {
  CallReply reply;
  reply.received = received;
  reply.output_is_complete = true;
  Result<Value> content = decode_plain_json(message.content_json.view());
  if (!content) {
    fail_format(reply, "the hub's reply cannot be read: " + content.error().text);
    return reply;
  }
  if (text_at(*content, "status") == "error") {
    reply.failure = failure_of(*content);
    reply.failure_kind = CallFailureKind::kQuery;
    return reply;
  }
  reply.value = Dict{{"content", std::move(*content)}, {"buffers", raw_buffers(message.buffers)}};
  return reply;
}

CallReply read_recorded_reply(const Message& message, const MsgId& id, Timestamp received) {
  CallReply reply = read_hub_reply(message, received);
  if (reply.failure_kind != CallFailureKind::kNone) return reply;
  const Value* record = reply.value.at("content").find(id.view());
  if (record == nullptr) {
    fail_format(reply, "the hub's reply lacks the result of " + id.str());
    return reply;
  }
  const Value* header = record->find("result_header");
  const Value* metadata = record->find("result_metadata");
  const Value* recorded = record->find("result_content");
  CallReply found;
  found.received = time_at(*record, "received");
  found.output_is_complete = true;
  if (header != nullptr) {
    found.completed = time_at(*header, "date");
    found.engine_uuid = text_at(*header, "engine");
  }
  if (metadata != nullptr) {
    found.started = time_at(*metadata, "started");
    if (found.engine_uuid.empty()) found.engine_uuid = text_at(*metadata, "engine");
  }
  const bool is_apply = header == nullptr || text_at(*header, "msg_type").empty() ||
                        is_apply_reply(text_at(*header, "msg_type"));
  // The content went through the hub as plain JSON; placeholders are resolved now.
  Result<Value> content =
      decode_value(to_json(recorded == nullptr ? Value() : *recorded), message.buffers);
  if (!content) {
    fail_format(found, "the recorded reply cannot be read: " + content.error().text);
    return found;
  }
  read_status(*content, found);
  if (found.failure_kind != CallFailureKind::kNone) return found;
  if (!is_apply) content = recorded_execution(*content, *record);
  read_value(std::move(*content), is_apply, message.buffers, found);
  return found;
}

std::vector<CallOutput> read_recorded_output(const Message& message, const MsgId& id) {
  std::vector<CallOutput> shown;
  const Result<Value> content = decode_plain_json(message.content_json.view());
  const Value* record = content ? content->find(id.view()) : nullptr;
  const Value* io = record == nullptr ? nullptr : record->find("io");
  if (io == nullptr) return shown;
  shown.push_back({CallOutput::Kind::kStdout, text_at(*io, "stdout"), {}});
  shown.push_back({CallOutput::Kind::kStderr, text_at(*io, "stderr"), {}});
  return shown;
}

std::optional<CallOutput> read_call_output(const Message& message) {
  const std::optional<MessageType> type = message_type(message.header.msg_type);
  if (!type.has_value()) return std::nullopt;
  Result<Value> content = decode_plain_json(message.content_json.view());
  if (!content) return std::nullopt;
  using Kind = CallOutput::Kind;
  switch (*type) {
    case MessageType::kStream: {
      const bool is_stderr = text_at(*content, "name") == "stderr";
      return CallOutput{is_stderr ? Kind::kStderr : Kind::kStdout,
                        text_at(*content, "text"),
                        {},
                        stream_offset(message)};
    }
    case MessageType::kExecuteResult:
      return CallOutput{Kind::kResult, {}, std::move(*content)};
    case MessageType::kDisplayData:
      return CallOutput{Kind::kDisplay, {}, std::move(*content)};
    case MessageType::kStatus:
      if (text_at(*content, "execution_state") != "idle") return std::nullopt;
      return CallOutput{Kind::kIdle, {}, {}};
    default:
      return std::nullopt;
  }
}

void throw_failure(const CallReply& reply) {
  switch (reply.failure_kind) {
    case CallFailureKind::kAborted:
      throw TaskAborted(reply.failure);
    case CallFailureKind::kEngineDied:
      throw EngineDied(reply.failure);
    case CallFailureKind::kImpossible:
      throw ImpossibleDependency(reply.failure);
    case CallFailureKind::kInvalid:
      throw InvalidDependency(reply.failure);
    case CallFailureKind::kTimeout:
      throw TaskTimeout(reply.failure);
    case CallFailureKind::kConnection:
      throw ConnectionError(reply.failure.evalue);
    case CallFailureKind::kFormat:
      throw FormatError(reply.failure.evalue);
    case CallFailureKind::kQuery:
      throw QueryError(reply.failure.ename, reply.failure.evalue);
    case CallFailureKind::kRemote:
    case CallFailureKind::kNone:
      break;
  }
  throw RemoteError(reply.failure);
}

}  // namespace trireme
