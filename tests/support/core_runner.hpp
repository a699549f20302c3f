// Runs a ControllerCore as the program does, without sockets: effects become frames, records go to
// a store, questions wait to be answered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/controller_core.hpp"
#include "db/store_question.hpp"
#include "db/task_store.hpp"
#include "tests/support/wire_peer.hpp"

namespace trireme::testing {

/// What the core put on a socket; on ROUTER channels the first frame is the addressee.
struct SentFrames {
  Channel channel;
  Frames frames;
};

/// Everything the core wants is carried out within the call that caused it, in the order the
/// program keeps: messages, then records, then questions. The store must outlive the runner.
class CoreRunner {
 public:
  CoreRunner(ControllerCore::Options options, TaskStore& store, std::uint64_t seed = 1,
             std::string_view key = kTestKey);

  void start(Now now);
  void receive(Channel channel, Frames frames, Now now);
  void wake(Now now);
  void answer(StoreAnswer store_answer, Now now);
  Result<void> restore(std::string_view engines_json, Now now);
  void client_away(Channel channel, Frames frames, Now now);
  /// All that is not in the store or the file of engines is lost; another core goes on with that.
  void crash_and_restart(Now now);

  ControllerCore& core() { return *core_; }
  const ControllerCore& core() const { return *core_; }

  /// What was sent since the last call.
  std::vector<SentFrames> take_sent();
  /// Questions to the store that nobody has answered yet; whoever answers takes them.
  std::deque<StoreQuestion> questions;
  std::vector<LogLine> log_lines;
  std::string saved_engines;  // the file of engines, as last written
  bool stop_requested = false;

 private:
  void flush();

  void begin();

  TaskStore& store_;
  ControllerCore::Options options_;
  std::uint64_t seed_;
  std::string key_;
  int lives_ = 0;
  std::optional<ControllerCore> core_;
  Outbox outbox_;
  std::vector<SentFrames> sent_;
};

}  // namespace trireme::testing
