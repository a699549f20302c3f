// The client's bookkeeping: which requests are out, whose reply is whose, who is there.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/client_outbox.hpp"
#include "client/hub_watch.hpp"
#include "client/known_engines.hpp"
#include "client/sent_requests.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// A request somebody wants sent.
struct Submission {
  ClientChannel channel = ClientChannel::kTask;
  MsgId msg_id;
  std::string msg_type;
  Frame content;   // JSON
  Frame metadata;  // JSON, may be empty
  Frames buffers;
  /// kMux, kControl: the one engine. kBroadcast: all of them; task index + i belongs to the i-th.
  std::vector<EngineUuid> engines;
  CallTask task;
  bool is_coalescing = false;         // kBroadcast: one reply for all
  bool shows_output = false;          // an engine will publish what the task shows
  bool ends_with_its_engine = false;  // the engine's end is the wanted outcome
};

/// How a client talks and how patient it is.
struct ClientCoreOptions {
  std::string username;
  std::string process_tag;  // makes the core's own msg_ids differ from the submitted ones
  /// A real reply may be on its way when its engine is reported gone; it wins within this time.
  std::chrono::milliseconds death_grace{500};
  /// How long after a reply the end of its output is waited for.
  std::chrono::milliseconds output_grace{5000};
  /// The hub's list of engines is asked for again this long after the start, since notifications
  /// may be missed before the subscription is in force.
  std::vector<std::chrono::milliseconds> refresh_after{std::chrono::milliseconds(300),
                                                       std::chrono::milliseconds(3000)};
  /// Requests are kept until they are answered, and repeated to a controller of ours that was away.
  bool repeats_requests = true;
  SentRequests::Pace pace;
  /// Engines may need this long to find a controller that was started again; those missing from
  /// its list are believed dead only then.
  std::chrono::milliseconds return_grace{20000};
};

/// Pure: events and `now` in, effects out. Invariants: (1) every request in pending_ waits for its
/// reply or for the end of its output; (2) each task ends once; (3) engines_ is consistent.
class ClientCore {
 public:
  ClientCore(SessionId session, ClientCoreOptions options);

  /// Asks the hub who is there.
  void on_start(Now now, ClientOutbox& out);
  void on_submit(Submission submission, Now now, ClientOutbox& out);
  /// Results of tasks by their ids, whoever sent them, as soon as the hub has them; one task of
  /// `call` for each.
  void on_watch(std::vector<MsgId> ids, CallTask first, Now now, ClientOutbox& out);
  /// Asks engines not to begin these tasks (all of this client's, if none are named).
  void on_abort(std::optional<std::vector<MsgId>> ids, Now now, ClientOutbox& out);
  void on_message(ClientChannel channel, const Message& message, Now now, ClientOutbox& out);
  /// The socket of the channel (a DEALER) has shaken hands with the controller: what is sent from
  /// now on reaches it, until the connection is lost.
  void on_connection_made(ClientChannel channel, Now now, ClientOutbox& out);
  /// Everything that came in on it before was handed over before.
  void on_connection_lost(ClientChannel channel, ClientOutbox& out);
  void on_deadline(Now now, ClientOutbox& out);
  std::optional<Instant> next_deadline() const;
  /// Ends everything that is pending with ConnectionError.
  void on_close(const std::string& reason, ClientOutbox& out);

  /// The hub has answered.
  bool is_connected() const noexcept { return connected_; }
  const std::map<EngineId, EngineUuid>& engines() const noexcept { return engines_.engines(); }
  std::size_t pending() const noexcept { return pending_.size(); }
  /// Replies nobody waited for (any more).
  std::uint64_t late_replies() const noexcept { return late_replies_; }
  std::uint64_t repeated_requests() const noexcept { return sent_.repeated(); }
  void check_invariants() const;

 private:
  struct Pending {
    ClientChannel channel;
    CallTask task;
    EngineUuid engine;  // empty for load-balanced and hub requests
    MsgId broadcast;    // the id shared by all requests of a coalescing broadcast
    bool replied = false;
    bool shows_output = false;
    bool ends_with_its_engine = false;
    bool runs_once = false;  // it must not be repeated
    std::optional<SentRequests::Number> kept;
  };
  using PendingMap = std::unordered_map<MsgId, Pending>;
  struct Deadline {
    Instant due;
    enum class Kind { kEngineDeath, kOutputGrace, kRefresh } kind;
    MsgId msg_id;
    EngineUuid engine;
  };

  // One handler per channel's messages.
  void on_query_reply(const MsgId& parent, const Message& message, Now now, ClientOutbox& out);
  void on_task_reply(const MsgId& parent, const Message& message, Now now, ClientOutbox& out);
  void on_coalesced_reply(const MsgId& parent, const Message& message, Now now, ClientOutbox& out);
  void on_output(const MsgId& parent, const Message& message, Now now, ClientOutbox& out);
  void on_notification(const Message& message, Now now, ClientOutbox& out);

  void on_engine_list(const Message& message, Now now, ClientOutbox& out);
  /// Its tasks fail at `verdict`, unless it is there again.
  void engine_left(const EngineUuid& uuid, Instant verdict, ClientOutbox& out);
  void fail_tasks_of(const EngineUuid& uuid, Now now, ClientOutbox& out);
  void ask_for_engines(Now now, ClientOutbox& out);
  void add_pending(const Submission& submission, const std::optional<SentRequests::Number>& kept);
  std::optional<SentRequests::Number> send(ClientChannel channel, Message request,
                                           std::size_t answers, ClientOutbox& out);
  void greet(ClientChannel channel, Now now, ClientOutbox& out);
  void fail_unrepeated(ClientChannel channel, Now now, ClientOutbox& out);
  void finish(PendingMap::iterator at, CallReply reply, Now now, ClientOutbox& out);
  void fill_engine(const Pending& pending, CallReply& reply) const;
  CallReply death_of(const EngineUuid& uuid, const MsgId& id, const Pending& pending,
                     Now now) const;
  void schedule(Deadline deadline);

  const ClientCoreOptions options_;
  MessageFactory messages_;
  KnownEngines engines_;
  PendingMap pending_;
  SentRequests sent_;
  std::unordered_map<MsgId, std::vector<MsgId>> coalescing_;  // shared id -> ids in pending_
  HubWatches watches_;
  std::multimap<Instant, Deadline> deadlines_;
  MsgId refresh_;  // the connection_request that is out, or empty
  bool connected_ = false;
  bool controller_resumes_ = false;               // it is of our make: it may be told again
  std::array<bool, kClientChannelCount> made_{};  // a connection there has been
  Instant engines_settle_ = Instant::min();       // from then on a missing engine is dead
  std::uint64_t late_replies_ = 0;
};

}  // namespace trireme
