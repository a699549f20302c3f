// Identity types that cannot be mixed up: a message id is not a session id is not an engine uuid.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "session/short_text.hpp"

namespace trireme {

/// A string that means one thing. Opaque: compared and hashed, never taken apart.
template <class Tag>
class NamedString {
 public:
  NamedString() = default;
  explicit NamedString(std::string_view text) : text_(text) {}

  /// A copy; view() costs nothing.
  std::string str() const { return std::string(text_.view()); }
  std::string_view view() const noexcept { return text_.view(); }
  bool empty() const noexcept { return text_.empty(); }

  friend bool operator==(const NamedString&, const NamedString&) = default;
  friend auto operator<=>(const NamedString&, const NamedString&) = default;

 private:
  ShortText text_;
};

using MsgId = NamedString<struct MsgIdTag>;            // of a request; replies name it as parent
using SessionId = NamedString<struct SessionIdTag>;    // of a client, engine or controller process
using EngineUuid = NamedString<struct EngineUuidTag>;  // an engine's session id and socket identity
using RoutingId = NamedString<struct RoutingIdTag>;    // bytes a ROUTER put before a peer's message

/// The small number people call an engine by; given by the hub, never reused.
class EngineId {
 public:
  constexpr EngineId() = default;
  constexpr explicit EngineId(std::int32_t value) : value_(value) {}
  constexpr std::int32_t value() const noexcept { return value_; }
  friend constexpr auto operator<=>(EngineId, EngineId) = default;

 private:
  std::int32_t value_ = -1;
};

}  // namespace trireme

template <class Tag>
struct std::hash<trireme::NamedString<Tag>> {
  std::size_t operator()(const trireme::NamedString<Tag>& name) const noexcept {
    return std::hash<std::string_view>{}(name.view());
  }
};

template <>
struct std::hash<trireme::EngineId> {
  std::size_t operator()(trireme::EngineId id) const noexcept {
    return std::hash<std::int32_t>{}(id.value());
  }
};
