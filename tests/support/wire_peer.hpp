// One end of the wire for tests: makes, signs and reads messages as a client or engine would.
#pragma once

#include <string>
#include <string_view>

#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme::testing {

/// The key of all test clusters.
inline constexpr std::string_view kTestKey = "the key of the test cluster";

/// A wire with that key, or another one.
Wire make_test_wire(std::string_view key = kTestKey);

/// A client or engine process: a session, a count of its messages, and the key.
class WirePeer {
 public:
  explicit WirePeer(std::string session, std::string_view key = kTestKey);

  const std::string& session() const { return session_; }

  /// A new request. Empty texts mean `{}`.
  Message request(std::string_view type, std::string content, Now now, std::string metadata = {},
                  Frames buffers = {});
  /// Something said about a request: a reply, or output.
  Message about(const Message& request, std::string_view type, std::string content, Now now,
                std::string metadata = {}, Frames buffers = {});

  Frames encode(const Message& message) const { return wire_.encode(message); }
  /// Reads what arrived; frames that do not verify or parse fail the test.
  Message decode(const Frames& frames);

 private:
  std::string session_;
  MessageFactory factory_;
  Wire wire_;
};

}  // namespace trireme::testing
