// A small world around the whole controller: clients and engines as verbs, every message signed and
// parsed on its way, and nothing left unread at the end.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/memory_store.hpp"
#include "tests/support/core_runner.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/wire_peer.hpp"

namespace trireme::testing {

/// A load-balanced task; everything but the point of the test has a default.
class TaskBuilder {
 public:
  TaskBuilder& after(const std::vector<MsgId>& ids) { return set("after", ids); }
  TaskBuilder& follow(const std::vector<MsgId>& ids) { return set("follow", ids); }
  TaskBuilder& targets(const std::vector<std::string>& uuids);
  TaskBuilder& retries(int count) { return set("retries", std::to_string(count)); }
  TaskBuilder& timeout(double seconds) { return set("timeout", std::to_string(seconds)); }
  TaskBuilder& buffers(Frames frames);
  /// Any further metadata, as JSON text.
  TaskBuilder& set(const std::string& key, std::string json);

  std::string metadata() const;
  const Frames& buffer_frames() const { return buffers_; }

 private:
  TaskBuilder& set(const std::string& key, const std::vector<MsgId>& ids);

  std::map<std::string, std::string> metadata_;
  Frames buffers_;
};

inline TaskBuilder task() { return {}; }

/// A message as its receiver gets it. On ROUTER channels `to` is whom the controller addressed.
struct Received {
  Channel channel;
  std::string to;
  Message message;
  Frames frames;  // as they left, the addressee included

  std::string type() const { return message.header.msg_type; }
  std::string content() const { return message.content_json.to_string(); }
  std::string metadata() const { return message.metadata_json.to_string(); }
  /// The message this one answers; empty when it answers none.
  MsgId parent() const;
  /// A member of content or metadata in JSON text without blanks; empty when it is missing.
  std::string member(std::string_view key) const;
  std::string metadata_member(std::string_view key) const;
};

/// What an engine says of an attempt.
struct Answer {
  std::string status = "ok";
  bool dependencies_met = true;
  Frames buffers;
};

/// One client (RoutingId kClient on every channel) and any number of engines, by uuid. Verbs that
/// must be answered take the answer; everything else waits to be taken. Ends by checking that all
/// was taken, that no question is open, and the core's invariants.
class ControllerWorld {
 public:
  static const std::string kClient;
  static ControllerCore::Options default_options();

  explicit ControllerWorld(ControllerCore::Options options = default_options());
  ~ControllerWorld();

  /// Registers an engine and beats its heart until it is announced.
  EngineId join_engine(const std::string& uuid);
  /// The engine's watcher reports its end; takes the notification.
  void lose_engine(const std::string& uuid);

  MsgId submit(const TaskBuilder& builder = {}, std::string_view type = "apply_request");
  /// Gives tasks up, as our own clients do.
  void cancel(std::string content);
  /// The same message once more, as a client resends it.
  void resend_last();
  /// A request through mux, and one through control.
  MsgId apply_direct(const std::string& uuid, Frames buffers = {});
  MsgId control(const std::string& uuid, std::string_view type, std::string content = "{}");
  MsgId broadcast(const std::vector<std::string>& uuids, bool is_coalescing);
  /// A request to the hub: sends it, or sends it and takes the reply.
  MsgId request(std::string_view type, std::string content = "{}");
  Received ask(std::string_view type, std::string content = "{}");

  /// An engine answers what it was sent, on the channel it came from.
  void reply(const Received& request, const Answer& answer = {});
  /// An engine that has nothing to do with it answers.
  void reply_as(const std::string& uuid, const Received& request, const Answer& answer = {});
  /// An engine says something about a request on iopub.
  void publish(const std::string& uuid, const MsgId& about, std::string_view type,
               std::string content);

  /// The controller is killed, and another one goes on with its files; clients and engines connect
  /// anew. What nobody had taken is lost.
  void restart_controller();
  /// The client is on another connection from now on, and nobody is on its old one.
  void renew_connection();
  /// What our own clients say first on a new connection.
  void say_hello(Channel channel);

  /// Anything at all, as it comes from a socket.
  void receive(Channel channel, Frames frames);
  /// Time goes by, deadline after deadline; beating hearts answer every ping.
  void advance(std::chrono::nanoseconds duration);
  void pong(const std::string& uuid) { receive(Channel::kHeartPong, {Frame(uuid), ping}); }
  void answer_questions();

  /// The oldest message on this channel; fails the test when there is none.
  Received take(Channel channel);
  /// The same, which must be addressed so.
  Received take_for(const std::string& to, Channel channel);
  bool is_silent() const { return sent_.empty(); }
  /// All there is, in the order it was sent.
  std::deque<SentFrames> take_all() { return std::exchange(sent_, {}); }
  /// The record of a task; fails the test when there is none.
  TaskRecord record(const MsgId& msg_id);
  bool has_record(const MsgId& msg_id);
  std::size_t log_count(LogLevel level) const;

  ControllerCore& core() { return runner.core(); }

  ManualClock clock;
  MemoryStore store;
  WirePeer client{"client-session"};
  CoreRunner runner;
  std::set<std::string> beating;     // uuids whose hearts answer pings
  std::string connection = kClient;  // the client's present routing id
  bool store_answers = true;         // false: questions wait for answer_questions()
  Frame ping;                        // payload of the last one

 private:
  void settle();
  Message taken_apart(const SentFrames& sent);
  void keep(SentFrames sent);
  void send_from_client(Channel channel, Frames identities, const Message& message);

  std::map<std::string, WirePeer> engines_;
  std::map<std::string, EngineId> ids_;
  std::deque<SentFrames> sent_;
  std::set<std::string> gone_;  // routing ids nobody is behind
  int connections_ = 0;
  Channel last_channel_ = Channel::kTaskClients;
  Frames last_frames_;
};

}  // namespace trireme::testing
