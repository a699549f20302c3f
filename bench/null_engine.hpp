// An engine that does nothing, fast: it registers, beats and answers, and runs no task.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bench/header_stencil.hpp"
#include "bench/payload_pool.hpp"
#include "net/poll_loop.hpp"
#include "net/socket.hpp"
#include "session/clock.hpp"
#include "session/connection_file.hpp"
#include "session/signer.hpp"

namespace trireme::bench {

/// What the engines of a process share. Outlives them.
struct EngineSetup {
  NetContext& context;
  PollLoop& loop;
  EngineConnection connection;
  Signer signer;
  PayloadPool payloads;
  bool all_channels;
};

/// One null engine. It neither checks signatures nor reads requests, so that it costs little
/// beside what is measured; its replies are complete and signed.
class NullEngine {
 public:
  /// Is handed every reply the moment the request came; whoever takes it calls send().
  using OnReply = std::function<void(NullEngine&, Frames)>;

  /// Asks for registration at once. `setup` and the callback must outlive the engine.
  static Result<std::unique_ptr<NullEngine>> start(EngineSetup& setup, const OnReply& on_reply);
  ~NullEngine();
  NullEngine(const NullEngine&) = delete;
  NullEngine& operator=(const NullEngine&) = delete;

  void send(Frames reply);
  /// Tells the hub that this engine leaves and stops its heart; it still answers what it has.
  void leave();

  const EngineUuid& uuid() const noexcept { return uuid_; }
  /// When the engine is through with the tasks it has; whoever holds replies back keeps it.
  Instant busy_until{};

 private:
  NullEngine(EngineSetup& setup, const OnReply& on_reply);

  Result<void> open_registration();
  void on_registration();
  Result<void> open_channels(int id);
  Result<void> open_heart();
  Result<Socket> connect(SocketType type, int port, bool named);
  void echo_heart();
  void answer_requests();
  Frames reply_to(const Frames& request, const std::string& date);
  std::string broadcast_metadata(std::string_view request_metadata, const std::string& date) const;

  EngineSetup& setup_;
  const OnReply& on_reply_;
  EngineUuid uuid_;
  HeaderStencil header_;
  std::string metadata_end_;
  int id_ = -1;
  std::uint64_t next_number_ = 0;
  std::optional<Socket> registration_;
  std::optional<Socket> shell_;
  std::optional<Socket> heart_ping_;
  std::optional<Socket> heart_pong_;
  std::optional<Socket> control_;
  std::optional<Socket> iopub_;
};

}  // namespace trireme::bench
