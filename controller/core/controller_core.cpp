#include "controller/core/controller_core.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/hub/relay.hpp"
#include "controller/recovery/attempt_header.hpp"

namespace trireme {
namespace {

/// Ends tasks of the load-balanced queue that wait (docs/protocol.md, extensions). It comes on
/// their own channel, so that it does not overtake them.
constexpr std::string_view kCancelRequest = "cancel_request";

// The hub counts its questions to the store from 1; those of the scheduler have this bit.
constexpr std::uint64_t kLookUpTokens = 1ULL << 63;
// And those about records have this one.
constexpr std::uint64_t kQuestionTokens = 1ULL << 62;

// Who is behind a message that failed: the first frame, on channels where it is an identity.
std::string_view sender_of(const Frames& frames) {
  return frames.empty() || frames.front().view() == kDelimiter ? std::string_view{}
                                                               : frames.front().view();
}

std::uint64_t bytes_of(const Frames& frames) {
  std::uint64_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.size();
  return bytes;
}

Frames tail(Frames& frames, std::size_t from) {
  return Frames(std::make_move_iterator(frames.begin() + static_cast<std::ptrdiff_t>(from)),
                std::make_move_iterator(frames.end()));
}

}  // namespace

std::string_view channel_name(Channel channel) {
  switch (channel) {
    case Channel::kQuery:
      return "the query channel";
    case Channel::kNotification:
      return "the notification channel";
    case Channel::kMuxClients:
    case Channel::kMuxEngines:
      return "the mux channel";
    case Channel::kControlClients:
    case Channel::kControlEngines:
      return "the control channel";
    case Channel::kTaskClients:
    case Channel::kTaskEngines:
      return "the task channel";
    case Channel::kBroadcastClients:
    case Channel::kBroadcastEngines:
      return "the broadcast channel";
    case Channel::kIopubEngines:
    case Channel::kIopubClients:
      return "the iopub channel";
    case Channel::kHeartPing:
    case Channel::kHeartPong:
      return "the heartbeat channel";
  }
  return "an unknown channel";
}

ControllerCore::ControllerCore(Options options, Wire wire, MessageFactory factory,
                               std::mt19937_64 random)
    : options_(std::move(options)),
      wire_(std::move(wire)),
      factory_(std::move(factory)),
      scheduler_(options_.scheduler, random),
      hub_(options_.hub, factory_, queue_view_),
      broadcast_(hub_.engines(), hub_.log()),
      next_look_up_(kLookUpTokens),
      next_question_(kQuestionTokens) {}

void ControllerCore::on_frames(Channel channel, Frames frames, Now now, Outbox& out) {
  switch (channel) {
    case Channel::kQuery:
      if (const auto request = decode(channel, frames, out, Wire::Replays::kRefuse)) {
        hub_.on_request(*request, now, out);
      }
      break;
    case Channel::kMuxClients:
    case Channel::kMuxEngines:
    case Channel::kIopubEngines:
      relay_message(channel, std::move(frames), now, out);
      break;
    case Channel::kControlClients:
    case Channel::kControlEngines:
      relay_control(channel, std::move(frames), out);
      break;
    case Channel::kTaskClients:
      submit_task(std::move(frames), now, out);
      break;
    case Channel::kTaskEngines:
      finish_task(std::move(frames), now, out);
      break;
    case Channel::kBroadcastClients:
      start_broadcast(std::move(frames), out);
      break;
    case Channel::kBroadcastEngines:
      if (auto reply = decode(channel, frames, out);
          reply && !on_fence(channel, *reply, now, out)) {
        broadcast_.on_reply(std::move(frames), *std::move(reply), now, out);
      }
      break;
    case Channel::kHeartPong:
      if (frames.size() == 2) {
        const EngineUuid engine(frames[0].view());
        const bool was_cut_off = hub_.is_cut_off(engine);
        hub_.on_pong(engine, frames[1].view(), now, out);
        if (was_cut_off && !hub_.is_cut_off(engine)) catch_up_engine(engine, now, out);
      }
      break;
    case Channel::kNotification:
    case Channel::kIopubClients:
    case Channel::kHeartPing:
      break;  // nothing is ever received here
  }
  settle_engine_changes(now, out);
}

std::optional<Message> ControllerCore::decode(Channel channel, const Frames& frames, Outbox& out,
                                              Wire::Replays replays) {
  Result<Message> message = wire_.decode(frames, replays);
  if (message) return *std::move(message);
  note_fault(channel, frames, message.error(), out);
  return std::nullopt;
}

void ControllerCore::note_fault(Channel channel, const Frames& frames, const Error& error,
                                Outbox& out) {
  faults_.note(channel_name(channel), sender_of(frames), error, out);
}

void ControllerCore::relay_message(Channel channel, Frames frames, Now now, Outbox& out) {
  std::optional<Message> message = decode(channel, frames, out);
  if (!message) return;
  if (channel == Channel::kMuxClients && !message->identities.empty()) {
    if (!take_note_of_client(channel, *message, out)) return;
    if (may_be_repeated(*message)) {
      return ask_about_past(channel, {message->header.msg_id}, std::move(frames), out);
    }
  }
  if (channel == Channel::kMuxEngines && on_fence(channel, *message, now, out)) return;
  pass_on(channel, std::move(frames), *std::move(message), now, out);
}

void ControllerCore::pass_on(Channel channel, Frames frames, Message&& message, Now now,
                             Outbox& out) {
  const std::optional<RelayRoute> route = relay_route(channel);
  TRIREME_CHECK(route.has_value(), "only relayed channels come here");
  const Envelope envelope{message.identities.size()};
  if (const Result<void> relayed = relay(*route, envelope, frames); !relayed) {
    note_fault(channel, frames, relayed.error(), out);
    return;
  }
  if (channel == Channel::kIopubEngines) {
    hub_.on_output(message, now, out);
  } else if (channel == Channel::kMuxEngines) {
    const EngineUuid engine(message.identities.front().view());
    if (!hub_.log().direct_finished(engine, std::move(message), now, out)) {
      return;  // answered before
    }
  } else {
    const EngineUuid engine(message.identities[1].view());
    if (!hub_.log().direct_submitted(engine, std::move(message), TaskQueue::kMux, out)) {
      return;  // the same request is at the engine already
    }
  }
  out.send(route->to, std::move(frames));
}

void ControllerCore::relay_control(Channel channel, Frames frames, Outbox& out) {
  const Result<Envelope> envelope = wire_.verify(frames);
  const Result<void> relayed =
      envelope ? relay(*relay_route(channel), *envelope, frames) : Result<void>(envelope.error());
  if (!relayed) {
    note_fault(channel, frames, relayed.error(), out);
    return;
  }
  out.send(relay_route(channel)->to, std::move(frames));
}

void ControllerCore::start_broadcast(Frames frames, Outbox& out) {
  const std::optional<Message> request = decode(Channel::kBroadcastClients, frames, out);
  if (!request) return;
  if (request->identities.empty()) return broadcast_.on_request(*request, out);
  if (!take_note_of_client(Channel::kBroadcastClients, *request, out)) return;
  if (!may_be_repeated(*request)) return broadcast_.on_request(*request, out);
  ask_about_past(Channel::kBroadcastClients, broadcast_.part_ids(*request), std::move(frames), out);
}

void ControllerCore::submit_task(Frames frames, Now now, Outbox& out) {
  std::optional<Message> request = decode(Channel::kTaskClients, frames, out);
  if (!request) return;
  if (request->identities.size() != 1) {
    note_fault(Channel::kTaskClients, frames,
               {ErrorCode::kBadFormat, "a task needs just its sender before the delimiter"}, out);
    return;
  }
  if (!take_note_of_client(Channel::kTaskClients, *request, out)) return;
  if (request->header.msg_type == kCancelRequest) return on_cancel(*request, now, out);
  if (!request->header.msg_type.ends_with("_request")) {
    // No engine would answer it, and the one that it went to would stay taken for ever.
    return note_fault(Channel::kTaskClients, frames,
                      {ErrorCode::kBadFormat, "what is sent as a task must be a request"}, out);
  }
  const MsgId& id = request->header.msg_id;
  if (!scheduler_.is_live(id) && may_be_repeated(*request)) {
    return ask_about_past(Channel::kTaskClients, {id}, std::move(frames), out);
  }
  accept_task(std::move(frames), *std::move(request), Seen::kNever, now, out);
}

void ControllerCore::accept_task(Frames frames, Message&& request, Seen seen, Now now,
                                 Outbox& out) {
  RoutingId client(request.identities.front().view());
  const std::uint64_t bytes = bytes_of(frames);
  if (!options_.schedules_tasks) {
    const Error error{ErrorCode::kConfiguration,
                      "this controller was started with --scheme=none and schedules no tasks; use "
                      "a direct view"};
    return refuse_task(std::move(request), client, error, now, out);
  }
  if (bytes > options_.message_bytes_max) {
    const Error error{ErrorCode::kTooLarge,
                      "a task of " + std::to_string(bytes) + " bytes is over the limit of " +
                          std::to_string(options_.message_bytes_max) +
                          "; push the data to the engines first, or raise --message-bytes-max"};
    return refuse_task(std::move(request), client, error, now, out);
  }
  const std::uint64_t queued = scheduler_.live_bytes();
  if (queued > 0 && queued + bytes > options_.queue_bytes_max) {
    const Error error{ErrorCode::kBusy,
                      "the queue is full: its tasks take " + std::to_string(queued) +
                          " bytes, this one " + std::to_string(bytes) + ", the limit is " +
                          std::to_string(options_.queue_bytes_max) +
                          "; submit it again when others have ended, or raise --queue-bytes-max"};
    return refuse_task(std::move(request), client, error, now, out);
  }
  submit(std::move(request), std::move(client), tail(frames, 1), seen, now, out);
}

void ControllerCore::submit(Message&& request, RoutingId client, Frames body, Seen seen, Now now,
                            Outbox& out) {
  Result<TaskTerms> terms = parse_task_terms(request.metadata_json.view());
  if (!terms) return refuse_task(std::move(request), client, terms.error(), now, out);
  const std::uint64_t submitted_before = scheduler_.counters().submitted;
  TaskSubmission task{request.header.msg_id, std::move(client), std::move(body),
                      request.header_json, *std::move(terms)};
  if (seen == Seen::kNever) {
    scheduler_.on_submit(std::move(task), now.instant, scheduled_);
  } else {
    scheduler_.on_restored(std::move(task), {.attempts = 1}, now.instant, scheduled_);
  }
  if (scheduler_.counters().submitted != submitted_before) {
    hub_.log().task_submitted(submitted_from(std::move(request), TaskQueue::kTask), out);
  }
  carry_out(nullptr, now, out);
}

void ControllerCore::refuse_task(Message&& request, const RoutingId& client, const Error& error,
                                 Now now, Outbox& out) {
  if (!scheduler_.on_refused(request.header.msg_id, client, scheduled_)) {
    return carry_out(nullptr, now, out);
  }
  scheduled_.effects.emplace_back(FailTask{client, request.header.msg_id, request.header_json,
                                           error.code, error.text, std::nullopt});
  hub_.log().task_submitted(submitted_from(std::move(request), TaskQueue::kTask), out);
  carry_out(nullptr, now, out);
}

void ControllerCore::finish_task(Frames frames, Now now, Outbox& out) {
  std::optional<Message> reply = decode(Channel::kTaskEngines, frames, out);
  if (!reply || on_fence(Channel::kTaskEngines, *reply, now, out)) return;
  const Result<MsgId> request = parse_msg_id(reply->parent_json.view());
  if (!request || reply->identities.empty()) {
    const Error error =
        !request ? request.error() : Error{ErrorCode::kBadFormat, "a reply without sender"};
    return note_fault(Channel::kTaskEngines, frames, error, out);
  }
  const Result<ReplyTerms> terms =
      parse_reply_terms(reply->metadata_json.view(), reply->content_json.view());
  // What cannot be read ends the attempt all the same: its engine must not stay taken for ever.
  if (!terms) note_fault(Channel::kTaskEngines, frames, terms.error(), out);
  const ReplyTerms known = terms ? *terms : ReplyTerms{true, ReplyStatus::kError};
  scheduler_.on_reply(EngineUuid(reply->identities.front().view()), *request, known,
                      tail(frames, reply->identities.size()), now.instant, scheduled_);
  AttemptReply attempt{*reply, known.status};
  carry_out(&attempt, now, out);
}

void ControllerCore::on_store_answer(StoreAnswer answer, Now now, Outbox& out) {
  if (auto question = questions_.extract(answer.token)) {
    const auto* records =
        answer.reply ? std::get_if<std::vector<TaskRecord>>(&*answer.reply) : nullptr;
    const OnRecords& then = question.mapped();
    then(records == nullptr ? std::vector<TaskRecord>() : *records, now, out);
  } else if ((answer.token & kLookUpTokens) == 0) {
    hub_.on_store_answer(std::move(answer), now, out);
  } else if (auto look_up = look_ups_.extract(answer.token)) {
    std::vector<PastOutcome> known;
    // A store that cannot answer knows of no ends: the task fails as depending on unknown ids.
    if (answer.reply) {
      if (auto* outcomes = std::get_if<std::vector<TaskOutcome>>(&*answer.reply)) {
        for (TaskOutcome& outcome : *outcomes) {
          known.push_back({std::move(outcome.msg_id), outcome.ended_ok, std::move(outcome.engine)});
        }
      }
    }
    scheduler_.on_outcomes(look_up.mapped(), known, now.instant, scheduled_);
    carry_out(nullptr, now, out);
  }
  settle_engine_changes(now, out);
}

void ControllerCore::on_deadline(Now now, Outbox& out) {
  hub_.on_deadline(now, out);
  settle_engine_changes(now, out);
  scheduler_.on_deadline(now.instant, scheduled_);
  carry_out(nullptr, now, out);
  if (!cut_channels_.empty()) mend_cuts(now, out);
}

std::optional<Instant> ControllerCore::next_deadline() const {
  std::optional<Instant> next = hub_.next_deadline();
  const auto consider = [&next](std::optional<Instant> deadline) {
    if (deadline && (!next || *deadline < *next)) next = deadline;
  };
  consider(scheduler_.next_deadline());
  for (const auto& [channel, when] : cut_channels_) consider(when);
  return next;
}

Result<void> ControllerCore::restore(std::string_view engines_json, Now now, Outbox& out) {
  Result<void> restored = hub_.restore(engines_json, out);
  settle_engine_changes(now, out);
  return restored;
}

void ControllerCore::settle_engine_changes(Now now, Outbox& out) {
  for (const EngineChange& change : out.engine_changes) {
    if (change.kind == EngineChange::Kind::kJoined) {
      scheduler_.on_engine_joined(change.uuid, now.instant, scheduled_);
    } else {
      scheduler_.on_engine_left(change.uuid, now.instant, scheduled_);
      broadcast_.on_engine_left(change.uuid, out);
      catch_up_.forget(change.uuid);
      std::erase_if(repeated_, [&](const auto& entry) { return entry.first.first == change.uuid; });
    }
    out.engines_changed = true;
    carry_out(nullptr, now, out);
  }
  out.engine_changes.clear();
  std::vector<Message> tasks;
  tasks.swap(out.internal_tasks);
  for (Message& task : tasks) {
    Frames body = wire_.encode(task);
    submit(std::move(task), RoutingId(), std::move(body), Seen::kNever, now, out);
  }
}

void ControllerCore::carry_out(AttemptReply* reply, Now now, Outbox& out) {
  for (SchedulerEffect& effect : scheduled_.effects) {
    if (auto* run = std::get_if<RunTask>(&effect)) {
      perform(*run, now, out);
    } else if (auto* deliver = std::get_if<DeliverReply>(&effect)) {
      TRIREME_CHECK(reply != nullptr, "a reply is delivered in the event that brought it");
      perform(*deliver, *reply, now, out);
    } else if (auto* failed = std::get_if<FailTask>(&effect)) {
      perform(*failed, now, out);
    } else if (auto* look_up = std::get_if<LookUpOutcomes>(&effect)) {
      perform(*look_up, out);
    } else if (auto* over = std::get_if<AttemptOver>(&effect)) {
      perform(*over, now, out);
    } else if (auto* drop = std::get_if<CountedDrop>(&effect)) {
      perform(*drop, out);
    }
  }
  scheduled_.effects.clear();
}

void ControllerCore::perform(RunTask& effect, Now now, Outbox& out) {
  send_attempt(effect, out);
  hub_.log().task_assigned({effect.task->msg_id, *effect.engine, now.timestamp}, out);
}

void ControllerCore::send_attempt(const RunTask& attempt, Outbox& out) {
  Frames frames;
  frames.reserve(attempt.task->body.size() + 2);
  frames.push_back(Frame::copy_of(attempt.engine->view()));
  frames.push_back(Frame::copy_of(attempt.task->client.view()));
  frames.insert(frames.end(), attempt.task->body.begin(), attempt.task->body.end());
  if (attempt.attempt > 1) {
    // An engine refuses a signature it has seen: another attempt needs another header.
    const Frame header = numbered_header(attempt.task->header_json, attempt.attempt, run_name_);
    frames = wire_.with_header(std::move(frames), Envelope{2}, header);
  }
  out.send(Channel::kTaskEngines, std::move(frames));
}

void ControllerCore::perform(DeliverReply& effect, AttemptReply& reply, Now now, Outbox& out) {
  TaskFinished finished = finished_from(effect.msg_id, std::move(reply.message), now.timestamp);
  finished.engine = effect.engine;
  const bool ran = reply.status != ReplyStatus::kAborted;
  hub_.log().task_finished(std::move(finished), ran, out);
  if (effect.client.empty()) return;  // submitted by the hub: whoever asked reads the record
  Frames frames;
  frames.reserve(effect.body.size() + 2);
  frames.push_back(Frame::copy_of(effect.client.view()));
  frames.push_back(Frame::copy_of(effect.engine.view()));
  std::move(effect.body.begin(), effect.body.end(), std::back_inserter(frames));
  out.send(Channel::kTaskClients, std::move(frames));
}

void ControllerCore::perform(FailTask& effect, Now now, Outbox& out) {
  std::string metadata;
  if (effect.engine) {
    metadata = R"({"status": "error", "engine": )" + json_quote(effect.engine->view()) +
               R"(, "date": )" + json_quote(format_timestamp(now.timestamp)) + "}";
  }
  Message reply = factory_.make(MessageType::kApplyReply,
                                error_content_json(wire_name(effect.reason), effect.evalue),
                                now.timestamp, effect.header_json, std::move(metadata));
  if (effect.engine) reply.identities.push_back(Frame::copy_of(effect.engine->view()));
  TaskFinished finished = finished_from(effect.msg_id, Message(reply), now.timestamp);
  finished.engine = effect.engine;
  hub_.log().task_finished(std::move(finished), true, out);
  if (effect.client.empty()) return;
  reply.identities.insert(reply.identities.begin(), Frame::copy_of(effect.client.view()));
  out.send(Channel::kTaskClients, std::move(reply));
}

void ControllerCore::perform(LookUpOutcomes& effect, Outbox& out) {
  const std::uint64_t token = next_look_up_++;
  look_ups_.emplace(token, std::move(effect.msg_id));
  out.ask({token, GetOutcomes{std::move(effect.ids)}});
}

void ControllerCore::perform(const AttemptOver& effect, Now now, Outbox& out) {
  hub_.log().attempt_ended({effect.msg_id, effect.number, effect.engine, now.timestamp,
                            std::string(attempt_end_text(effect.end))},
                           out);
}

void ControllerCore::perform(const CountedDrop& effect, Outbox& out) {
  out.log(LogLevel::kDebug, std::string(drop_reason_text(effect.reason)) + " " +
                                effect.msg_id.str() + " from " + readable_identity(effect.peer) +
                                " dropped");
}

std::string ControllerCore::describe() const {
  return "hub: " + hub_.describe() + "\nscheduler: " + scheduler_.describe() +
         "\nbad messages: " + std::to_string(faults_.total());
}

void ControllerCore::check_invariants() const {
  hub_.check_invariants();
  scheduler_.check_invariants();
  broadcast_.check_invariants();
}

}  // namespace trireme
