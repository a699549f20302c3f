// Messages of test peers.
#include "tests/support/wire_peer.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace trireme::testing {

Wire make_test_wire(std::string_view key) {
  Result<Signer> signer = Signer::create(std::string(key));
  return Wire(*std::move(signer), Packer());
}

WirePeer::WirePeer(std::string session, std::string_view key)
    : session_(std::move(session)),
      factory_(SessionId(session_), "tester", "1"),
      wire_(make_test_wire(key)) {}

Message WirePeer::request(std::string_view type, std::string content, Now now, std::string metadata,
                          Frames buffers) {
  Message message =
      factory_.make(type, std::move(content), now.timestamp, Frame(), std::move(metadata));
  message.buffers = std::move(buffers);
  return message;
}

Message WirePeer::about(const Message& request, std::string_view type, std::string content, Now now,
                        std::string metadata, Frames buffers) {
  Message message = factory_.make(type, std::move(content), now.timestamp, request.header_json,
                                  std::move(metadata));
  message.buffers = std::move(buffers);
  return message;
}

Message WirePeer::decode(const Frames& frames) {
  Result<Message> message = wire_.decode(frames, Wire::Replays::kAllow);
  if (message) return *std::move(message);
  ADD_FAILURE() << session_ << " cannot read a message: " << message.error().text;
  return {};
}

}  // namespace trireme::testing
