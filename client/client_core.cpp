#include "client/client_core.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "session/result.hpp"
#include "session/value_codec.hpp"
#include "session/wire.hpp"

namespace trireme {
namespace {

constexpr std::string_view kProtocolVersion = "5.3";
/// Ends tasks that wait in the scheduler of a controller of ours; travels behind them.
constexpr std::string_view kCancelRequest = "cancel_request";

/// The request a reply or an output belongs to; empty for unparented messages.
std::optional<Header> parent_of(const Message& message) {
  Result<Header> parent = parse_header(message.parent_json.view());
  if (!parent) return std::nullopt;
  return std::move(*parent);
}

EngineUuid uuid_at(const Value& content) {
  const Value* uuid = content.find("uuid");
  return EngineUuid(uuid != nullptr && uuid->is_string() ? uuid->as_string() : std::string());
}

std::optional<EngineId> id_at(const Value& content) {
  const Value* id = content.find("id");
  if (id == nullptr || !id->is_int() || !std::in_range<std::int32_t>(id->as_int())) {
    return std::nullopt;
  }
  return EngineId(static_cast<std::int32_t>(id->as_int()));
}

MsgId broadcast_part(const MsgId& shared, const EngineUuid& engine) {
  return MsgId(shared.str() + "_" + engine.str());
}

}  // namespace

ClientCore::ClientCore(SessionId session, ClientCoreOptions options)
    : options_(std::move(options)),
      messages_(std::move(session), options_.username, options_.process_tag),
      sent_(options_.pace) {}

void ClientCore::on_start(Now now, ClientOutbox& out) {
  ask_for_engines(now, out);
  for (const auto pause : options_.refresh_after) {
    schedule({now.instant + pause, Deadline::Kind::kRefresh, {}, {}});
  }
}

void ClientCore::ask_for_engines(Now now, ClientOutbox& out) {
  engines_.begin_refresh();
  Message request = messages_.make(MessageType::kConnectionRequest, "{}", now.timestamp);
  refresh_ = request.header.msg_id;
  out.send(ClientChannel::kQuery, std::move(request));
}

void ClientCore::on_submit(Submission submission, Now now, ClientOutbox& out) {
  Message message;
  message.header = {submission.msg_id,
                    submission.msg_type,
                    options_.username,
                    messages_.session(),
                    ShortText(format_timestamp(now.timestamp)),
                    std::string(kProtocolVersion)};
  message.header_json = Frame(header_json(message.header));
  message.metadata_json = std::move(submission.metadata);
  message.content_json = std::move(submission.content);
  message.buffers = std::move(submission.buffers);
  const bool is_broadcast = submission.channel == ClientChannel::kBroadcast;
  const bool is_addressed =
      submission.channel == ClientChannel::kMux || submission.channel == ClientChannel::kControl;
  if (is_addressed) message.identities.push_back(Frame(submission.engines.front().str()));
  const std::size_t answers = is_broadcast ? submission.engines.size() : 1;
  add_pending(submission, send(submission.channel, std::move(message), answers, out));
  for (const EngineUuid& engine : submission.engines) {
    // It left between the caller's look at the table and now.
    if (!engines_.contains(engine)) fail_tasks_of(engine, now, out);
  }
}

void ClientCore::add_pending(const Submission& submission,
                             const std::optional<SentRequests::Number>& kept) {
  Pending pending{.channel = submission.channel,
                  .task = submission.task,
                  .engine = {},
                  .broadcast = {},
                  .shows_output = submission.shows_output,
                  .ends_with_its_engine = submission.ends_with_its_engine,
                  .runs_once = !may_be_repeated(submission.channel, submission.msg_type),
                  .kept = kept};
  if (submission.channel != ClientChannel::kBroadcast) {
    if (!submission.engines.empty()) pending.engine = submission.engines.front();
    pending_.emplace(submission.msg_id, std::move(pending));
    return;
  }
  std::vector<MsgId> parts;
  for (const EngineUuid& engine : submission.engines) {
    pending.engine = engine;
    if (submission.is_coalescing) pending.broadcast = submission.msg_id;
    parts.push_back(broadcast_part(submission.msg_id, engine));
    pending_.emplace(parts.back(), pending);
    ++pending.task.index;
  }
  if (submission.is_coalescing) coalescing_.emplace(submission.msg_id, std::move(parts));
}

void ClientCore::on_watch(std::vector<MsgId> ids, CallTask first, Now now, ClientOutbox& out) {
  watches_.add(std::move(ids), std::move(first), now, messages_, out);
}

void ClientCore::on_abort(std::optional<std::vector<MsgId>> ids, Now now, ClientOutbox& out) {
  if (!ids.has_value()) {
    ids.emplace();
    for (const auto& [id, pending] : pending_) {
      const bool is_task = pending.channel != ClientChannel::kQuery &&
                           pending.channel != ClientChannel::kControl &&
                           pending.task.call != nullptr;
      if (is_task && !pending.replied) ids->push_back(id);
    }
  }
  if (ids->empty()) return;
  // What waits in the scheduler is ended there; direct tasks wait at their engine, others may be on
  // any of them.
  if (controller_resumes_) {
    List named;
    for (const MsgId& id : *ids) named.emplace_back(id.str());
    Message request =
        messages_.make(kCancelRequest, to_json(Dict{{"msg_ids", std::move(named)}}), now.timestamp);
    const MsgId id = request.header.msg_id;
    Pending pending{.channel = ClientChannel::kTask, .task = {}, .engine = {}, .broadcast = {}};
    pending.kept = send(ClientChannel::kTask, std::move(request), 1, out);
    pending_.emplace(id, std::move(pending));
  }
  std::map<EngineUuid, List> by_engine;
  for (const MsgId& id : *ids) {
    const auto found = pending_.find(id);
    if (found != pending_.end() && !found->second.engine.empty()) {
      by_engine[found->second.engine].emplace_back(id.str());
      continue;
    }
    for (const auto& [number, uuid] : engines()) by_engine[uuid].emplace_back(id.str());
  }
  for (auto& [uuid, list] : by_engine) {
    Message request = messages_.make(MessageType::kAbortRequest,
                                     to_json(Dict{{"msg_ids", std::move(list)}}), now.timestamp);
    request.identities.push_back(Frame(uuid.str()));
    const MsgId id = request.header.msg_id;
    Pending pending{
        .channel = ClientChannel::kControl, .task = {}, .engine = uuid, .broadcast = {}};
    pending.kept = send(ClientChannel::kControl, std::move(request), 1, out);
    pending_.emplace(id, std::move(pending));
  }
}

void ClientCore::on_message(ClientChannel channel, const Message& message, Now now,
                            ClientOutbox& out) {
  if (channel == ClientChannel::kNotification) return on_notification(message, now, out);
  const std::optional<Header> parent = parent_of(message);
  if (channel == ClientChannel::kIopub) {
    if (parent.has_value() && parent->session == messages_.session()) {
      on_output(parent->msg_id, message, now, out);
    }
    return;
  }
  if (!parent.has_value()) {
    ++late_replies_;
  } else if (channel == ClientChannel::kQuery) {
    on_query_reply(parent->msg_id, message, now, out);
  } else {
    on_task_reply(parent->msg_id, message, now, out);
  }
}

void ClientCore::on_query_reply(const MsgId& parent, const Message& message, Now now,
                                ClientOutbox& out) {
  if (parent == refresh_) return on_engine_list(message, now, out);
  if (watches_.on_reply(parent, message, now, messages_, out)) return;
  const auto found = pending_.find(parent);
  if (found == pending_.end() || found->second.channel != ClientChannel::kQuery) {
    ++late_replies_;
    return;
  }
  finish(found, read_hub_reply(message, now.timestamp), now, out);
}

void ClientCore::on_task_reply(const MsgId& parent, const Message& message, Now now,
                               ClientOutbox& out) {
  if (!coalescing_.empty()) {
    const Result<Value> metadata = decode_plain_json(message.metadata_json.view());
    const Value* original = metadata ? metadata->find("original_msg_id") : nullptr;
    if (original != nullptr && original->is_string() &&
        coalescing_.contains(MsgId(original->as_string()))) {
      return on_coalesced_reply(MsgId(original->as_string()), message, now, out);
    }
  }
  const auto found = pending_.find(parent);
  if (found == pending_.end() || found->second.replied) {
    ++late_replies_;
    return;
  }
  finish(found, read_call_reply(message, now.timestamp), now, out);
}

void ClientCore::on_coalesced_reply(const MsgId& shared, const Message& message, Now now,
                                    ClientOutbox& out) {
  const auto group = coalescing_.find(shared);
  const std::vector<MsgId> parts = std::move(group->second);
  coalescing_.erase(group);
  const Result<Value> metadata = decode_plain_json(message.metadata_json.view());
  const Value* targets = metadata ? metadata->find("broadcast_targets") : nullptr;
  std::vector<MsgId> order;
  if (targets != nullptr && targets->is_list()) {
    for (const Value& target : targets->as_list()) {
      const bool is_pair = target.is_list() && target.size() == 2 && target.at(0).is_string();
      order.push_back(is_pair ? broadcast_part(shared, EngineUuid(target.at(0).as_string()))
                              : MsgId());
    }
  }
  if (order.empty()) order = parts;  // a failure need not say whose it is
  const std::vector<CallReply> replies = read_joined_reply(message, now.timestamp, order.size());
  const CallReply missing =
      replies.front().failure_kind != CallFailureKind::kNone
          ? replies.front()
          : make_failed_reply(CallFailureKind::kFormat, "FormatError",
                              "the joined reply of a broadcast has no result of this engine");
  for (const MsgId& part : parts) {
    const auto found = pending_.find(part);
    if (found == pending_.end() || found->second.replied) continue;
    const auto place =
        static_cast<std::size_t>(std::find(order.begin(), order.end(), part) - order.begin());
    finish(found, place < replies.size() ? replies[place] : missing, now, out);
  }
}

void ClientCore::fill_engine(const Pending& pending, CallReply& reply) const {
  if (reply.engine_uuid.empty()) reply.engine_uuid = pending.engine.str();
  if (reply.engine_uuid.empty()) return;
  if (const auto id = engines_.id_of(EngineUuid(reply.engine_uuid))) reply.engine_id = id->value();
}

void ClientCore::finish(PendingMap::iterator at, CallReply reply, Now now, ClientOutbox& out) {
  Pending& pending = at->second;
  fill_engine(pending, reply);
  const bool more_to_come = pending.shows_output && !reply.output_is_complete;
  if (!pending.shows_output) reply.output_is_complete = true;
  pending.replied = true;
  if (pending.kept.has_value()) sent_.take_answer(pending.channel, *pending.kept);
  out.end(pending.task, std::move(reply));
  if (!more_to_come) {
    pending_.erase(at);
    return;
  }
  schedule({now.instant + options_.output_grace, Deadline::Kind::kOutputGrace, at->first, {}});
}

void ClientCore::on_output(const MsgId& parent, const Message& message, Now, ClientOutbox& out) {
  const auto found = pending_.find(parent);
  if (found == pending_.end()) return;
  std::optional<CallOutput> output = read_call_output(message);
  if (!output.has_value()) return;
  const bool is_last = output->kind == CallOutput::Kind::kIdle;
  out.show(found->second.task, std::move(*output));
  if (!is_last) return;
  found->second.shows_output = false;
  if (found->second.replied) pending_.erase(found);
}

void ClientCore::on_notification(const Message& message, Now now, ClientOutbox& out) {
  const std::optional<MessageType> type = message_type(message.header.msg_type);
  if (type == MessageType::kShutdownNotification) {
    out.controller_is_gone = true;
    return;
  }
  const Result<Value> content = decode_plain_json(message.content_json.view());
  if (!content) return;
  const EngineUuid uuid = uuid_at(*content);
  const std::optional<EngineId> id = id_at(*content);
  if (uuid.empty()) return;
  if (type == MessageType::kRegistrationNotification && id.has_value()) {
    out.engines_changed |= engines_.add(*id, uuid);
  } else if (type == MessageType::kUnregistrationNotification && engines_.remove(uuid)) {
    engine_left(uuid, now.instant + options_.death_grace, out);
  }
}

void ClientCore::engine_left(const EngineUuid& uuid, Instant verdict, ClientOutbox& out) {
  out.engines_changed = true;
  schedule({verdict, Deadline::Kind::kEngineDeath, {}, uuid});
}

void ClientCore::on_engine_list(const Message& message, Now now, ClientOutbox& out) {
  refresh_ = {};
  const Result<Value> content = decode_plain_json(message.content_json.view());
  const Value* listed = content ? content->find("engines") : nullptr;
  if (listed == nullptr || !listed->is_dict()) return;
  std::map<EngineId, EngineUuid> engines;
  for (const auto& [id, uuid] : listed->as_dict()) {
    std::int32_t number = 0;
    const auto [stop, failure] = std::from_chars(id.data(), id.data() + id.size(), number);
    if (failure != std::errc{} || stop != id.data() + id.size() || !uuid.is_string()) continue;
    engines.emplace(EngineId(number), EngineUuid(uuid.as_string()));
  }
  const KnownEngines::Changes changes = engines_.end_refresh(engines);
  out.engines_changed |= changes.any || !connected_;
  connected_ = true;
  controller_resumes_ = content->find("trireme") != nullptr;
  const Instant verdict = std::max(now.instant + options_.death_grace, engines_settle_);
  for (const EngineUuid& uuid : changes.gone) engine_left(uuid, verdict, out);
}

CallReply ClientCore::death_of(const EngineUuid& uuid, const MsgId& id, const Pending& pending,
                               Now now) const {
  if (pending.ends_with_its_engine) {
    CallReply reply;
    reply.received = now.timestamp;
    reply.output_is_complete = true;
    return reply;
  }
  const auto number = engines_.id_of(uuid);
  std::string text =
      "Engine " + (number.has_value() ? std::to_string(number->value()) : "'" + uuid.str() + "'");
  text += pending.engine == uuid ? " died while running task '" + id.str() + "'"
                                 : " died, and with it the joined reply of all engines";
  CallReply reply = make_failed_reply(CallFailureKind::kEngineDied, "EngineError", std::move(text));
  reply.received = now.timestamp;
  reply.failure.engine_uuid = uuid.str();
  return reply;
}

void ClientCore::fail_tasks_of(const EngineUuid& uuid, Now now, ClientOutbox& out) {
  std::vector<MsgId> lost;
  for (const auto& [id, pending] : pending_) {
    if (pending.engine != uuid || pending.replied) continue;
    lost.push_back(id);
    // One reply answers for all engines of a coalescing broadcast: without this one it never comes.
    const auto group = coalescing_.find(pending.broadcast);
    if (group == coalescing_.end()) continue;
    lost.insert(lost.end(), group->second.begin(), group->second.end());
    coalescing_.erase(group);
  }
  for (const MsgId& id : lost) {
    const auto found = pending_.find(id);
    if (found == pending_.end() || found->second.replied) continue;
    finish(found, death_of(uuid, id, found->second, now), now, out);
  }
}

void ClientCore::schedule(Deadline deadline) {
  const Instant due = deadline.due;
  deadlines_.emplace(due, std::move(deadline));
}

void ClientCore::on_deadline(Now now, ClientOutbox& out) {
  watches_.on_deadline(now, messages_, out);
  sent_.on_deadline(now.instant, out);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.instant) {
    const Deadline deadline = std::move(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    switch (deadline.kind) {
      case Deadline::Kind::kEngineDeath:
        if (!engines_.contains(deadline.engine)) fail_tasks_of(deadline.engine, now, out);
        break;
      case Deadline::Kind::kRefresh:
        ask_for_engines(now, out);
        break;
      case Deadline::Kind::kOutputGrace:
        const auto found = pending_.find(deadline.msg_id);
        if (found == pending_.end()) break;
        out.show(found->second.task, {CallOutput::Kind::kIdle, {}, {}});
        pending_.erase(found);
        break;
    }
  }
}

std::optional<Instant> ClientCore::next_deadline() const {
  std::optional<Instant> next = watches_.next_deadline();
  if (const auto batch = sent_.next_deadline()) next = std::min(next.value_or(*batch), *batch);
  if (!deadlines_.empty()) {
    const Instant first = deadlines_.begin()->first;
    next = std::min(next.value_or(first), first);
  }
  return next;
}

void ClientCore::on_close(const std::string& reason, ClientOutbox& out) {
  const CallReply closed =
      make_failed_reply(CallFailureKind::kConnection, "ConnectionError", reason);
  watches_.fail_all(closed, out);
  for (auto& [id, pending] : pending_) {
    if (pending.replied) {
      out.show(pending.task, {CallOutput::Kind::kIdle, {}, {}});
    } else {
      out.end(pending.task, closed);
    }
  }
  pending_.clear();
  sent_.clear();
  coalescing_.clear();
  deadlines_.clear();
}

void ClientCore::check_invariants() const {
  engines_.check_invariants();
  sent_.check_invariants();
  for (const auto& [id, pending] : pending_) {
    TRIREME_CHECK(!pending.replied || pending.shows_output,
                  "request " + id.str() + " waits for nothing");
  }
  for (const auto& [shared, parts] : coalescing_) {
    for (const MsgId& part : parts) {
      TRIREME_CHECK(pending_.contains(part), "a broadcast waits for a part that is not pending");
    }
  }
}

}  // namespace trireme
