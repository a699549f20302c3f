// Simulated time and a simulated network: what ZeroMQ can do to messages, decided by dice.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/hub/outbox.hpp"
#include "session/frame.hpp"
#include "tests/sim/dice.hpp"
#include "tests/support/manual_clock.hpp"

namespace trireme::sim {

/// What happens when. Actions of one moment happen in the order they were planned.
class Timeline {
 public:
  using Action = std::function<void()>;

  Now now() const { return clock_.now(); }
  Instant instant() const { return clock_.now().instant; }
  void at(Instant when, Action action);
  void after(std::chrono::nanoseconds delay, Action action) {
    at(instant() + delay, std::move(action));
  }
  /// Goes to the next action and does it; false when there is none.
  bool step();

 private:
  struct Planned {
    Instant when;
    std::uint64_t sequence;
    Action action;
    friend bool operator<(const Planned& left, const Planned& right) {
      return std::tie(right.when, right.sequence) < std::tie(left.when, left.sequence);
    }
  };

  testing::ManualClock clock_;
  std::vector<Planned> heap_;
  std::uint64_t next_sequence_ = 0;
};

/// A process at the other end. Messages come without the identity the controller addressed.
class SimPeer {
 public:
  virtual ~SimPeer() = default;
  virtual void on_message(Channel channel, Frames frames) = 0;
};

using PeerId = std::uint64_t;

/// Carries messages between the controller and its peers. Each link (peer, channel, direction)
/// keeps its order and has delays of its own. What is addressed to a socket that is not, or no
/// longer, connected is dropped in silence; what a peer sends before its connection stands waits.
class SimNetwork {
 public:
  using ToController = std::function<void(Channel channel, Frames frames)>;

  SimNetwork(Timeline& timeline, Dice dice, std::chrono::nanoseconds delay_max,
             ToController to_controller);

  /// The peer must live until it is removed.
  PeerId add(SimPeer& peer);
  /// Connects a socket; the connection stands after `delay`. On ROUTER channels the controller
  /// knows the peer by `identity` from then on.
  void connect(PeerId peer, Channel channel, std::string identity, std::chrono::nanoseconds delay);
  /// The process ends. What it has sent may be lost from some moment on if it was killed; the
  /// controller's sockets forget it a little later.
  void remove(PeerId peer, bool killed);
  /// A frozen process gets nothing until it thaws; then all that came meanwhile.
  void freeze(PeerId peer);
  void thaw(PeerId peer);

  void send(PeerId peer, Channel channel, Frames frames);
  /// A message leaves the controller.
  void deliver(Channel channel, Frames frames);

  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Socket {
    std::string identity;
    Instant connected_at;
  };
  struct Peer {
    SimPeer* process;  // null once it is gone
    bool is_frozen = false;
    std::optional<Instant> cut;  // nothing it sent arrives after this
    std::map<Channel, Socket> sockets;
    std::deque<std::pair<Channel, Frames>> inbox;  // while frozen
    std::chrono::nanoseconds delay_max;            // some are far away
  };
  enum class Direction { kIn, kOut };

  Instant arrival(PeerId peer, Channel channel, Direction direction, Instant earliest);
  void deliver_to(PeerId peer, Channel channel, Frames frames);
  void hand_over(PeerId peer, Channel channel, Frames frames);

  Timeline& timeline_;
  Dice dice_;
  std::chrono::nanoseconds delay_max_;
  ToController to_controller_;
  std::map<PeerId, Peer> peers_;
  std::map<Channel, std::map<std::string, PeerId>> routes_;
  std::map<std::tuple<PeerId, Channel, Direction>, Instant> last_arrivals_;
  PeerId next_peer_ = 1;
  std::uint64_t dropped_ = 0;
};

/// Whether the controller's socket on this channel is a ROUTER, so that messages are addressed.
bool is_router(Channel channel);

}  // namespace trireme::sim
