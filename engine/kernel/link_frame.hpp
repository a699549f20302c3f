// How an engine and its kernel process write to each other: counted parts behind a small head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

/// One message on the link, undecoded.
///
/// On the wire, in the machine's byte order: kind (4 bytes), number of parts (4), the length of
/// each part (8 each), then the parts. Both ends are the same program on the same machine.
struct LinkFrame {
  std::uint32_t kind = 0;
  Frames parts;
};

inline constexpr std::uint32_t kLinkPartsMax = 1u << 20;
inline constexpr std::uint64_t kLinkPartBytesMax = std::uint64_t{1} << 40;

/// What goes before the parts.
std::string link_head(const LinkFrame& frame);

/// Puts frames together from a stream of bytes. Large parts are read straight into their place.
class LinkReader {
 public:
  LinkReader();

  /// Where the next bytes shall be read to; never empty. Valid until filled().
  std::span<char> space();
  /// `count` bytes were read into space(). kBadFormat when they cannot be a frame; the stream is
  /// lost then.
  Result<void> filled(std::size_t count);
  /// The next whole frame.
  std::optional<LinkFrame> next();

 private:
  static constexpr std::size_t kBufferBytes = 64u << 10;
  /// A part that misses more than this is not read through the buffer.
  static constexpr std::size_t kDirectBytesMin = 16u << 10;

  std::size_t buffered() const noexcept { return end_ - begin_; }
  bool reads_directly() const noexcept;
  Result<bool> read_head();     // false: more bytes are needed
  Result<bool> read_lengths();  // likewise
  bool read_parts();            // likewise
  void finish_part();
  template <class Number>
  Number take_number();

  std::string buffer_;
  std::size_t begin_ = 0;  // of the bytes in buffer_ that are not looked at yet
  std::size_t end_ = 0;

  std::optional<LinkFrame> frame_;  // the one being read, once its head is known
  std::uint32_t parts_count_ = 0;
  std::vector<std::uint64_t> lengths_;
  std::string part_;           // the one being read, with its full size
  std::size_t part_done_ = 0;  // bytes of it that are there
  bool part_open_ = false;
  std::deque<LinkFrame> ready_;
};

}  // namespace trireme
