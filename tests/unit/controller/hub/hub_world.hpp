// A small world around the hub: engines that beat, a store that answers, and nothing left unread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/hub/broadcast_tree.hpp"
#include "controller/hub/hub.hpp"
#include "db/memory_store.hpp"
#include "session/wire.hpp"

namespace trireme {

/// The task queue as the hub sees it; tests fill it by hand.
class FakeTaskQueue final : public TaskQueueView {
 public:
  std::vector<MsgId> waiting() const override { return waiting_ids; }
  std::size_t waiting_count() const override { return waiting_ids.size(); }
  std::vector<MsgId> running_on(const EngineUuid& engine) const override;
  std::size_t running_count(const EngineUuid& engine) const override;
  bool is_pending(const MsgId& msg_id) const override;

  std::vector<MsgId> waiting_ids;
  std::map<EngineUuid, std::vector<MsgId>> running_ids;
};

/// A message that left the hub, after a trip over the wire.
struct Sent {
  Channel channel;
  Message message;

  std::string content() const { return message.content_json.to_string(); }
  /// A member of the content in canonical JSON text; empty when it is missing.
  std::string member(std::string_view key) const;
};

/// Drives a hub with a clock of its own. Every effect is carried out at once or kept until a test
/// takes it; a world that ends with messages nobody took fails its test.
class HubWorld {
 public:
  explicit HubWorld(Hub::Options options = {});
  ~HubWorld();

  /// Registers an engine, lets its heart beat, and takes the reply and the notification.
  EngineId join_engine(const std::string& uuid, std::optional<int> wanted = std::nullopt);
  /// Registers only; the reply is left to be taken.
  void register_engine(const std::string& uuid, std::optional<int> wanted = std::nullopt);
  void unregister_engine(EngineId id);
  /// A client's (or engine's) request; gives its message id.
  MsgId request(std::string_view type, std::string content = "{}");
  /// Request and reply in one.
  Sent ask(std::string_view type, std::string content = "{}");

  /// A request passes the MUX on its way to an engine; gives its message id.
  MsgId submit_direct(const std::string& uuid, std::string_view type = "apply_request",
                      Frames buffers = {});
  void reply_direct(const std::string& uuid, const MsgId& msg_id, Frames buffers = {},
                    std::string content = "{\"status\": \"ok\"}");
  /// A load-balanced task comes, runs and ends.
  MsgId submit_task();
  void assign_task(const MsgId& msg_id, const std::string& uuid);
  void finish_task(const MsgId& msg_id, const std::string& uuid, bool ran = true);
  /// An iopub message of this engine about a request.
  void output(const std::string& uuid, const MsgId& parent, std::string_view type,
              std::string content);

  /// A message made by the world's client, as the wire delivers it.
  Message client_message(std::string_view type, std::string content, std::string metadata = "{}");
  Message engine_message(const std::string& uuid, const MsgId& parent, std::string_view type,
                         std::string content, std::string metadata = "{}");

  /// Time goes by, deadline after deadline; beating hearts answer every ping.
  void advance(std::chrono::milliseconds duration);
  /// One pong to the latest ping.
  void pong(const std::string& uuid, std::optional<std::string> payload = std::nullopt);
  /// Carries out what the outbox holds.
  void settle();

  /// The oldest message on this channel; fails the test when there is none.
  Sent take(Channel channel);
  bool has(Channel channel) const;
  void discard(Channel channel);

  Now now;
  FakeTaskQueue tasks;
  MemoryStore store;
  MessageFactory factory;
  MessageFactory client_factory;
  Hub hub;
  BroadcastTree tree;
  Outbox out;
  std::set<std::string> beating;  // uuids whose hearts answer pings
  bool store_answers = true;      // false: questions stay in open_questions
  std::vector<StoreQuestion> open_questions;
  std::vector<EngineChange> engine_changes;  // all there were
  std::vector<Message> internal_tasks;       // all there were
  std::vector<RecordChange> records;         // all there were
  std::vector<std::string> pings;            // payloads, all there were

 private:
  Message over_the_wire(const Message& message);

  Wire wire_;
  std::deque<Sent> sent_;
};

/// JSON text with sorted keys, to compare contents by meaning. Fails the test on bad text.
std::string canonical(std::string_view json);

}  // namespace trireme
