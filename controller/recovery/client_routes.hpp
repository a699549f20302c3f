// Where a client is to be reached by now, and the replies that wait until it can be.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/hub/outbox.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"

namespace trireme {

/// A routing id that stands for wherever the session is when something is sent there. ZeroMQ makes
/// up no such ids and clients cannot choose them: theirs do not begin with a zero byte.
RoutingId route_of_session(const SessionId& session);
/// The session behind such an id; empty for an ordinary one.
std::optional<SessionId> session_of_route(const RoutingId& route);

/// Connections end, sessions do not: a client that comes back, after a cut or to a controller that
/// was started again, is known by the session id in its messages, under a new routing id. What it
/// was owed meanwhile is parked here, and is dropped, oldest first, beyond the limits: it can be
/// had from the records.
///
/// Pure; one thread. Invariant: parked_bytes() is what the parked replies weigh together.
class ClientRoutes {
 public:
  struct Limits {
    std::size_t connections_max = 65'536;
    std::size_t parked_bytes_max = std::size_t{64} << 20;
  };

  ClientRoutes() = default;
  explicit ClientRoutes(Limits limits) : limits_(limits) {}

  /// A verified message of `session` came in on the channel. True when this connection said
  /// nothing there before.
  bool learn(Channel channel, const RoutingId& connection, const SessionId& session);
  /// The newest connection of a session on a channel.
  std::optional<RoutingId> find(Channel channel, const SessionId& session) const;
  bool is_known(Channel channel, const RoutingId& connection) const;

  /// A reply without its addressee.
  struct Reply {
    MsgId request;
    Frames frames;
    bool is_doubtful = false;  // it may have reached the client before
  };

  /// Keeps a reply until the session is heard of on the channel. Gives the requests whose replies
  /// had to make room.
  std::vector<MsgId> park(Channel channel, const SessionId& session, Reply reply);
  /// What waits for the session there, oldest first, without what its present connection was
  /// offered before it spoke.
  std::vector<Reply> take_parked(Channel channel, const SessionId& session);

  /// What is parked on the channel and this connection was not offered yet, oldest first; the
  /// doubtful ones after all others and one at a time.
  std::vector<Reply> offer_parked(Channel channel, const RoutingId& connection);
  bool is_parked(const MsgId& request) const;
  std::size_t parked_count() const noexcept { return parked_.size(); }
  std::size_t parked_bytes() const noexcept { return parked_bytes_; }
  std::uint64_t dropped_count() const noexcept { return dropped_; }

 private:
  struct Parked {
    Channel channel;
    SessionId session;
    Reply reply;
    std::size_t bytes;
    std::vector<RoutingId> offered_to;
  };
  using Place = std::pair<Channel, RoutingId>;

  static bool was_offered(const Parked& parked, const RoutingId& connection);

  Limits limits_;
  std::array<std::unordered_map<RoutingId, SessionId>, kChannelCount> sessions_;
  std::array<std::unordered_map<SessionId, RoutingId>, kChannelCount> newest_;
  std::deque<Place> heard_;  // in the order in which they were first heard of
  std::list<Parked> parked_;
  std::size_t parked_bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace trireme
