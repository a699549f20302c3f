// All null engines of a process: started together, joining and leaving, answering when they may.
#pragma once

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "bench/held_replies.hpp"
#include "bench/load_options.hpp"
#include "bench/null_engine.hpp"

namespace trireme::bench {

/// Owns the engines. Belongs to the loop's thread.
class EngineCrew {
 public:
  EngineCrew(NetContext& context, PollLoop& loop, const LoadOptions& options,
             EngineConnection connection, Signer signer);

  Result<void> start(std::size_t count);
  /// With a gate engines answer nothing until it is opened.
  void close_gate() { gate_is_open_ = false; }
  void open_gate();
  /// The engine that is here longest leaves, another joins.
  Result<void> replace_one(Instant now);
  /// All engines leave, orderly.
  void leave();
  /// Lets go of engines that left long enough ago.
  void bury(Instant now);

  std::size_t size() const noexcept { return engines_.size(); }

 private:
  void on_reply(NullEngine& engine, Frames reply);

  const LoadOptions& options_;
  EngineSetup setup_;
  NullEngine::OnReply on_reply_;
  HeldReplies held_;
  bool gate_is_open_ = true;
  std::vector<std::pair<NullEngine*, Frames>> gated_;
  std::deque<std::unique_ptr<NullEngine>> engines_;
  struct Departed {
    Instant when;
    std::unique_ptr<NullEngine> engine;
  };
  std::deque<Departed> departed_;
};

}  // namespace trireme::bench
