// People and front ends count characters, programs count bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace trireme {

/// How many characters (code points) UTF-8 `text` has.
std::size_t count_characters(std::string_view text);
/// Where the character number `characters` of UTF-8 `text` begins; its end when there are fewer.
std::size_t byte_position(std::string_view text, std::size_t characters);

}  // namespace trireme
