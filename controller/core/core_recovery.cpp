// What outlives an outage: tasks of a former controller, clients and engines that come back,
// requests that come twice.
#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/core/controller_core.hpp"
#include "controller/hub/hub_replies.hpp"
#include "controller/hub/json_fields.hpp"
#include "controller/recovery/attempt_header.hpp"

namespace trireme {
namespace {

// Our clients say it first when they come back; its date parts what they sent before from new work.
constexpr std::string_view kHello = "hello_request";

// Clients that came back and are remembered for it; after so many they begin anew.
constexpr std::size_t kReturnedMax = 65'536;

// How long after news of a cut until the broken connections are gone from the sockets.
constexpr std::chrono::milliseconds kCutSettles{200};

Channel clients_of(const TaskRecord& record) {
  if (record.queue == "mux") return Channel::kMuxClients;
  return record.queue == "broadcast" ? Channel::kBroadcastClients : Channel::kTaskClients;
}

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
  if (!record.header || record.damage) return std::nullopt;
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
    if (returned_.size() >= kReturnedMax) returned_.clear();
    if (const auto date = parse_timestamp(request.header.date.view())) {
      returned_.insert_or_assign(connection, *date);
    }
  }
  if (routes_.learn(channel, connection, request.header.session) && routes_.parked_count() > 0) {
    for (ClientRoutes::Reply& reply : routes_.take_parked(channel, request.header.session)) {
      reply.frames.insert(reply.frames.begin(), request.identities.front());
      out.delivered.push_back(std::move(reply.request));
      out.send(channel, std::move(reply.frames));
    }
  }
  return !is_hello;
}

void ControllerCore::on_client_away(Channel channel, Frames frames, Outbox& out) {
  const Result<Message> reply = wire_.decode(frames, Wire::Replays::kAllow);
  const Result<Header> request =
      reply ? parse_header(reply->parent_json.view()) : Result<Header>(reply.error());
  if (!request) return;
  const RoutingId gone(frames.front().view());
  const std::optional<RoutingId> newest = routes_.find(channel, request->session);
  if (newest && *newest != gone) {
    frames.front() = Frame::copy_of(newest->view());
    return out.send(channel, std::move(frames));
  }
  frames.erase(frames.begin());
  out.owed.push_back(request->msg_id);
  park(channel, request->session, {request->msg_id, std::move(frames)}, out);
}

void ControllerCore::park(Channel channel, const SessionId& session, ClientRoutes::Reply reply,
                          Outbox& out) {
  for (MsgId& dropped : routes_.park(channel, session, std::move(reply))) {
    out.delivered.push_back(std::move(dropped));
  }
}

std::vector<ClientRoutes::Reply> ControllerCore::offers_for(Channel channel,
                                                            const RoutingId& connection) {
  if (routes_.is_known(channel, connection)) return {};
  std::vector<ClientRoutes::Reply> offers = routes_.offer_parked(channel, connection);
  for (ClientRoutes::Reply& reply : offers) {
    reply.frames.insert(reply.frames.begin(), Frame::copy_of(connection.view()));
  }
  return offers;
}

// --- requests that come twice ------------------------------------------------------------------

/// Whether the records must be asked before this is run: it was sent before its sender came back
/// or before a former controller ended. Everything else is known here while it matters.
bool ControllerCore::may_be_repeated(const Message& request) const {
  if (!restored_at_ && returned_.empty()) return false;
  const std::optional<Timestamp> date = parse_timestamp(request.header.date.view());
  if (!date) return true;
  if (restored_at_ && *date < *restored_at_) return true;
  const auto returned = returned_.find(RoutingId(request.identities.front().view()));
  return returned != returned_.end() && *date <= returned->second;
}

void ControllerCore::ask_records(std::vector<MsgId> ids, OnRecords then, Outbox& out) {
  const std::uint64_t token = next_question_++;
  out.ask({token, GetRecords{std::move(ids)}});
  questions_.emplace(token, std::move(then));
}

