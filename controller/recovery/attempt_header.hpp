// How messages that are sent again differ on the wire from the first: receivers refuse a signature
// they have seen, and a further key in the header makes another one.
#pragma once

#include <cstdint>
#include <string_view>

#include "session/clock.hpp"
#include "session/frame.hpp"

namespace trireme {

/// The header of a request with the number of the attempt, and, if it is not empty, a name of the
/// run that makes it: runs that were killed may have sent attempts of that number unrecorded.
Frame numbered_header(const Frame& header_json, std::uint32_t attempt, std::string_view run);
/// The header of a reply that is sent again, with the time of that.
Frame repeated_header(const Frame& header_json, Timestamp now);

}  // namespace trireme
