// What outlives an outage: tasks of a former controller, clients and engines that come back,
// requests that come twice.
#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/controller_core.hpp"
#include "controller/json_fields.hpp"
#include "controller/recovery/attempt_header.hpp"

namespace trireme {
namespace {

// Our clients say it first when they come back; its date parts what they sent before from new work.
constexpr std::string_view kHello = "hello_request";

// How often earlier attempts at a task ended, and how many of them cost a retry.
TaskPast past_of(const TaskRecord& record) {
  TaskPast past;
  if (record.engine_uuid) past.running = EngineUuid(*record.engine_uuid);
  past.attempts = past.running ? 1 : 0;
  const auto ended = nlohmann::json::parse(record.attempts.value_or("[]"), nullptr, false);
  if (!ended.is_array()) return past;
  past.attempts += static_cast<std::uint32_t>(ended.size());
  for (const auto& attempt : ended) {
    const auto end = attempt.is_object() ? attempt.find("end") : attempt.end();
    if (!attempt.is_object() || end == attempt.end() || !end->is_string()) continue;
    const auto& text = end->get_ref<const std::string&>();
    if (text != "unmet" && text != "reply lost") ++past.retries_used;
  }
  return past;
}

/// The request as its client sent it; empty when the record does not hold one any more.
std::optional<Message> request_in(const TaskRecord& record) {
  if (!record.header) return std::nullopt;
  Result<Header> header = parse_header(*record.header);
  if (!header) return std::nullopt;
  Message request;
  request.header = *std::move(header);
  request.header_json = Frame(*record.header);
  request.metadata_json = Frame(record.metadata.value_or("{}"));
  request.content_json = Frame(record.content.value_or("{}"));
  request.buffers = record.buffers;
  return request;
}

}  // namespace

// --- clients that come back --------------------------------------------------------------------

/// False for a message that only greets.
bool ControllerCore::take_note_of_client(Channel channel, const Message& request, Outbox& out) {
  const RoutingId connection(request.identities.front().view());
  const bool is_hello = request.header.msg_type == kHello;
  if (is_hello) {
    if (const auto date = parse_timestamp(request.header.date)) {
      returned_.insert_or_assign(connection, *date);
    }
  }
  if (routes_.learn(channel, connection, request.header.session) && routes_.parked_count() > 0) {
    for (Frames& reply : routes_.take_parked(channel, request.header.session)) {
      reply.insert(reply.begin(), request.identities.front());
      out.send(channel, std::move(reply));
    }
  }
  return !is_hello;
}

void ControllerCore::on_client_away(Channel channel, Frames frames, Outbox& out) {
  if (frames.size() < 2) return;
  const RoutingId gone(frames.front().view());
  std::optional<SessionId> session = session_of_route(gone);
  if (!session) {
    const Result<Message> reply = wire_.decode(frames, Wire::Replays::kAllow);
    const auto name = reply ? string_field(reply->parent_json.view(), "session") : std::nullopt;
    if (!name) return;
    session = SessionId(*name);
  }
  const std::optional<RoutingId> newest = routes_.find(channel, *session);
  if (newest && *newest != gone) {
    frames.front() = Frame::copy_of(newest->view());
    return out.send(channel, std::move(frames));
  }
  frames.erase(frames.begin());
  routes_.park(channel, *session, std::move(frames));
}

std::vector<Frames> ControllerCore::offers_for(Channel channel, const RoutingId& connection) {
  if (routes_.is_known(channel, connection)) return {};
  std::vector<Frames> offers = routes_.offer_parked(channel, connection);
  for (Frames& reply : offers) reply.insert(reply.begin(), Frame::copy_of(connection.view()));
  return offers;
}

// --- requests that come twice ------------------------------------------------------------------

/// Whether the records must be asked before this is run: it was sent before its sender came back
/// or before a former controller ended. Everything else is known here while it matters.
bool ControllerCore::may_be_repeated(const Message& request) const {
  if (!restored_at_ && returned_.empty()) return false;
  const std::optional<Timestamp> date = parse_timestamp(request.header.date);
  if (!date) return true;
  if (restored_at_ && *date < *restored_at_) return true;
  const auto returned = returned_.find(RoutingId(request.identities.front().view()));
  return returned != returned_.end() && *date <= returned->second;
}

void ControllerCore::ask_about_past(PastCheck check, Outbox& out) {
  const std::uint64_t token = next_past_check_++;
  out.ask({token, GetRecords{check.ids}});
  past_checks_.emplace(token, std::move(check));
}

void ControllerCore::on_past(const PastCheck& check, const std::vector<TaskRecord>& records,
                             Now now, Outbox& out) {
  if (check.channel == Channel::kBroadcastClients) {
    return repeat_broadcast(check, records, now, out);
  }
  for (const TaskRecord& record : records) {
    if (record.completed) return answer_from_record(check.channel, check.client, record, now, out);
  }
  const Result<Message> request = wire_.decode(check.frames, Wire::Replays::kAllow);
  if (!request) return;
  if (check.channel == Channel::kTaskClients) {
    accept_task(check.frames, *request, now, out);
  } else {
    pass_on(check.channel, check.frames, *request, now, out);
  }
}

void ControllerCore::repeat_broadcast(const PastCheck& check,
                                      const std::vector<TaskRecord>& records, Now now,
                                      Outbox& out) {
  const Result<Message> request = wire_.decode(check.frames, Wire::Replays::kAllow);
  if (!request) return;
  BroadcastTree::PastReplies past;
  for (const TaskRecord& record : records) {
    if (!record.completed) continue;
    past.emplace(record.msg_id, stored_reply(check.client, record, now));
  }
  broadcast_.on_request(*request, out, past);
}

/// The reply that a record holds, as from its engine to this client.
Message ControllerCore::stored_reply(const RoutingId& client, const TaskRecord& record, Now now) {
  Frame parent(record.header.value_or("{}"));
  const std::string content = record.result_content.value_or("{}");
  Message reply = factory_.make(MessageType::kApplyReply, content, now.timestamp, std::move(parent),
                                record.result_metadata.value_or("{}"));
  // A reply that was made up in an engine's place has no whole header of its own.
  const std::string header = record.result_header.value_or("");
  if (auto parsed = parse_header(header); parsed) {
    reply.header = *std::move(parsed);
    reply.header_json = Frame(header);
  }
  reply.buffers = record.result_buffers;
  reply.identities.push_back(Frame::copy_of(client.view()));
  if (record.engine_uuid) reply.identities.push_back(Frame::copy_of(*record.engine_uuid));
  return reply;
}

void ControllerCore::answer_from_record(Channel channel, const RoutingId& client,
                                        const TaskRecord& record, Now now, Outbox& out) {
  out.send(channel, stored_reply(client, record, now));
}

// --- the work of a former controller -----------------------------------------------------------

void ControllerCore::restore_tasks(const std::vector<TaskRecord>& unfinished, Now now,
                                   Outbox& out) {
  restored_at_ = now.timestamp;
  std::vector<std::pair<const TaskRecord*, Message>> waiting;
  // First those that run: their engines have no room for others.
  for (const TaskRecord& record : unfinished) {
    std::optional<Message> request = request_in(record);
    if (!request) {
      out.log(LogLevel::kError, "The record of task " + record.msg_id.str() +
                                    " holds no usable request: the task cannot go on.");
    } else if (record.queue == "mux" || record.queue == "broadcast") {
      restore_direct(record, *std::move(request), now, out);
    } else if (record.engine_uuid && awaits_engine(EngineUuid(*record.engine_uuid))) {
      restore_task(record, *std::move(request), now, out);
    } else {
      waiting.emplace_back(&record, *std::move(request));
    }
  }
  for (auto& [record, request] : waiting) restore_task(*record, std::move(request), now, out);
  send_fences(now, out);
  if (unfinished.empty()) return;
  out.log(LogLevel::kInfo,
          std::to_string(unfinished.size()) +
              " unfinished tasks are taken over: " + std::to_string(scheduler_.running_count()) +
              " run, " + std::to_string(scheduler_.waiting_count()) + " wait, " +
              std::to_string(hub_.log().direct().size()) + " are direct ones.");
}

void ControllerCore::restore_task(const TaskRecord& record, Message request, Now now, Outbox& out) {
  Result<TaskTerms> terms = parse_task_terms(request.metadata_json.view());
  if (!terms) {
    out.log(LogLevel::kError,
            "Task " + record.msg_id.str() + " cannot go on: " + terms.error().text);
    return;
  }
  const TaskPast past = past_of(record);
  Frames body = wire_.encode(request);
  scheduler_.on_restored({request.header.msg_id, route_of_session(request.header.session),
                          std::move(body), request.header_json, *std::move(terms)},
                         past, now.instant, scheduled_);
  carry_out(nullptr, now, out);
  // What it runs on may have it, or not: it is told again, and the fence tells the difference.
  const std::optional<RunTask> attempt = scheduler_.running_attempt(record.msg_id);
  if (!attempt || attempt->attempt != past.attempts) return;
  send_attempt(*attempt, out);
  repeated_[{*attempt->engine, Channel::kTaskEngines}].push_back(std::move(request));
}

void ControllerCore::restore_direct(const TaskRecord& record, Message request, Now now,
                                    Outbox& out) {
  const EngineUuid engine(record.engine_uuid.value_or(""));
  const bool is_mux = record.queue == "mux";
  if (!hub_.log().direct_restored(engine, record.msg_id, now, out)) return;
  const SessionId session = request.header.session;
  request.identities = {Frame::copy_of(engine.view()),
                        Frame::copy_of(route_of_session(session).view())};
  const Channel channel = is_mux ? Channel::kMuxEngines : Channel::kBroadcastEngines;
  out.send(channel, request);
  repeated_[{engine, channel}].push_back(std::move(request));
}

/// Everything repeated so far is followed by its fence.
void ControllerCore::send_fences(Now now, Outbox& out) {
  for (const auto& [place, requests] : repeated_) {
    const auto& [engine, channel] = place;
    Message fence = factory_.make(MessageType::kKernelInfoRequest, "{}", now.timestamp);
    fence.identities = {Frame::copy_of(engine.view()), Frame::copy_of(CatchUp::kMark)};
    std::vector<MsgId> ids;
    for (const Message& request : requests) ids.push_back(request.header.msg_id);
    catch_up_.begin(channel, engine, fence.header.msg_id, std::move(ids));
    out.send(channel, std::move(fence));
  }
}

bool ControllerCore::awaits_engine(const EngineUuid& engine) const {
  return hub_.engines().id_of(engine).has_value();
}

/// True when the message answers a fence, and is dealt with.
bool ControllerCore::on_fence(Channel channel, const Message& reply, Now now, Outbox& out) {
  if (catch_up_.open_count() == 0 || reply.identities.size() < 2 ||
      reply.identities[1].view() != CatchUp::kMark) {
    return false;
  }
  const EngineUuid engine(reply.identities.front().view());
  const auto fence = string_field(reply.parent_json.view(), "msg_id");
  const auto ids = catch_up_.on_answer(channel, engine, MsgId(fence.value_or("")));
  // Engines of our own answer fences beside their tasks; they never lose one.
  const bool is_ours =
      string_field(reply.content_json.view(), "implementation") == std::string("trireme");
  for (const MsgId& id : ids.value_or(std::vector<MsgId>{})) {
    if (is_ours) break;
    if (channel == Channel::kTaskEngines) {
      scheduler_.on_attempt_lost(engine, id, now.instant, scheduled_);
      carry_out(nullptr, now, out);
    } else {
      rerun_direct(channel, engine, id, out);
    }
  }
  if (ids) repeated_.erase({engine, channel});
  return true;
}

/// The reply to a direct request got lost: the engine is asked anew, under another signature.
void ControllerCore::rerun_direct(Channel channel, const EngineUuid& engine, const MsgId& msg_id,
                                  Outbox& out) {
  if (!hub_.log().direct().is_pending(msg_id)) return;
  for (Message& request : repeated_[{engine, channel}]) {
    if (request.header.msg_id != msg_id) continue;
    request.header_json = numbered_header(request.header_json, 2);
    out.send(channel, request);
  }
}

void ControllerCore::abandon_tasks(Now now, Outbox& out) {
  const std::string text = "The controller was stopped before the task had ended";
  const std::string header = R"({"date": )" + json_quote(format_timestamp(now.timestamp)) + "}";
  const auto end = [&](const MsgId& id) {
    out.record(TaskFinished{id,
                            std::nullopt,
                            Frame(header),
                            Frame(),
                            Frame(error_content_json(wire_name(ErrorCode::kTaskAborted), text)),
                            {},
                            now.timestamp});
  };
  if (!hub_.log().keeps_records()) return;
  for (const MsgId& id : scheduler_.live_ids()) end(id);
  for (const MsgId& id : hub_.log().direct().pending()) end(id);
}

}  // namespace trireme
