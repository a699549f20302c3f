// A number for bytes by which equal contents are found quickly.
#pragma once

#include <cstdint>
#include <string_view>

namespace trireme {

/// Equal bytes have equal numbers on every machine; different bytes nearly always different ones.
/// It is made for speed and can be forged: whoever finds contents by it compares their bytes.
std::uint64_t content_hash(std::string_view bytes);

}  // namespace trireme
