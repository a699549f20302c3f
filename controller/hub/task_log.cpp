// Requests, replies and output, one function each.
#include "controller/hub/task_log.hpp"

#include <string>
#include <utility>

#include "controller/hub/json_fields.hpp"
#include "db/python_repr.hpp"
#include "session/wire.hpp"

namespace trireme {

namespace {

/// The request that a message belongs to; empty when it names none.
std::optional<MsgId> parent_id(const Message& message) {
  auto id = string_field(message.parent_json.view(), "msg_id");
  if (!id || id->empty()) return std::nullopt;
  return MsgId(std::move(*id));
}

bool has_reply(const Message& request) { return !request.header.msg_type.starts_with("comm_"); }

}  // namespace

TaskSubmitted submitted_from(Message&& request, TaskQueue queue) {
  return {std::move(request.header.msg_id),
          queue,
          std::move(request.header_json),
          std::move(request.metadata_json),
          std::move(request.content_json),
          std::move(request.buffers),
          std::nullopt};
}

TaskFinished finished_from(const MsgId& msg_id, Message&& reply, Timestamp received) {
  return {msg_id,
          std::nullopt,
          std::move(reply.header_json),
          std::move(reply.metadata_json),
          std::move(reply.content_json),
          std::move(reply.buffers),
          received};
}

TaskLog::TaskLog(const EngineRegistry& engines, bool keeps_records)
    : engines_(engines), keeps_records_(keeps_records) {}

void TaskLog::record(RecordChange change, Outbox& out) {
  if (keeps_records_) out.record(std::move(change));
}

void TaskLog::note_end(const MsgId& msg_id) {
  if (!keeps_records_) ended_.add(msg_id);
}

bool TaskLog::direct_submitted(const EngineUuid& target, Message&& request, TaskQueue queue,
                               Outbox& out) {
  if (!has_reply(request)) return true;
  const auto engine = engines_.id_of(target);
  if (!engine) {
    out.log(LogLevel::kWarning, "A request for engine " + target.str() +
                                    ", which is not registered, was passed on and not recorded.");
    return true;
  }
  if (!direct_.add(request.header.msg_id, *engine)) return false;
  TaskSubmitted change = submitted_from(std::move(request), queue);
  change.engine = target;
  record(std::move(change), out);
  return true;
}

bool TaskLog::direct_restored(const EngineUuid& target, const MsgId& msg_id, Now now, Outbox& out) {
  const auto engine = engines_.id_of(target);
  if (engine) return direct_.add(msg_id, *engine);
  give_up(msg_id, target, "Engine " + target.str(), now, out);
  return false;
}

bool TaskLog::direct_finished(const EngineUuid& sender, Message&& reply, Now now, Outbox& out) {
  const auto msg_id = parent_id(reply);
  if (!msg_id) return true;
  const auto engine = direct_.finish(*msg_id);
  if (engine) {
    if (engines_.is_live(*engine)) ++completed_[*engine];
    note_end(*msg_id);
  } else if (!given_up_.contains(*msg_id)) {
    return !repeated_.contains(*msg_id);
  }
  TaskFinished change = finished_from(*msg_id, std::move(reply), now.timestamp);
  change.engine = sender;
  record(std::move(change), out);
  return true;
}

void TaskLog::task_submitted(TaskSubmitted change, Outbox& out) { record(std::move(change), out); }

void TaskLog::task_assigned(TaskAssigned change, Outbox& out) { record(std::move(change), out); }

void TaskLog::attempt_ended(AttemptEnded change, Outbox& out) { record(std::move(change), out); }

void TaskLog::task_finished(TaskFinished change, bool ran, Outbox& out) {
  if (change.engine && ran) {
    if (const auto engine = engines_.id_of(*change.engine)) ++completed_[*engine];
  }
  note_end(change.msg_id);
  record(std::move(change), out);
}

void TaskLog::output(const Message& message, Outbox& out) {
  const auto type = message_type(message.header.msg_type);
  if (!keeps_records_ || !type) return;
  std::optional<TaskDisplay::Kind> display;
  switch (*type) {
    case MessageType::kStream:
      break;
    case MessageType::kExecuteInput:
      display = TaskDisplay::Kind::kExecuteInput;
      break;
    case MessageType::kExecuteResult:
      display = TaskDisplay::Kind::kExecuteResult;
      break;
    case MessageType::kError:
      display = TaskDisplay::Kind::kError;
      break;
    default:
      return;
  }
  auto msg_id = parent_id(message);
  if (!msg_id) return;
  if (display) {
    record(TaskDisplay{std::move(*msg_id), *display, message.content_json}, out);
    return;
  }
  auto stream = stream_content(message.content_json.view());
  if (!stream || (stream->name != "stdout" && stream->name != "stderr")) return;
  record(TaskOutput{std::move(*msg_id),
                    stream->name == "stdout" ? TaskOutput::Stream::kStdout
                                             : TaskOutput::Stream::kStderr,
                    std::move(stream->text)},
         out);
}

void TaskLog::give_up_engine(EngineId id, const EngineUuid& uuid, Now now, Outbox& out) {
  for (const MsgId& msg_id : direct_.take_all(id)) {
    give_up(msg_id, uuid, "Engine " + std::to_string(id.value()), now, out);
  }
}

/// Ends a direct task in place of the engine that had it.
void TaskLog::give_up(const MsgId& msg_id, const EngineUuid& uuid, const std::string& engine,
                      Now now, Outbox& out) {
  const std::string header = "{\"engine\": " + json_quote(uuid.view()) +
                             ", \"date\": " + json_quote(format_timestamp(now.timestamp)) + "}";
  const std::string text = engine + " died while running task " + python_repr(msg_id.view());
  given_up_.add(msg_id);
  note_end(msg_id);
  record(TaskFinished{msg_id,
                      uuid,
                      Frame(header),
                      Frame(),
                      Frame(error_content_json(wire_name(ErrorCode::kEngineError), text)),
                      {},
                      now.timestamp},
         out);
}

std::uint64_t TaskLog::completed_on(EngineId id) const {
  const auto found = completed_.find(id);
  return found == completed_.end() ? 0 : found->second;
}

}  // namespace trireme
