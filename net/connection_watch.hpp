// Tells a thread when the connections of one of its sockets are made and when they end.
#pragma once

#include <optional>

#include "net/socket.hpp"
#include "session/result.hpp"

namespace trireme {

enum class ConnectionEvent {
  kMade,  // the peers have shaken hands: what is sent from now on travels on this connection
  kLost,  // what was sent and not yet answered may be gone
};

/// The events of one socket, which must outlive the watch and belong to the same thread.
class ConnectionWatch {
 public:
  /// Begins with the next event: open it before the socket connects. kIo when the system has no
  /// more sockets to give.
  static Result<ConnectionWatch> open(NetContext& context, Socket& watched);

  ConnectionWatch(ConnectionWatch&& other) noexcept;
  ConnectionWatch& operator=(ConnectionWatch&&) = delete;
  ~ConnectionWatch();

  /// For PollLoop::watch(); take() until nothing is left when it is ready.
  Socket& events() noexcept { return events_; }
  /// The next event; empty when there is none.
  std::optional<ConnectionEvent> take();
  /// After kLost: the descriptor that the connection had (see Socket::last_source()).
  int lost_descriptor() const noexcept { return lost_descriptor_; }

 private:
  ConnectionWatch(Socket& watched, Socket events)
      : watched_(&watched), events_(std::move(events)) {}

  Socket* watched_;  // null after a move
  Socket events_;
  int lost_descriptor_ = -1;
};

}  // namespace trireme
