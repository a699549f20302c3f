// A simple client: submits all kinds of work, asks the hub, and checks what it is told.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/dice.hpp"
#include "tests/sim/schedule.hpp"
#include "tests/sim/sim_engine.hpp"
#include "tests/support/wire_peer.hpp"

namespace trireme::sim {

/// One client process. Every request of its own must be answered, once, or fail with its engine.
class SimClient final : public SimPeer {
 public:
  SimClient(SimWorld& world, const Schedule& schedule, Dice dice, std::string name);

  /// Connects; the first action follows once the engines are known.
  void start();
  /// The process ends with its work undone.
  void die();

  void on_message(Channel channel, Frames frames) override;

  /// It has done all it wanted and waits for nothing.
  bool is_content() const;
  std::string open_text() const;
  bool is_up() const { return is_up_; }
  std::map<std::int64_t, std::string> known_engines() const;
  /// Shuts no engines down from now on.
  void calm_down() { is_calm_ = true; }
  /// Does nothing new from now on.
  void rest() { actions_left_ = 0; }

 private:
  struct Query {
    std::string type;
    std::vector<MsgId> ids;  // asked about
    bool must_be_complete;   // all of them had been answered when it was asked
    bool purges_all;
  };
  /// Of a broadcast: ids of its parts and where they run.
  struct Broadcast {
    bool is_coalescing;
    std::map<std::string, std::string> engine_of;
    std::set<std::string> answered;
  };

  void plan_action();
  void act();
  void submit();
  void submit_again();
  void call_engine();
  void broadcast();
  void control_engine();
  void ask();
  void ask_about_results();
  void purge();
  void resubmit();

  TaskWish draw_wish(const MsgId& own_id);
  Dependency draw_dependency(const MsgId& own_id);
  std::string wish_metadata(const TaskWish& wish) const;
  MsgId send(Channel channel, Frames identities, Message message);
  MsgId query(std::string type, std::string content, Query facts);

  void on_notification(const Message& message);
  void on_query_reply(const Message& message);
  void check_results(const Query& asked, const Message& reply);
  void on_task_reply(const Message& message);
  void on_broadcast_reply(const Message& message);
  void engine_left(const std::string& uuid);
  std::vector<MsgId> some_answered(std::size_t most);
  std::string some_engine();
  MsgId parent_of(const Message& message) const;
  void complain(const std::string& text);

  SimWorld& world_;
  const Schedule& schedule_;
  Dice dice_;
  std::string name_;
  testing::WirePeer voice_;
  PeerId peer_;
  bool is_up_ = false;
  bool is_connected_ = false;
  bool is_calm_ = false;
  std::size_t actions_left_;

  std::map<std::string, std::string> engines_;  // id -> uuid
  std::set<std::string> left_;                  // ids of engines that have left
  std::set<MsgId> open_tasks_;
  std::vector<MsgId> answered_;              // tasks
  std::map<MsgId, std::string> open_calls_;  // direct and control: -> uuid
  std::set<MsgId> answered_calls_;
  std::map<MsgId, Broadcast> open_broadcasts_;
  std::map<MsgId, Query> open_queries_;
  Frames last_task_;
};

}  // namespace trireme::sim
