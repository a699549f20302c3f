// A client that keeps a window of requests outstanding and times each round trip.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/header_stencil.hpp"
#include "bench/load_options.hpp"
#include "bench/load_report.hpp"
#include "bench/payload_pool.hpp"
#include "net/poll_loop.hpp"
#include "net/socket.hpp"
#include "session/connection_file.hpp"
#include "session/signer.hpp"

namespace trireme::bench {

/// An engine as the hub names it.
struct KnownEngine {
  int id;
  std::string uuid;
};

/// One client on one channel. Replies are matched by the number in their parent's msg_id; their
/// signatures are not checked, so that the client costs little beside what is measured.
class LoadClient {
 public:
  static Result<std::unique_ptr<LoadClient>> connect(NetContext& context, PollLoop& loop,
                                                     const LoadOptions& options,
                                                     const ClientConnection& connection,
                                                     Signer signer);
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  /// Begins a round of `tasks` for these engines, which are borrowed until it is done.
  void begin(std::uint64_t tasks, LoadShape shape, const std::vector<KnownEngine>& engines);
  /// Sends what the window allows, a batch at most.
  void pump();
  bool may_send() const { return sent_ < tasks_ && outstanding() < options_.window; }
  bool has_sent_all() const { return sent_ == tasks_; }
  bool is_done() const { return answered_ == tasks_; }
  std::uint64_t outstanding() const { return sent_ - answered_; }
  std::uint64_t answered() const { return answered_; }

  /// Adds this round to the figures.
  void report(LoadFigures& figures) const;
  Instant first_sent() const { return first_sent_; }
  Instant last_answered() const { return last_answered_; }

 private:
  LoadClient(PollLoop& loop, const LoadOptions& options, Signer signer, Socket socket);

  void send_next(const std::string& date);
  std::string metadata_of(std::uint64_t index) const;
  std::string dependencies_of(std::uint64_t index) const;
  void make_broadcast_metadata();
  void receive();
  void on_reply(const Frames& frames, Instant now);

  PollLoop& loop_;
  const LoadOptions& options_;
  Signer signer_;
  Socket socket_;
  std::string session_;
  HeaderStencil header_;
  PayloadPool payloads_;

  // The present round. Messages are numbered on from round to round.
  const std::vector<KnownEngine>* engines_ = nullptr;
  LoadShape shape_ = LoadShape::kIndependent;
  std::string broadcast_metadata_;
  std::uint64_t first_number_ = 0;
  std::uint64_t tasks_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t replies_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t payload_bytes_ = 0;
  Instant first_sent_{};
  Instant last_answered_{};
  struct Pending {
    Instant sent;
    std::uint32_t replies_missing;
  };
  std::vector<Pending> pending_;  // by index in the round
  std::vector<std::uint32_t> round_trips_us10_;
};

}  // namespace trireme::bench
