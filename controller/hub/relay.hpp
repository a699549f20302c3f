// Direct, control and output routes: frames in, the same frames out, identities swapped.
#pragma once

#include <array>
#include <optional>

#include "controller/hub/outbox.hpp"
#include "session/frame.hpp"
#include "session/result.hpp"
#include "session/wire.hpp"

namespace trireme {

/// One direction of a relayed channel.
struct RelayRoute {
  Channel from;
  Channel to;
  bool swaps_identities;  // [sender, addressee, ...] becomes [addressee, sender, ...]
};

inline constexpr std::array kRelayRoutes{
    RelayRoute{Channel::kMuxClients, Channel::kMuxEngines, true},
    RelayRoute{Channel::kMuxEngines, Channel::kMuxClients, true},
    RelayRoute{Channel::kControlClients, Channel::kControlEngines, true},
    RelayRoute{Channel::kControlEngines, Channel::kControlClients, true},
    RelayRoute{Channel::kIopubEngines, Channel::kIopubClients, false},
};

/// The route that starts at this channel; empty for channels that are not relayed.
constexpr std::optional<RelayRoute> relay_route(Channel from) {
  for (const RelayRoute& route : kRelayRoutes) {
    if (route.from == from) return route;
  }
  return std::nullopt;
}

/// Turns frames as received on `route.from` into frames as they leave on `route.to`. `envelope`
/// is of these frames. Only the two leading identities change places; further identities, body and
/// signature stay. kBadFormat when an addressee is missing; then the frames are unchanged.
Result<void> relay(const RelayRoute& route, const Envelope& envelope, Frames& frames);

}  // namespace trireme
