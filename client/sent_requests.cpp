#include "client/sent_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "session/result.hpp"

namespace trireme {
namespace {

struct OnceRequest {
  ClientChannel channel;
  MessageType type;
};
constexpr std::array kOnceRequests{
    OnceRequest{ClientChannel::kQuery, MessageType::kResubmitRequest},
    OnceRequest{ClientChannel::kQuery, MessageType::kPurgeRequest},
    OnceRequest{ClientChannel::kQuery, MessageType::kShutdownRequest},
    OnceRequest{ClientChannel::kControl, MessageType::kSignalRequest},
};

std::size_t bytes_of(const Message& message) {
  std::size_t bytes = message.content_json.size() + message.metadata_json.size();
  for (const Frame& buffer : message.buffers) bytes += buffer.size();
  return bytes;
}

}  // namespace

bool may_be_repeated(ClientChannel channel, std::string_view msg_type) {
  return std::none_of(kOnceRequests.begin(), kOnceRequests.end(), [&](const OnceRequest& once) {
    return once.channel == channel && wire_name(once.type) == msg_type;
  });
}

SentRequests::Number SentRequests::send(ClientChannel channel, Message request, std::size_t answers,
                                        ClientOutbox& out) {
  TRIREME_CHECK(answers > 0, "a request without answers need not be kept");
  Lane& to = lane(channel);
  const Number number = to.next++;
  const bool goes_now = !to.away && to.to_send == number;
  if (goes_now) {
    out.send(channel, request);
    to.to_send = to.next;
  }
  to.kept.emplace_hint(to.kept.end(), number, Kept{std::move(request), answers, goes_now});
  return number;
}

void SentRequests::take_answer(ClientChannel channel, Number number) {
  std::map<Number, Kept>& kept = lane(channel).kept;
  const auto found = kept.find(number);
  if (found != kept.end() && --found->second.answers == 0) kept.erase(found);
}

void SentRequests::on_away(ClientChannel channel) {
  Lane& lost = lane(channel);
  lost.away = true;
  lost.due.reset();
  lost.to_send = lost.kept.empty() ? lost.next : lost.kept.begin()->first;
}

void SentRequests::on_back(ClientChannel channel, Now now, ClientOutbox& out) {
  if (!std::exchange(lane(channel).away, false)) return;
  if (channel == ClientChannel::kQuery || channel == ClientChannel::kControl) {
    for (auto& [number, kept] : lane(channel).kept) {
      kept.request.header.date = ShortText(format_timestamp(now.timestamp));
      kept.request.header_json = Frame(header_json(kept.request.header));
    }
  }
  send_batch(channel, now.instant, out);
}

void SentRequests::send_batch(ClientChannel channel, Instant now, ClientOutbox& out) {
  Lane& to = lane(channel);
  std::size_t bytes = 0;
  std::size_t messages = 0;
  auto at = to.kept.lower_bound(to.to_send);
  for (; at != to.kept.end() && messages < pace_.messages && bytes < pace_.bytes; ++at) {
    Kept& kept = at->second;
    out.send(channel, kept.request);
    if (std::exchange(kept.sent, true)) ++repeated_;
    bytes += bytes_of(kept.request);
    ++messages;
  }
  to.to_send = at == to.kept.end() ? to.next : at->first;
  to.due.reset();
  if (to.to_send != to.next) to.due = now + pace_.pause;
}

void SentRequests::on_deadline(Instant now, ClientOutbox& out) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].due.has_value() && *lanes_[i].due <= now) {
      send_batch(static_cast<ClientChannel>(i), now, out);
    }
  }
}

std::optional<Instant> SentRequests::next_deadline() const {
  std::optional<Instant> next;
  for (const Lane& lane : lanes_) {
    if (lane.due.has_value()) next = std::min(next.value_or(*lane.due), *lane.due);
  }
  return next;
}

void SentRequests::clear() {
  for (Lane& lane : lanes_) {
    lane.kept.clear();
    lane.to_send = lane.next;
    lane.due.reset();
  }
}

void SentRequests::check_invariants() const {
  for (const Lane& lane : lanes_) {
    for (const auto& [number, kept] : lane.kept) {
      TRIREME_CHECK(kept.answers > 0, "a request is kept that awaits no answer");
    }
    TRIREME_CHECK(!lane.due.has_value() || (!lane.away && lane.to_send < lane.next),
                  "a batch is due that has nothing to send");
  }
}

}  // namespace trireme
