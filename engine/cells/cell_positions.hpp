// Front ends count characters, runtimes count bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace trireme {

/// Where the character number `characters` of UTF-8 `text` begins; its end when there are fewer.
std::size_t byte_position(std::string_view text, std::size_t characters);
/// How many characters begin before byte `bytes`.
std::size_t character_position(std::string_view text, std::size_t bytes);

}  // namespace trireme
