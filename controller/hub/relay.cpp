// The swap of identities, and nothing else.
#include "controller/hub/relay.hpp"

#include <utility>

namespace trireme {

Result<void> relay(const RelayRoute& route, const Envelope& envelope, Frames& frames) {
  if (!route.swaps_identities) return {};
  if (envelope.delimiter < 2 || frames[1].empty()) {
    return Error{ErrorCode::kBadFormat,
                 "A message to relay needs the addressee's identity before the delimiter."};
  }
  std::swap(frames[0], frames[1]);
  return {};
}

}  // namespace trireme
