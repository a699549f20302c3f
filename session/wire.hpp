// Frames to messages and back: verifies before it parses, forwards without rebuilding.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "session/frame.hpp"
#include "session/message.hpp"
#include "session/packer.hpp"
#include "session/result.hpp"
#include "session/signer.hpp"

namespace trireme {

inline constexpr std::string_view kDelimiter = "<IDS|MSG>";

/// What a reader accepts at most; beyond it a message is refused with kTooLarge.
struct WireLimits {
  std::size_t part_bytes_max = 64u << 20;  // header, parent, metadata, content each
  std::size_t frames_max = 65536;
  std::size_t json_depth_max = 128;
};

/// Where the parts of a framed message are: indices into its frames.
struct Envelope {
  std::size_t delimiter;  // everything before it is identities
  std::size_t signature() const { return delimiter + 1; }
  std::size_t header() const { return delimiter + 2; }
  std::size_t parent() const { return delimiter + 3; }
  std::size_t metadata() const { return delimiter + 4; }
  std::size_t content() const { return delimiter + 5; }
  std::size_t buffers() const { return delimiter + 6; }
};

/// Finds the delimiter and checks that all five parts follow it (kBadFormat, kTooLarge).
Result<Envelope> find_envelope(const Frames& frames, const WireLimits& limits = {});

/// Reads the six standard keys of a header in JSON text, in one pass. kBadFormat when it is not a
/// JSON object or msg_id, msg_type or session are missing or not strings.
Result<Header> parse_header(std::string_view json);

/// The msg_id of a header, for who needs no more of it: the parent of a reply. Fails where
/// parse_header() fails, except that nothing else needs to be there.
Result<MsgId> parse_msg_id(std::string_view header_json);

/// One peer's end of the wire: key, packer, limits, replay guard. Not thread-safe.
class Wire {
 public:
  Wire(Signer signer, Packer packer, WireLimits limits = {},
       std::size_t digest_history = ReplayGuard::kDefaultCapacity);

  /// Whether a signature seen before makes a message fail (kReplayed).
  enum class Replays { kRefuse, kAllow };

  /// Verifies the signature, then parses. Never throws, whatever the bytes. Buffers and parts
  /// share the frames' bytes.
  Result<Message> decode(const Frames& frames, Replays replays);

  /// Checks the signature only; what a relay does before it forwards frames untouched.
  Result<Envelope> verify(const Frames& frames) const;

  /// Signed frames: identities, delimiter, signature, four parts, buffers.
  Frames encode(const Message& message) const;

  /// The same message under another header (JSON text), signed anew; everything else is shared.
  /// `frames` are a verified message, of which `at` is the envelope.
  Frames with_header(Frames frames, const Envelope& at, const Frame& header_json) const;

  const Packer& packer() const noexcept { return packer_; }
  const Signer& signer() const noexcept { return signer_; }
  const WireLimits& limits() const noexcept { return limits_; }

 private:
  Result<void> read_part(const Frame& part, Frame& into) const;

  Signer signer_;
  Packer packer_;
  WireLimits limits_;
  ReplayGuard guard_;
};

}  // namespace trireme
