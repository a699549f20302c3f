// Which channel feeds which core, and what becomes of their effects. The loop and the simulation
// run this very class.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>

#include "controller/broadcast_tree.hpp"
#include "controller/hub.hpp"
#include "controller/outbox.hpp"
#include "controller/peer_faults.hpp"
#include "controller/task_scheduler.hpp"
#include "session/message.hpp"
#include "session/wire.hpp"

namespace trireme {

/// The controller without sockets, threads, files or clock: frames in, an Outbox out. Not
/// thread-safe.
class ControllerCore {
 public:
  struct Options {
    Hub::Options hub;
    SchedulerOptions scheduler;
    bool schedules_tasks = true;                   // false: load-balanced tasks are refused
    std::uint64_t message_bytes_max = 1ULL << 32;  // larger load-balanced tasks are refused
  };

  ControllerCore(Options options, Wire wire, MessageFactory factory, std::mt19937_64 random);
  ControllerCore(const ControllerCore&) = delete;
  ControllerCore& operator=(const ControllerCore&) = delete;

  void start(Now now) { hub_.start(now); }

  /// One whole message as it was received on `channel`; on ROUTER channels the first frame is the
  /// sender's identity. Bad messages are dropped, counted and said once.
  void on_frames(Channel channel, Frames frames, Now now, Outbox& out);
  void on_store_answer(StoreAnswer answer, Now now, Outbox& out);
  void on_deadline(Now now, Outbox& out);
  /// When on_deadline is next due.
  std::optional<Instant> next_deadline() const;

  /// Takes over the engines of an earlier controller (text of engines_json()).
  Result<void> restore(std::string_view engines_json, Now now, Outbox& out);
  std::string engines_json() const { return hub_.engines_json(); }

  /// Signs and frames a message of the outbox.
  Frames encode(const Message& message) const { return wire_.encode(message); }

  const Hub& hub() const noexcept { return hub_; }
  const TaskScheduler& scheduler() const noexcept { return scheduler_; }
  const BroadcastTree& broadcast() const noexcept { return broadcast_; }
  const PeerFaults& faults() const noexcept { return faults_; }
  /// Questions about the outcomes of old tasks that the store has not answered yet.
  std::size_t open_look_ups() const noexcept { return look_ups_.size(); }

  std::string describe() const;
  void check_invariants() const;

 private:
  /// The hub's window on the task queue.
  class QueueView final : public TaskQueueView {
   public:
    explicit QueueView(const TaskScheduler& scheduler) : scheduler_(scheduler) {}
    std::vector<MsgId> waiting() const override { return scheduler_.waiting_ids(); }
    std::size_t waiting_count() const override { return scheduler_.waiting_count(); }
    std::vector<MsgId> running_on(const EngineUuid& engine) const override {
      return scheduler_.running_on(engine);
    }
    std::size_t running_count(const EngineUuid& engine) const override {
      return scheduler_.load_of(engine);
    }
    bool is_pending(const MsgId& msg_id) const override { return scheduler_.is_live(msg_id); }

   private:
    const TaskScheduler& scheduler_;
  };

  /// An engine's answer to one attempt at a task.
  struct AttemptReply {
    const Message& message;
    ReplyStatus status;
  };

  void relay_message(Channel channel, Frames frames, Now now, Outbox& out);
  void relay_control(Channel channel, Frames frames, Outbox& out);
  void submit_task(Frames frames, Now now, Outbox& out);
  void submit(const Message& request, RoutingId client, Frames body, Now now, Outbox& out);
  void finish_task(Frames frames, Now now, Outbox& out);
  void refuse_task(const Message& request, const RoutingId& client, const Error& error, Now now,
                   Outbox& out);

  /// Decodes, or notes what is wrong with the message.
  std::optional<Message> decode(Channel channel, const Frames& frames, Outbox& out,
                                Wire::Replays replays = Wire::Replays::kAllow);
  void note_fault(Channel channel, const Frames& frames, const Error& error, Outbox& out);

  void carry_out(const AttemptReply* reply, Now now, Outbox& out);
  void perform(RunTask& effect, Now now, Outbox& out);
  void perform(DeliverReply& effect, const AttemptReply& reply, Now now, Outbox& out);
  void perform(FailTask& effect, Now now, Outbox& out);
  void perform(LookUpOutcomes& effect, Outbox& out);
  void perform(const CountedDrop& effect, Outbox& out);
  void settle_engine_changes(Now now, Outbox& out);

  Options options_;
  Wire wire_;
  MessageFactory factory_;
  TaskScheduler scheduler_;
  QueueView queue_view_{scheduler_};
  Hub hub_;
  BroadcastTree broadcast_;
  PeerFaults faults_;
  SchedulerOutbox scheduled_;  // effects of the present event
  std::uint64_t next_look_up_;
  std::unordered_map<std::uint64_t, MsgId> look_ups_;  // token -> the task that waits for it
};

/// The channel as people know it.
std::string_view channel_name(Channel channel);

}  // namespace trireme
