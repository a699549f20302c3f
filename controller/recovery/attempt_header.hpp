// How messages that are sent again differ on the wire from the first: receivers refuse a signature
// they have seen, and a further key in the header makes another one.
#pragma once

#include <cstdint>

#include "session/clock.hpp"
#include "session/frame.hpp"

namespace trireme {

/// The header of a request with the number of the attempt.
Frame numbered_header(const Frame& header_json, std::uint32_t attempt);
/// The header of a reply that is sent again, with the time of that.
Frame repeated_header(const Frame& header_json, Timestamp now);

}  // namespace trireme
