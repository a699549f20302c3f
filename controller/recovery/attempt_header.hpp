// How further attempts at a task differ on the wire from the first.
#pragma once

#include <cstdint>

#include "session/frame.hpp"

namespace trireme {

/// The header of a request with the number of the attempt as a further key: engines refuse a
/// signature they have seen, and this one is new.
Frame numbered_header(const Frame& header_json, std::uint32_t attempt);

}  // namespace trireme
