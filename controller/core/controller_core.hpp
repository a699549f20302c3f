// Which channel feeds which core, and what becomes of their effects. The loop and the simulation
// run this very class.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/core/peer_faults.hpp"
#include "controller/hub/broadcast_tree.hpp"
#include "controller/hub/hub.hpp"
#include "controller/hub/outbox.hpp"
#include "controller/hub/recent_ids.hpp"
#include "controller/recovery/catch_up.hpp"
#include "controller/recovery/client_routes.hpp"
#include "controller/scheduler/task_scheduler.hpp"
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
    std::uint64_t queue_bytes_max = 1ULL << 32;    // tasks that would make the live ones more, too
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
  /// Takes over what that controller left unfinished: whole records, in order of insertion. Call
  /// it after restore(), before anything is received. From now on requests from before `now` are
  /// looked up in the records before they are run.
  void restore_tasks(const std::vector<TaskRecord>& unfinished, Now now, Outbox& out);
  std::string engines_json() const { return hub_.engines_json(); }

  /// Takes over replies (whole records) of the earlier controller that did not reach their
  /// clients, or may not have.
  enum class Reached { kNo, kMaybe };
  void restore_replies(const std::vector<TaskRecord>& finished, Reached reached, Now now,
                       Outbox& out);

  /// Coalescing broadcasts, after restore_tasks(): parts of one are ended by one reply. First the
  /// ids of all parts of those that these records belong to (of engines that are here), then what
  /// the records hold of them: what waits for engines goes on, what is whole may have reached its
  /// client or not.
  std::vector<MsgId> gathered_with(const std::vector<TaskRecord>& records) const;
  void restore_gatherings(const std::vector<TaskRecord>& parts, Now now, Outbox& out);

  /// Connections of engines on this channel ended: what was under way there may be lost.
  void on_connections_lost(Channel channel, Now now);
  /// The connection of an engine's heart ended. It comes back at once, or the engine is gone.
  void on_heart_cut(const EngineUuid& engine, Now now);

  /// A message for a client could not be sent because nobody is connected under its routing id:
  /// it goes to where the client is by now, or waits for it.
  void on_client_away(Channel channel, Frames frames, Outbox& out);
  /// Nobody is connected as this engine; whether its messages should wait for it.
  bool awaits_engine(const EngineUuid& engine) const;
  /// What is parked on a channel, addressed to a connection that has said nothing yet: it may be
  /// the client that waits for it in silence. A connection is offered everything once; what cannot
  /// be sent there need not come back.
  std::vector<ClientRoutes::Reply> offers_for(Channel channel, const RoutingId& connection);
  /// Everything that is unfinished ends, because the controller does and nobody will go on.
  void abandon_tasks(Now now, Outbox& out);

  /// Signs and frames a message of the outbox.
  Frames encode(const Message& message) const { return wire_.encode(message); }

  const Hub& hub() const noexcept { return hub_; }
  const TaskScheduler& scheduler() const noexcept { return scheduler_; }
  const BroadcastTree& broadcast() const noexcept { return broadcast_; }
  const PeerFaults& faults() const noexcept { return faults_; }
  const ClientRoutes& routes() const noexcept { return routes_; }
  const CatchUp& catch_up() const noexcept { return catch_up_; }
  /// Questions about the outcomes of old tasks that the store has not answered yet.
  std::size_t open_look_ups() const noexcept { return look_ups_.size() + questions_.size(); }

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
    Message& message;  // goes to the records with its delivery
    ReplyStatus status;
  };

  /// Where direct requests are repeated.
  using Place = std::pair<EngineUuid, Channel>;
  /// What is to be done once the records are there; none when the store could not say.
  using OnRecords =
      std::function<void(const std::vector<TaskRecord>& records, Now now, Outbox& out)>;

  void relay_message(Channel channel, Frames frames, Now now, Outbox& out);
  void relay_control(Channel channel, Frames frames, Outbox& out);
  void pass_on(Channel channel, Frames frames, Message&& message, Now now, Outbox& out);
  void start_broadcast(Frames frames, Outbox& out);
  void submit_task(Frames frames, Now now, Outbox& out);
  /// Whether an engine may have had a request from a controller that was killed before it could
  /// record that. Then the first attempt at it needs a signature of its own, too.
  enum class Seen { kNever, kPerhaps };
  void accept_task(Frames frames, Message&& request, Seen seen, Now now, Outbox& out);
  void submit(Message&& request, RoutingId client, Frames body, Seen seen, Now now, Outbox& out);
  void on_cancel(const Message& request, Now now, Outbox& out);
  void cancel_tasks(const Message& request, Now now, Outbox& out);
  void finish_task(Frames frames, Now now, Outbox& out);
  void refuse_task(Message&& request, const RoutingId& client, const Error& error, Now now,
                   Outbox& out);

  /// Decodes, or notes what is wrong with the message.
  std::optional<Message> decode(Channel channel, const Frames& frames, Outbox& out,
                                Wire::Replays replays = Wire::Replays::kAllow);
  void note_fault(Channel channel, const Frames& frames, const Error& error, Outbox& out);

  void carry_out(AttemptReply* reply, Now now, Outbox& out);
  void perform(RunTask& effect, Now now, Outbox& out);
  void perform(DeliverReply& effect, AttemptReply& reply, Now now, Outbox& out);
  void perform(FailTask& effect, Now now, Outbox& out);
  void perform(LookUpOutcomes& effect, Outbox& out);
  void perform(const AttemptOver& effect, Now now, Outbox& out);
  void perform(const CountedDrop& effect, Outbox& out);
  void settle_engine_changes(Now now, Outbox& out);

  static bool is_gathered(const TaskRecord& record);
  // core_recovery.cpp: outages of the controller, of connections, and what repairs them
  bool take_note_of_client(Channel channel, const Message& request, Outbox& out);
  void park(Channel channel, const SessionId& session, ClientRoutes::Reply reply, Outbox& out);
  bool may_be_repeated(const Message& request) const;
  void ask_records(std::vector<MsgId> ids, OnRecords then, Outbox& out);
  void ask_about_past(Channel channel, std::vector<MsgId> ids, Frames frames, Outbox& out);
  void on_past(Channel channel, const Frames& frames, const std::vector<TaskRecord>& records,
               Now now, Outbox& out);
  Message stored_reply(const RoutingId& client, const TaskRecord& record, Now now);
  void restore_task(const TaskRecord& record, Now now, Outbox& out);
  void mend_cuts(Now now, Outbox& out);
  void catch_up_engine(const EngineUuid& engine, Now now, Outbox& out);
  void repeat_tasks(const EngineUuid& engine, Now now, Outbox& out);
  void ask_and_repeat_direct(EngineId engine, Outbox& out);
  void repeat_direct(const std::vector<TaskRecord>& records, Now now, Outbox& out);
  void send_fence(Channel channel, const EngineUuid& engine, std::vector<MsgId> repeated, Now now,
                  Outbox& out);
  void fence_parts(std::size_t sent_before, Now now, Outbox& out);
  Place note_repeated(Channel channel, Message request);
  void send_fence_behind(const Place& place, Now now, Outbox& out);
  bool on_fence(Channel channel, const Message& reply, Now now, Outbox& out);
  void rerun_direct(Channel channel, const EngineUuid& engine, Outbox& out);
  void send_attempt(const RunTask& attempt, Outbox& out);

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

  ClientRoutes routes_;
  CatchUp catch_up_;
  std::string run_name_;                  // marks further attempts once tasks were taken over
  std::optional<Timestamp> restored_at_;  // when work of a former controller was taken over
  std::unordered_map<RoutingId, Timestamp> returned_;  // clients that came back, and when
  std::uint64_t next_question_;
  std::unordered_map<std::uint64_t, OnRecords> questions_;  // by token
  std::map<Channel, Instant> cut_channels_;  // connections broke there, and when to mend that
  std::uint32_t direct_reruns_ = 0;
  std::map<Place, std::vector<Message>> repeated_;  // until the fence
};

/// The channel as people know it.
std::string_view channel_name(Channel channel);

}  // namespace trireme