/// Has the records asked before the request is taken for new.
void ControllerCore::ask_about_past(Channel channel, std::vector<MsgId> ids, Frames frames,
                                    Outbox& out) {
  ask_records(
      std::move(ids),
      [this, channel, frames = std::move(frames)](const std::vector<TaskRecord>& records, Now now,
                                                  Outbox& effects) {
        on_past(channel, frames, records, now, effects);
      },
      out);
}

void ControllerCore::on_past(Channel channel, const Frames& frames,
                             const std::vector<TaskRecord>& records, Now now, Outbox& out) {
  Result<Message> request = wire_.decode(frames, Wire::Replays::kAllow);
  if (!request) return;
  const RoutingId client(frames.front().view());
  if (channel == Channel::kBroadcastClients) {
    BroadcastTree::PastReplies past;
    for (const TaskRecord& record : records) {
      if (record.completed) past.emplace(record.msg_id, stored_reply(client, record, now));
    }
    const std::size_t sent_before = out.outgoing.size();
    broadcast_.on_request(*request, out, past);
    return fence_parts(sent_before, now, out);
  }
  for (const TaskRecord& record : records) {
    if (record.completed) return out.send(channel, stored_reply(client, record, now));
  }
  if (channel == Channel::kTaskClients) {
    return accept_task(frames, *std::move(request), Seen::kPerhaps, now, out);
  }
  const std::size_t sent_before = out.outgoing.size();
  pass_on(channel, frames, Message(*request), now, out);
  if (out.outgoing.size() == sent_before) return;  // it is at its engine already
  Message passed_on = *request;
  std::swap(passed_on.identities[0], passed_on.identities[1]);
  send_fence_behind(note_repeated(Channel::kMuxEngines, std::move(passed_on)), now, out);
}

/// The parts of a broadcast that its engines may have had before are followed by fences.
void ControllerCore::fence_parts(std::size_t sent_before, Now now, Outbox& out) {
  std::set<Place> places;
  for (std::size_t next = sent_before; next < out.outgoing.size(); ++next) {
    const auto* sent = std::get_if<OutgoingMessage>(&out.outgoing[next]);
    if (sent == nullptr || sent->channel != Channel::kBroadcastEngines) continue;
    places.insert(note_repeated(sent->channel, sent->message));
  }
  for (const Place& place : places) send_fence_behind(place, now, out);
}

/// Keeps a direct request, addressed to its engine, until the fence behind it is answered.
ControllerCore::Place ControllerCore::note_repeated(Channel channel, Message request) {
  Place place{EngineUuid(request.identities.front().view()), channel};
  hub_.log().direct_repeated(request.header.msg_id);
  repeated_[place].push_back(std::move(request));
  return place;
}

/// The reply that a record holds, as from its engine to this client.
Message ControllerCore::stored_reply(const RoutingId& client, const TaskRecord& record, Now now) {
  Frame parent(record.header.value_or("{}"));
  const std::string content = record.damage ? error_content({ErrorCode::kBadFormat, *record.damage})
                                            : record.result_content.value_or("{}");
  Message reply = factory_.make(MessageType::kApplyReply, content, now.timestamp, std::move(parent),
                                record.result_metadata.value_or("{}"));
  // A reply that was made up in an engine's place has no whole header of its own.
  const std::string header = record.result_header.value_or("");
  if (auto parsed = parse_header(header); parsed) {
    reply.header = *std::move(parsed);
    reply.header_json = repeated_header(Frame(header), now.timestamp);
  }
  reply.buffers = record.result_buffers;
  reply.identities.push_back(Frame::copy_of(client.view()));
  if (record.engine_uuid) reply.identities.push_back(Frame::copy_of(*record.engine_uuid));
  return reply;
}

// --- the work of a former controller -----------------------------------------------------------

