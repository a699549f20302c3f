// Membership: engines and clients join, leave and are told of each other.
#include "controller/hub/hub.hpp"

#include <algorithm>
#include <utility>

#include "db/python_repr.hpp"

namespace trireme {

constexpr std::array<Hub::Route, 13> Hub::kRoutes{{
    {MessageType::kRegistrationRequest, &Hub::register_engine, false},
    {MessageType::kUnregistrationRequest, &Hub::unregister_engine, false},
    {MessageType::kConnectionRequest, &Hub::connect_client, false},
    {MessageType::kShutdownRequest, &Hub::shut_down, false},
    {MessageType::kQueueRequest, &Hub::queue_status, true},
    {MessageType::kLoadRequest, &Hub::check_load, false},
    {MessageType::kResultRequest, &Hub::get_results, true},
    {MessageType::kHistoryRequest, &Hub::get_history, true},
    {MessageType::kDbRequest, &Hub::query_records, true},
    {MessageType::kPurgeRequest, &Hub::purge_results, true},
    {MessageType::kResubmitRequest, &Hub::resubmit_tasks, true},
    {MessageType::kBecomeDaskRequest, &Hub::refuse_dask, false},
    {MessageType::kStopDistributedRequest, &Hub::refuse_stop_distributed, false},
}};

Hub::Hub(Options options, MessageFactory& factory, const TaskQueueView& tasks)
    : options_(std::move(options)),
      factory_(factory),
      tasks_(tasks),
      registry_(options_.registry),
      hearts_(options_.heart),
      log_(registry_, options_.keeps_records) {}

bool Hub::handles(MessageType type) {
  return std::any_of(kRoutes.begin(), kRoutes.end(),
                     [type](const Route& route) { return route.type == type; });
}

void Hub::on_request(const Message& request, Now now, Outbox& out) {
  const auto type = message_type(request.header.msg_type);
  for (const Route& route : kRoutes) {
    if (type != route.type) continue;
    if (route.asks_store && open_questions_.size() >= kOpenQuestionsMax) {
      return fail(asker_of(request), MessageType::kHubError,
                  {ErrorCode::kBusy, "Too many questions about records are open; ask again later."},
                  now, out);
    }
    return (this->*route.handler)(request, now, out);
  }
  const std::string text = "Bad Message Type: " + python_repr(request.header.msg_type);
  out.log(LogLevel::kWarning,
          "A request of unknown type " + python_repr(request.header.msg_type) + " was refused.");
  fail(asker_of(request), MessageType::kHubError, {ErrorCode::kKeyError, python_repr(text)}, now,
       out);
}

Hub::Asker Hub::asker_of(const Message& request) {
  return {request.identities, request.header_json};
}

void Hub::answer(const Asker& asker, MessageType type, std::string content, Now now, Outbox& out,
                 Frames buffers) {
  Message reply = factory_.make(type, std::move(content), now.timestamp, asker.header_json);
  reply.identities = asker.identities;
  reply.buffers = std::move(buffers);
  out.send(Channel::kQuery, std::move(reply));
}

void Hub::notify(MessageType type, std::string content, Now now, Outbox& out, Frame parent) {
  out.send(Channel::kNotification,
           factory_.make(type, std::move(content), now.timestamp, std::move(parent)));
}

void Hub::fail(const Asker& asker, MessageType type, const Error& error, Now now, Outbox& out) {
  answer(asker, type, error_content(error), now, out);
}

void Hub::ask(const Asker& asker, StoreRequest request, OnReply then, Outbox& out) {
  const std::uint64_t token = next_token_++;
  open_questions_.emplace(token, std::move(then));
  const RoutingId who(asker.identities.empty() ? std::string_view{}
                                               : asker.identities.front().view());
  if (auto question = lanes_.add(who, {token, std::move(request)})) out.ask(*std::move(question));
}

void Hub::on_store_answer(StoreAnswer answer, Now now, Outbox& out) {
  const auto found = open_questions_.find(answer.token);
  TRIREME_CHECK(found != open_questions_.end(), "an answer to a question nobody asked");
  const OnReply then = std::move(found->second);
  open_questions_.erase(found);
  then(refuse_damaged(std::move(answer.reply)), now, out);
  if (auto next = lanes_.answered(answer.token)) out.ask(*std::move(next));
}

void Hub::register_engine(const Message& request, Now now, Outbox& out) {
  const auto wish = read_registration_request(request.content_json.view());
  if (!wish) {
    out.log(LogLevel::kWarning,
            "A registration without a usable uuid was ignored: " + wish.error().text);
    return;
  }
  // The parent of this reply is empty, as engines expect.
  const Asker asker{request.identities, Frame()};
  const auto id = registry_.begin(wish->uuid, wish->id, now.instant);
  if (!id) {
    out.log(LogLevel::kWarning,
            "Engine " + wish->uuid.str() + " was not registered: " + id.error().text);
    return fail(asker, MessageType::kRegistrationReply, id.error(), now, out);
  }
  out.log(LogLevel::kInfo, "Engine " + std::to_string(id->value()) + " (" + wish->uuid.str() +
                               ") registers; it joins when its heart beats.");
  // The id is told to nobody before it is on the list: who dies unheard of unregisters by it.
  out.engines_changed = true;
  answer(asker, MessageType::kRegistrationReply,
         registration_content(*id, hearts_.period().count(), options_.connection_info_json), now,
         out);
  hearts_.ping_eagerly(now.instant);
}

void Hub::unregister_engine(const Message& request, Now now, Outbox& out) {
  const auto wish = read_unregistration_request(request.content_json.view());
  std::optional<EngineId> id = wish ? wish->id : std::nullopt;
  if (wish && wish->uuid) {
    // The id may be another engine's by now: the uuid tells.
    id = registry_.id_of(*wish->uuid);
    if (!id) id = registry_.awaited_id_of(*wish->uuid);
  }
  if (!id) {
    out.log(LogLevel::kInfo, "An unregistration without the id of an engine was ignored.");
    return;
  }
  if (registry_.is_live(*id)) return engine_left(*id, "it unregistered", now, out);
  if (registry_.cancel_pending(*id)) {
    out.log(LogLevel::kInfo,
            "Engine " + std::to_string(id->value()) + " withdrew its registration.");
  }
}

void Hub::connect_client(const Message& request, Now now, Outbox& out) {
  answer(asker_of(request), MessageType::kConnectionReply, connection_content(registry_.live()),
         now, out);
}

void Hub::shut_down(const Message& request, Now now, Outbox& out) {
  const std::string content = "{\"status\": \"ok\"}";
  answer(asker_of(request), MessageType::kShutdownReply, content, now, out);
  notify(MessageType::kShutdownNotification, content, now, out, request.header_json);
  out.log(LogLevel::kInfo, "A client asked the controller to shut down.");
  out.stop_requested = true;
}

void Hub::refuse_dask(const Message& request, Now now, Outbox& out) {
  answer(asker_of(request), MessageType::kBecomeDaskReply,
         error_content_json("ImportError", "This controller cannot become a Dask scheduler."), now,
         out);
}

void Hub::refuse_stop_distributed(const Message& request, Now now, Outbox& out) {
  answer(asker_of(request), MessageType::kStopDistributedReply,
         error_content_json("ImportError", "This controller runs no Dask scheduler."), now, out);
}

void Hub::on_pong(const EngineUuid& heart, std::string_view payload, Now now, Outbox& out) {
  // Only engines that have registered are listened to: hearts are not signed.
  const bool is_awaited = registry_.is_awaited(heart);
  if (!is_awaited && !registry_.id_of(heart)) return;
  if (hearts_.on_pong(heart, payload) == HeartMonitor::Pong::kStray) {
    out.log(LogLevel::kDebug, "The heart of " + heart.str() + " answered an old ping.");
    return;
  }
  cut_off_.erase(heart);
  if (!is_awaited) return;
  if (const auto id = registry_.on_beat(heart)) engine_joined(*id, heart, now, out);
}

void Hub::on_heart_cut(const EngineUuid& heart, Now now) {
  if (!registry_.id_of(heart)) return;
  cut_off_.insert_or_assign(heart, now.instant + kCutOffPatience);
  hearts_.ping_eagerly(now.instant);
}

void Hub::engine_joined(EngineId id, const EngineUuid& uuid, Now now, Outbox& out) {
  out.engine_changes.push_back({EngineChange::Kind::kJoined, id, uuid});
  notify(MessageType::kRegistrationNotification, engine_content(id, uuid), now, out);
  out.log(LogLevel::kInfo,
          "Engine " + std::to_string(id.value()) + " (" + uuid.str() + ") has joined.");
  if (registry_.pending_count() == 0 && cut_off_.empty()) hearts_.stop_eager_pings();
}

void Hub::engine_left(EngineId id, std::string_view reason, Now now, Outbox& out) {
  const auto uuid = registry_.remove(id);
  if (!uuid) return;
  hearts_.forget(*uuid);
  cut_off_.erase(*uuid);
  log_.forget_counts(id);
  stranded_.push_back({now.instant + options_.registry.registration_timeout, id, *uuid});
  out.engine_changes.push_back({EngineChange::Kind::kLeft, id, *uuid});
  notify(MessageType::kUnregistrationNotification, engine_content(id, *uuid), now, out);
  out.log(LogLevel::kInfo, "Engine " + std::to_string(id.value()) + " (" + uuid->str() +
                               ") has left: " + std::string(reason) + ".");
}

void Hub::on_output(const Message& message, Now now, Outbox& out) {
  if (message_type(message.header.msg_type) == MessageType::kShutdownReply) {
    const auto id = registry_.id_of(EngineUuid(message.header.session.view()));
    if (id) engine_left(*id, "it was shut down", now, out);
    return;
  }
  log_.output(message, out);
}

void Hub::on_deadline(Now now, Outbox& out) {
  HeartMonitor::Beat beat = hearts_.on_deadline(now.instant);
  for (const EngineUuid& heart : beat.failed) {
    if (const auto id = registry_.id_of(heart)) engine_left(*id, "its heart stopped", now, out);
  }
  std::vector<EngineUuid> stayed_away;
  for (const auto& [heart, patience] : cut_off_) {
    if (patience <= now.instant) stayed_away.push_back(heart);
  }
  for (const EngineUuid& heart : stayed_away) {
    cut_off_.erase(heart);
    if (const auto id = registry_.id_of(heart)) {
      engine_left(*id, "its connection closed and did not come back", now, out);
    }
  }
  for (const EngineUuid& heart : beat.on_probation) {
    out.log(LogLevel::kDebug, "The heart of " + heart.str() + " missed a beat.");
  }
  if (beat.ping) out.send(Channel::kHeartPing, Frames{Frame(std::move(*beat.ping))});
  for (const EngineId id : registry_.on_deadline(now.instant)) {
    out.log(LogLevel::kWarning, "Engine " + std::to_string(id.value()) +
                                    " registered, but its heart does not beat; it may still join.");
  }
  if (registry_.pending_count() == 0 && cut_off_.empty()) hearts_.stop_eager_pings();
  while (!stranded_.empty() && stranded_.front().deadline <= now.instant) {
    const Stranded gone = std::move(stranded_.front());
    stranded_.pop_front();
    log_.give_up_engine(gone.id, gone.uuid, now, out);
  }
}

std::optional<Instant> Hub::next_deadline() const {
  std::optional<Instant> earliest = hearts_.next_deadline();
  const auto consider = [&earliest](std::optional<Instant> deadline) {
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  };
  consider(registry_.next_deadline());
  if (!stranded_.empty()) consider(stranded_.front().deadline);
  for (const auto& [heart, patience] : cut_off_) consider(patience);
  return earliest;
}

Result<void> Hub::restore(std::string_view engines_json, Outbox& out) {
  const std::map<EngineId, EngineUuid> before = registry_.live();
  if (auto restored = registry_.restore(engines_json); !restored) return restored;
  for (const auto& [id, uuid] : registry_.live()) {
    if (before.contains(id)) continue;
    hearts_.watch(uuid);
    out.engine_changes.push_back({EngineChange::Kind::kJoined, id, uuid});
    out.log(LogLevel::kInfo, "Engine " + std::to_string(id.value()) + " (" + uuid.str() +
                                 ") is taken over from an earlier run.");
  }
  return {};
}

std::string Hub::describe() const {
  return "{\"engines\": " + std::to_string(registry_.live().size()) +
         ", \"registrations_pending\": " + std::to_string(registry_.pending_count()) +
         ", \"hearts\": " + std::to_string(hearts_.known_count()) +
         ", \"direct_tasks_pending\": " + std::to_string(log_.direct().size()) +
         ", \"engines_stranded\": " + std::to_string(stranded_.size()) +
         ", \"store_questions_open\": " + std::to_string(open_questions_.size()) + "}";
}

void Hub::check_invariants() const {
  registry_.check_invariants();
  hearts_.check_invariants();
  log_.direct().check_invariants();
  lanes_.check_invariants();
}

}  // namespace trireme
