// Several frames in one run of bytes, in a way that survives mutation: two bytes of length (low
// first), then the frame; a length that reaches beyond the end means what is left.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "session/frame.hpp"

namespace trireme::fuzz {

inline constexpr std::size_t kFrameTextBytesMax = 0xffff;

inline std::vector<std::string> split_frames(std::string_view text) {
  std::vector<std::string> frames;
  while (text.size() >= 2) {
    const std::size_t size = static_cast<unsigned char>(text[0]) |
                             (static_cast<std::size_t>(static_cast<unsigned char>(text[1])) << 8);
    text.remove_prefix(2);
    frames.emplace_back(text.substr(0, size));
    text.remove_prefix(frames.back().size());
  }
  return frames;
}

/// Longer frames are cut.
inline std::string join_frames(const std::vector<std::string>& frames) {
  std::string text;
  for (const std::string& frame : frames) {
    const std::string_view kept = std::string_view(frame).substr(0, kFrameTextBytesMax);
    text += static_cast<char>(kept.size() & 0xff);
    text += static_cast<char>(kept.size() >> 8);
    text += kept;
  }
  return text;
}

inline Frames frames_of(std::string_view text) {
  Frames frames;
  for (std::string& frame : split_frames(text)) frames.emplace_back(std::move(frame));
  return frames;
}

}  // namespace trireme::fuzz
