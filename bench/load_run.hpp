// One run of the load generator: engines and clients on one loop, and the order of its steps.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bench/engine_crew.hpp"
#include "bench/load_client.hpp"
#include "bench/load_options.hpp"
#include "bench/load_report.hpp"
#include "net/poll_loop.hpp"
#include "net/socket.hpp"
#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme::bench {

/// Everything runs on the calling thread, beside ZeroMQ's own.
class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options);

  /// Starts the engines, waits until the hub knows them all, does the warm-up and the work.
  Result<LoadFigures> run(SignalWatch& signals);

 private:
  Result<void> open();
  Result<LoadFigures> work();
  Result<void> open_clients(const ClientConnection& connection, const Signer& signer);
  /// Asks the hub until it knows as many engines as were started; takes note of them.
  Result<void> await_engines(LoadFigures& figures);
  void ask_for_engines();
  void read_engines();
  Result<void> do_round(std::uint64_t tasks, LoadShape shape, bool with_gate);
  void turn(Instant until);
  bool all_clients(bool (LoadClient::*is_so)() const) const;
  std::uint64_t answered() const;

  const LoadOptions& options_;
  NetContext context_;
  PollLoop loop_;
  std::optional<Socket> query_;
  std::optional<Wire> query_wire_;
  MessageFactory factory_;
  std::vector<KnownEngine> engines_;
  std::unique_ptr<EngineCrew> crew_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  std::optional<Instant> next_churn_;
  bool stopped_ = false;  // by a signal
};

}  // namespace trireme::bench
