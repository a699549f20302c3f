// A simple engine: registers, beats, runs one request at a time, and may freeze or die.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/dice.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/sim_network.hpp"
#include "tests/sim/task_book.hpp"
#include "tests/support/wire_peer.hpp"

namespace trireme::sim {

/// What all peers of one simulation share.
struct SimWorld {
  Timeline& timeline;
  SimNetwork& network;
  TaskBook& book;
  Findings& findings;
  std::string key;
};

/// One engine process. It stays in memory after its end, so that planned actions find it gone.
class SimEngine final : public SimPeer {
 public:
  /// How this engine differs from others.
  struct Nature {
    bool has_watcher = true;  // its death is reported at once; otherwise only its heart tells
    bool refuses = true;      // it may say that a task's dependencies are not met here
    unsigned prints = 20;     // percent of requests with output
    std::chrono::nanoseconds hurry{};  // 0: as slow as the request says; else at most this
  };

  SimEngine(SimWorld& world, Dice dice, std::string uuid, Nature nature);

  /// Connects and registers.
  void start();
  /// The process is killed: nothing more is said, except by its watcher.
  void kill();
  void freeze(std::chrono::nanoseconds duration);
  void thaw();

  void on_message(Channel channel, Frames frames) override;

  const std::string& uuid() const { return uuid_; }
  const Nature& nature() const { return nature_; }
  /// Given by the hub; empty until then.
  std::optional<std::int64_t> id() const { return id_; }
  bool is_up() const { return is_up_; }
  bool is_frozen() const { return is_frozen_; }
  /// A registration came back with an error: the process has ended.
  bool was_refused() const { return was_refused_; }

 private:
  struct Request {
    Channel channel;
    Message message;
  };

  void join(std::int64_t id);
  void on_control(Message request);
  void shut_down(const Message& request);
  void start_next();
  void finish();
  void answer(const Request& request);
  void print(const Message& request);
  void reply(Channel channel, const Message& request, std::string content, std::string metadata);
  std::string result_metadata(const Message& request, std::string_view status, bool is_met) const;
  void leave(bool killed);

  SimWorld& world_;
  Dice dice_;
  std::string uuid_;
  Nature nature_;
  testing::WirePeer voice_;
  PeerId peer_;
  std::optional<std::int64_t> id_;
  bool is_up_ = false;
  bool is_frozen_ = false;
  bool was_refused_ = false;
  std::deque<Request> queue_;  // the first one runs
  bool is_running_ = false;
  bool is_overdue_ = false;  // the running request ended while the process was frozen
  std::set<std::string> aborted_;
};

}  // namespace trireme::sim
