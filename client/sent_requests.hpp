// Requests without an answer, kept as they were sent: a controller that comes back is told them
// anew, word for word and in their order.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "client/client_outbox.hpp"
#include "session/clock.hpp"
#include "session/message.hpp"

namespace trireme {

/// False for requests that may do harm when a controller gets them twice.
bool may_be_repeated(ClientChannel channel, std::string_view msg_type);

/// Pure. Per channel, requests leave in the order in which they were submitted: while the channel
/// is away nothing is sent, and what is submitted while older requests are repeated waits behind
/// them. (A call that uses a pushed name must not overtake the push.)
///
/// Invariants: (1) each kept request awaits at least one answer; (2) a channel that is away, or
/// whose requests have all been sent, has no batch due.
class SentRequests {
 public:
  /// How fast requests are repeated: a batch ends with whichever comes first.
  struct Pace {
    std::size_t messages = 250;
    std::size_t bytes = std::size_t{1} << 20;
    std::chrono::milliseconds pause{5};
  };
  /// Where a request is kept: its number on its channel.
  using Number = std::uint64_t;

  SentRequests() = default;
  explicit SentRequests(Pace pace) : pace_(pace) {}

  /// Sends the request as soon as its turn comes, and keeps it until `answers` were taken off.
  Number send(ClientChannel channel, Message request, std::size_t answers, ClientOutbox& out);
  /// One answer has come, or is not waited for any more.
  void take_answer(ClientChannel channel, Number number);

  /// What was sent and not answered may be lost; nothing more goes out.
  void on_away(ClientChannel channel);
  /// Begins to send all that is kept, if the channel was away. Questions to the hub and requests on
  /// the control channel get a new date: their receivers take the same bytes for a replay.
  void on_back(ClientChannel channel, Now now, ClientOutbox& out);
  bool is_away(ClientChannel channel) const { return lane(channel).away; }
  bool awaits_answers(ClientChannel channel) const { return !lane(channel).kept.empty(); }

  void on_deadline(Instant now, ClientOutbox& out);
  std::optional<Instant> next_deadline() const;
  void clear();
  /// Messages that were sent more than once.
  std::uint64_t repeated() const noexcept { return repeated_; }
  void check_invariants() const;

 private:
  struct Kept {
    Message request;
    std::size_t answers;
    bool sent = false;
  };
  struct Lane {
    std::map<Number, Kept> kept;
    Number next = 0;     // of the next request submitted
    Number to_send = 0;  // the first that is to be sent; `next` when none is
    bool away = false;
    std::optional<Instant> due;  // of the next batch
  };

  Lane& lane(ClientChannel channel) { return lanes_[static_cast<std::size_t>(channel)]; }
  const Lane& lane(ClientChannel channel) const {
    return lanes_[static_cast<std::size_t>(channel)];
  }
  void send_batch(ClientChannel channel, Instant now, ClientOutbox& out);

  Pace pace_;
  std::array<Lane, kClientChannelCount> lanes_;
  std::uint64_t repeated_ = 0;
};

}  // namespace trireme
