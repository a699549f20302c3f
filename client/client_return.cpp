// What a client does when its controller goes away and comes back.
#include <utility>

#include "client/client_core.hpp"

namespace trireme {
namespace {

/// Said first on a channel of a controller that came back: where this session is now, and by its
/// date, which requests it may have seen before.
constexpr std::string_view kHello = "hello_request";

/// Where the controller keeps replies for a session; the control channel only passes through it.
bool carries_work(ClientChannel channel) {
  switch (channel) {
    case ClientChannel::kMux:
    case ClientChannel::kTask:
    case ClientChannel::kBroadcast:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<SentRequests::Number> ClientCore::send(ClientChannel channel, Message request,
                                                     std::size_t answers, ClientOutbox& out) {
  const bool is_kept = options_.repeats_requests && (controller_resumes_ || !connected_) &&
                       answers > 0 && may_be_repeated(channel, request.header.msg_type);
  if (is_kept) return sent_.send(channel, std::move(request), answers, out);
  out.send(channel, std::move(request));
  return std::nullopt;
}

void ClientCore::on_connection_lost(ClientChannel channel, ClientOutbox& out) {
  const bool was_there = made_[static_cast<std::size_t>(channel)] && !sent_.is_away(channel);
  // A stock controller that comes back knows nothing; only a connection that broke is mended, by
  // ZeroMQ, which then sends what it still has.
  if (!was_there || !controller_resumes_) return;
  sent_.on_away(channel);
  out.reopen.push_back(channel);
}

void ClientCore::on_connection_made(ClientChannel channel, Now now, ClientOutbox& out) {
  if (!std::exchange(made_[static_cast<std::size_t>(channel)], true)) return;
  if (channel == ClientChannel::kQuery) {
    engines_settle_ = now.instant + options_.return_grace;
    ask_for_engines(now, out);
    for (const auto pause : options_.refresh_after) {
      schedule({now.instant + pause, Deadline::Kind::kRefresh, {}, {}});
    }
    schedule({engines_settle_, Deadline::Kind::kRefresh, {}, {}});
    watches_.on_return(now, messages_, out);
  }
  if (!controller_resumes_) return;
  fail_unrepeated(channel, now, out);
  if (carries_work(channel)) greet(channel, now, out);
  sent_.on_back(channel, now, out);
}

void ClientCore::greet(ClientChannel channel, Now now, ClientOutbox& out) {
  for (const auto& [id, pending] : pending_) {
    if (pending.channel != channel || pending.replied) continue;
    return out.send(channel, messages_.make(kHello, "{}", now.timestamp));
  }
}

void ClientCore::fail_unrepeated(ClientChannel channel, Now now, ClientOutbox& out) {
  std::vector<MsgId> unknown;
  for (const auto& [id, pending] : pending_) {
    if (pending.channel == channel && pending.runs_once) unknown.push_back(id);
  }
  for (const MsgId& id : unknown) {
    CallReply reply = make_failed_reply(
        CallFailureKind::kConnection, "ConnectionError",
        "the controller went away before it answered; whether it did what was asked is not known");
    reply.received = now.timestamp;
    finish(pending_.find(id), std::move(reply), now, out);
  }
}

}  // namespace trireme
