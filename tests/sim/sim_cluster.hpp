// The whole cluster in one process: the real ControllerCore, simple peers, and things going wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/memory_store.hpp"
#include "tests/sim/schedule.hpp"
#include "tests/sim/sim_client.hpp"
#include "tests/sim/sim_engine.hpp"
#include "tests/support/core_runner.hpp"

namespace trireme::sim {

/// Runs one schedule from beginning to end. First things go wrong for a while; then everything is
/// healed, two engines join that take any work, and all must come to rest. The seed decides
/// everything: two runs of one schedule exchange the same bytes at the same moments.
class SimCluster {
 public:
  /// A verbose cluster writes a line for each message to standard error.
  explicit SimCluster(const Schedule& schedule, bool is_verbose = false);

  void run();

  const Findings& findings() const { return findings_; }
  /// Of every message that entered or left the controller, and when.
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t message_count() const { return message_count_; }
  std::string describe() const { return runner_.core().describe(); }

 private:
  /// Somebody who only ever speaks: the watcher of an engine process.
  struct Watcher final : SimPeer {
    explicit Watcher(const std::string& name, const std::string& key) : voice(name, key) {}
    void on_message(Channel, Frames) override {}
    testing::WirePeer voice;
    PeerId peer = 0;
  };

  // What goes wrong.
  void plan_faults();
  void do_fault();
  void start_engine(const std::string& uuid, SimEngine::Nature nature);
  void start_new_engine();
  void kill_engine(bool comes_back);
  void freeze_engine();
  void stall();
  void replace_client();
  void start_client();
  void send_nonsense();
  void heal();
  SimEngine* some_engine();

  // The controller's loop.
  void receive(Channel channel, Frames frames);
  void take_inbox();
  void hand_to_core(Channel channel, Frames frames);
  void after_core();
  void wake();
  void plan_wake();
  void answer_questions();

  // What the onlooker notes.
  void watch_incoming(Channel channel, const Frames& frames);
  void watch_outgoing(Channel channel, const Frames& frames);
  void trace(char direction, Channel channel, const Frames& frames);

  bool run_until(Instant end);
  bool is_quiet() const;
  void check_end();

  const Schedule schedule_;
  const bool is_verbose_;
  Dice dice_;
  Findings findings_;
  Timeline timeline_;
  MemoryStore store_;
  testing::CoreRunner runner_;
  SimNetwork network_;
  TaskBook book_;
  SimWorld world_;

  std::vector<std::unique_ptr<SimEngine>> engines_;  // all there ever were
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::uint64_t names_given_ = 0;

  Instant stalled_until_{};
  std::deque<std::pair<Channel, Frames>> inbox_;  // of a stalled controller
  std::optional<Instant> wake_at_;
  int idle_wakes_ = 0;  // in a row, without the next deadline moving on
  Instant last_answer_{};
  Instant last_news_{};  // of engines that came or went
  std::size_t answers_open_ = 0;
  bool store_is_down_ = false;
  std::deque<std::pair<Channel, Frames>> overheard_;  // by somebody hostile
  std::uint64_t steps_ = 0;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  std::uint64_t message_count_ = 0;
};

}  // namespace trireme::sim
