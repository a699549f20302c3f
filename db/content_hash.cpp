#include "db/content_hash.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace trireme {
namespace {

// Odd numbers with irregular bits.
constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kSecond = 0xD6E8FEB86659FD93;

std::uint64_t word_at(const char* bytes) {
  static_assert(std::endian::native == std::endian::little, "numbers lie in files");
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  return std::rotl(state + word * kSecond, 29) * kFirst;
}

}  // namespace

std::uint64_t content_hash(std::string_view bytes) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::array<std::uint64_t, 4> lanes{kFirst, kSecond, ~kFirst, ~kSecond};  // independent of another
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= lanes.size() * kWord; left -= lanes.size() * kWord) {
    for (std::uint64_t& lane : lanes) {
      lane = mix(lane, word_at(at));
      at += kWord;
    }
  }
  std::uint64_t state = bytes.size();
  for (const std::uint64_t lane : lanes) state = mix(state, lane);
  for (; left >= kWord; left -= kWord) {
    state = mix(state, word_at(at));
    at += kWord;
  }
  std::uint64_t rest = 0;
  if (left > 0) std::memcpy(&rest, at, left);
  state = mix(state, rest);
  state ^= state >> 32;
  state *= kSecond;
  return state ^ (state >> 29);
}

}  // namespace trireme
