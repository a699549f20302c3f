// Delays, order and loss.
#include "tests/sim/sim_network.hpp"

#include <algorithm>

namespace trireme::sim {

using namespace std::chrono_literals;

void Timeline::at(Instant when, Action action) {
  heap_.push_back({std::max(when, instant()), next_sequence_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end());
}

bool Timeline::step() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end());
  const Planned next = std::move(heap_.back());
  heap_.pop_back();
  clock_.advance_to(next.when);
  next.action();
  return true;
}

bool is_router(Channel channel) {
  switch (channel) {
    case Channel::kNotification:
    case Channel::kIopubEngines:
    case Channel::kIopubClients:
    case Channel::kHeartPing:
      return false;
    default:
      return true;
  }
}

SimNetwork::SimNetwork(Timeline& timeline, Dice dice, std::chrono::nanoseconds delay_max,
                       ToController to_controller)
    : timeline_(timeline),
      dice_(std::move(dice)),
      delay_max_(delay_max),
      to_controller_(std::move(to_controller)) {}

PeerId SimNetwork::add(SimPeer& peer) {
  const PeerId id = next_peer_++;
  peers_[id].process = &peer;
  peers_[id].delay_max = dice_.between(20us, delay_max_);
  return id;
}

void SimNetwork::connect(PeerId id, Channel channel, std::string identity,
                         std::chrono::nanoseconds delay) {
  peers_.at(id).sockets[channel] = {identity, timeline_.instant() + delay};
  timeline_.after(delay, [this, id, channel, identity = std::move(identity)] {
    if (peers_.at(id).process != nullptr) routes_[channel][identity] = id;
  });
}

void SimNetwork::remove(PeerId id, bool killed) {
  Peer& peer = peers_.at(id);
  peer.process = nullptr;
  peer.inbox.clear();
  if (killed) peer.cut = timeline_.instant() + dice_.between(0ns, peer.delay_max);
  timeline_.after(dice_.between(0ms, 20ms), [this, id] {
    for (const auto& [channel, socket] : peers_.at(id).sockets) {
      auto& routes = routes_[channel];
      const auto route = routes.find(socket.identity);
      if (route != routes.end() && route->second == id) routes.erase(route);
    }
  });
}

void SimNetwork::freeze(PeerId id) { peers_.at(id).is_frozen = true; }

void SimNetwork::thaw(PeerId id) {
  Peer& peer = peers_.at(id);
  peer.is_frozen = false;
  while (!peer.inbox.empty() && peer.process != nullptr && !peer.is_frozen) {
    auto [channel, frames] = std::move(peer.inbox.front());
    peer.inbox.pop_front();
    peer.process->on_message(channel, std::move(frames));
  }
}

Instant SimNetwork::arrival(PeerId id, Channel channel, Direction direction, Instant earliest) {
  const Instant when =
      std::max(earliest, timeline_.instant()) + dice_.mostly_short(5us, peers_.at(id).delay_max);
  Instant& last = last_arrivals_[{id, channel, direction}];
  last = std::max(last, when);
  return last;
}

void SimNetwork::send(PeerId id, Channel channel, Frames frames) {
  const Peer& peer = peers_.at(id);
  const auto socket = peer.sockets.find(channel);
  if (peer.process == nullptr || socket == peer.sockets.end()) return;
  if (is_router(channel)) frames.insert(frames.begin(), Frame(socket->second.identity));
  const Instant when = arrival(id, channel, Direction::kIn, socket->second.connected_at);
  timeline_.at(when, [this, id, channel, when, frames = std::move(frames)]() mutable {
    const auto& cut = peers_.at(id).cut;
    if (cut && when > *cut) return;
    to_controller_(channel, std::move(frames));
  });
}

void SimNetwork::deliver(Channel channel, Frames frames) {
  const auto& routes = routes_[channel];
  if (!is_router(channel)) {
    for (const auto& [identity, id] : routes) deliver_to(id, channel, frames);
    return;
  }
  const auto route = frames.empty() ? routes.end() : routes.find(frames.front().to_string());
  if (route == routes.end()) {
    ++dropped_;
    return;
  }
  frames.erase(frames.begin());
  deliver_to(route->second, channel, std::move(frames));
}

void SimNetwork::deliver_to(PeerId id, Channel channel, Frames frames) {
  const Instant when = arrival(id, channel, Direction::kOut, timeline_.instant());
  timeline_.at(when, [this, id, channel, frames = std::move(frames)]() mutable {
    hand_over(id, channel, std::move(frames));
  });
}

void SimNetwork::hand_over(PeerId id, Channel channel, Frames frames) {
  Peer& peer = peers_.at(id);
  if (peer.process == nullptr) return;
  if (peer.is_frozen) {
    peer.inbox.emplace_back(channel, std::move(frames));
  } else {
    peer.process->on_message(channel, std::move(frames));
  }
}

}  // namespace trireme::sim
