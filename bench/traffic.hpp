// Messages as clients and engines send them, made up for micro-benchmarks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/header_stencil.hpp"
#include "session/frame.hpp"
#include "session/message.hpp"
#include "session/signer.hpp"
#include "session/wire.hpp"

namespace trireme::bench {

inline constexpr std::string_view kBenchKey = "5b0f9d9f-6a8c4d2e9b7a1c3d5e7f9a0b";

/// A signer and a wire with the benchmarks' key.
Signer bench_signer();
Wire bench_wire();

/// The requests and replies of one client and some engines. The frames' bytes come from the heap,
/// not from ZeroMQ; else they are as on the wire.
class Traffic {
 public:
  Traffic();

  /// What the controller's task or mux socket receives from the client; `target` is the engine's
  /// uuid for direct requests, empty for tasks.
  Frames request(std::uint64_t number, std::string_view target = {}) const;
  /// What the engine's side receives as the answer to a request with this number.
  Frames reply(std::uint64_t number, std::string_view engine) const;
  /// The registration request of an engine, as received by the hub.
  Frames registration(std::string_view engine) const;

  /// The uuid of the n-th engine.
  static std::string engine(std::uint64_t number);
  MsgId msg_id(std::uint64_t number) const { return MsgId(request_header_.msg_id(number)); }

  std::string request_header(std::uint64_t number) const;
  static std::string_view task_metadata();

 private:
  Frames sign(Frames identities, std::string header, Frame parent, std::string metadata,
              std::string content, std::size_t buffer_bytes) const;

  Signer signer_;
  HeaderStencil request_header_;
  HeaderStencil reply_header_;
};

}  // namespace trireme::bench