void ControllerCore::restore_tasks(const std::vector<TaskRecord>& unfinished, Now now,
                                   Outbox& out) {
  restored_at_ = now.timestamp;
  run_name_ = format_timestamp(now.timestamp);
  std::vector<const TaskRecord*> waiting;
  std::vector<TaskRecord> direct;
  // First those that run: their engines have no room for others.
  for (const TaskRecord& record : unfinished) {
    const EngineUuid engine(record.engine_uuid.value_or(""));
    if (record.queue == "mux" || record.queue == "broadcast") {
      if (hub_.log().direct_restored(engine, record.msg_id, now, out)) direct.push_back(record);
    } else if (awaits_engine(engine)) {
      restore_task(record, now, out);
    } else {
      waiting.push_back(&record);
    }
  }
  for (const TaskRecord* record : waiting) restore_task(*record, now, out);
  // What runs may have reached its engine, or not: it is told again.
  for (const auto& [id, engine] : hub_.engines().live()) repeat_tasks(engine, now, out);
  repeat_direct(direct, now, out);
  if (unfinished.empty()) return;
  out.log(LogLevel::kInfo,
          std::to_string(unfinished.size()) +
              " unfinished tasks are taken over: " + std::to_string(scheduler_.running_count()) +
              " run, " + std::to_string(scheduler_.waiting_count()) + " wait, " +
              std::to_string(hub_.log().direct().size()) + " are direct ones.");
}

void ControllerCore::restore_task(const TaskRecord& record, Now now, Outbox& out) {
  const std::optional<Message> request = request_in(record);
  const Result<TaskTerms> terms =
      request ? parse_task_terms(request->metadata_json.view())
              : Result<TaskTerms>(Error{ErrorCode::kBadFormat,
                                        record.damage.value_or("its record holds no request")});
  if (!terms) {
    return out.log(LogLevel::kError,
                   "Task " + record.msg_id.str() + " cannot go on: " + terms.error().text);
  }
  TaskPast past = past_of(record);
  // It may have been sent to an engine moments before the crash, and not have been recorded.
  past.attempts = std::max(past.attempts, 1u);
  scheduler_.on_restored({request->header.msg_id, route_of_session(request->header.session),
                          wire_.encode(*request), request->header_json, *terms},
                         past, now.instant, scheduled_);
  carry_out(nullptr, now, out);
}

void ControllerCore::restore_replies(const std::vector<TaskRecord>& finished, Reached reached,
                                     Now now, Outbox& out) {
  for (const TaskRecord& record : finished) {
    const auto session = string_field(record.header.value_or(""), "session");
    if (!session || !record.completed || routes_.is_parked(record.msg_id)) continue;
    if (is_gathered(record)) continue;  // a part: see restore_gatherings()
    Message reply = stored_reply(RoutingId(), record, now);
    reply.identities.erase(reply.identities.begin());
    if (reached == Reached::kNo) out.owed.push_back(record.msg_id);
    park(clients_of(record), SessionId(*session),
         {record.msg_id, wire_.encode(reply), reached == Reached::kMaybe}, out);
  }
}

// --- engines that were cut off -----------------------------------------------------------------

bool ControllerCore::awaits_engine(const EngineUuid& engine) const {
  return hub_.engines().id_of(engine).has_value();
}

void ControllerCore::on_connections_lost(Channel channel, Now now) {
  cut_channels_.try_emplace(channel, now.instant + kCutSettles);
}

void ControllerCore::on_heart_cut(const EngineUuid& engine, Now now) {
  hub_.on_heart_cut(engine, now);
}

/// What was sent on a connection that is gone may not have come through, either way.
void ControllerCore::mend_cuts(Now now, Outbox& out) {
  for (auto cut = cut_channels_.begin(); cut != cut_channels_.end();) {
    if (cut->second > now.instant) {
      ++cut;
      continue;
    }
    const Channel channel = cut->first;
    cut = cut_channels_.erase(cut);
    for (const auto& [id, engine] : hub_.engines().live()) {
      if (channel == Channel::kTaskEngines) {
        repeat_tasks(engine, now, out);
      } else {
        ask_and_repeat_direct(id, out);
      }
    }
  }
}

void ControllerCore::catch_up_engine(const EngineUuid& engine, Now now, Outbox& out) {
  repeat_tasks(engine, now, out);
  if (const auto id = hub_.engines().id_of(engine)) ask_and_repeat_direct(*id, out);
}

