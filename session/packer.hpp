// How the four parts of a message are serialized: JSON, or MessagePack.
#pragma once

#include <string_view>

#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

/// Converts between a part as it stands on the wire and JSON text. Stateless; thread-safe.
class Packer {
 public:
  enum class Kind { kJson, kMsgpack };

  explicit Packer(Kind kind = Kind::kJson) : kind_(kind) {}
  /// From the `pack` field of a connection file: `json`, or `msgpack.packb` and its relatives.
  /// kConfiguration for everything else (pickle among them), naming what is supported.
  static Result<Packer> from_name(std::string_view pack);

  Kind kind() const noexcept { return kind_; }
  /// Wire bytes to JSON text; for JSON the same frame. kBadFormat when they are not a map.
  Result<Frame> to_json(const Frame& part, std::size_t depth_max) const;
  /// JSON text (an object) to wire bytes; for JSON the same frame.
  Frame from_json(const Frame& json) const;

 private:
  Kind kind_;
};

}  // namespace trireme