/// The engine is sent all load-balanced tasks again that it has not answered.
void ControllerCore::repeat_tasks(const EngineUuid& engine, Now now, Outbox& out) {
  std::vector<MsgId> ids = scheduler_.running_on(engine);
  if (ids.empty()) return;
  for (const MsgId& id : ids) send_attempt(*scheduler_.running_attempt(id), out);
  send_fence(Channel::kTaskEngines, engine, std::move(ids), now, out);
}

void ControllerCore::ask_and_repeat_direct(EngineId engine, Outbox& out) {
  std::vector<MsgId> pending = hub_.log().direct().pending_on(engine);
  if (pending.empty() || !hub_.log().keeps_records()) return;
  ask_records(
      std::move(pending),
      [this](const std::vector<TaskRecord>& records, Now now, Outbox& effects) {
        repeat_direct(records, now, effects);
      },
      out);
}

/// Engines are sent direct requests again that they have not answered.
void ControllerCore::repeat_direct(const std::vector<TaskRecord>& records, Now now, Outbox& out) {
  std::map<Place, std::vector<Message>> repeated;
  for (const TaskRecord& record : records) {
    if (!hub_.log().direct().is_pending(record.msg_id)) continue;
    std::optional<Message> request = request_in(record);
    if (!request) continue;
    const EngineUuid engine(record.engine_uuid.value_or(""));
    const bool is_mux = record.queue == "mux";
    const Channel channel = is_mux ? Channel::kMuxEngines : Channel::kBroadcastEngines;
    request->identities = {Frame::copy_of(engine.view()),
                           Frame::copy_of(route_of_session(request->header.session).view())};
    hub_.log().direct_repeated(record.msg_id);
    out.send(channel, *request);
    repeated[{engine, channel}].push_back(*std::move(request));
  }
  for (auto& [place, requests] : repeated) {
    repeated_[place] = std::move(requests);
    send_fence_behind(place, now, out);
  }
}

/// The direct requests repeated at this place are followed by a fence.
void ControllerCore::send_fence_behind(const Place& place, Now now, Outbox& out) {
  std::vector<MsgId> ids;
  for (const Message& request : repeated_[place]) ids.push_back(request.header.msg_id);
  send_fence(place.second, place.first, std::move(ids), now, out);
}

void ControllerCore::send_fence(Channel channel, const EngineUuid& engine,
                                std::vector<MsgId> repeated, Now now, Outbox& out) {
  Message fence = factory_.make(MessageType::kKernelInfoRequest, "{}", now.timestamp);
  fence.identities = {Frame::copy_of(engine.view()), Frame::copy_of(CatchUp::kMark)};
  catch_up_.begin(channel, engine, fence.header.msg_id, std::move(repeated));
  out.send(channel, std::move(fence));
}

/// True when the message answers a fence, and is dealt with.
bool ControllerCore::on_fence(Channel channel, const Message& reply, Now now, Outbox& out) {
  if (reply.identities.size() < 2 || reply.identities[1].view() != CatchUp::kMark) return false;
  const EngineUuid engine(reply.identities.front().view());
  const auto fence = string_field(reply.parent_json.view(), "msg_id");
  const auto ids = catch_up_.on_answer(channel, engine, MsgId(fence.value_or("")));
  if (!ids) return true;
  // Engines of our own answer fences beside their tasks, and lose none.
  const bool is_ours =
      string_field(reply.content_json.view(), "implementation") == std::string("trireme");
  if (!is_ours && channel == Channel::kTaskEngines) {
    for (const MsgId& id : *ids) {
      scheduler_.on_attempt_lost(engine, id, now.instant, scheduled_);
      carry_out(nullptr, now, out);
    }
  } else if (!is_ours) {
    rerun_direct(channel, engine, out);
  }
  repeated_.erase({engine, channel});
  return true;
}

/// The replies to these direct requests got lost: they are asked anew, under other signatures.
void ControllerCore::rerun_direct(Channel channel, const EngineUuid& engine, Outbox& out) {
  const auto repeated = repeated_.find({engine, channel});
  if (repeated == repeated_.end()) return;
  for (Message& request : repeated->second) {
    if (!hub_.log().direct().is_pending(request.header.msg_id)) continue;
    request.header_json = numbered_header(request.header_json, ++direct_reruns_ + 1, run_name_);
    out.send(channel, std::move(request));
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
