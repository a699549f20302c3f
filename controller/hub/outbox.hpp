// The effects a core may ask for: cores append, the loop (or the simulation) carries them out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "db/record_change.hpp"
#include "db/store_question.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"
#include "session/log.hpp"
#include "session/message.hpp"

namespace trireme {

/// The controller's sockets, by what travels there (docs/protocol.md). "Clients" and "engines"
/// name the side.
enum class Channel {
  kQuery,         // ROUTER: registration and requests to the hub, both sides
  kNotification,  // PUB to clients
  kMuxClients,
  kMuxEngines,  // ROUTERs
  kControlClients,
  kControlEngines,  // ROUTERs
  kTaskClients,
  kTaskEngines,  // ROUTERs
  kBroadcastClients,
  kBroadcastEngines,  // ROUTERs
  kIopubEngines,
  kIopubClients,  // SUB, PUB
  kHeartPing,
  kHeartPong,  // PUB, ROUTER
};
inline constexpr std::size_t kChannelCount = 14;

/// Frames as they go to the socket; on ROUTER channels the first is the peer's identity.
struct OutgoingFrames {
  Channel channel;
  Frames frames;
};

/// A message the loop still has to sign and frame (its identities come first on the wire).
struct OutgoingMessage {
  Channel channel;
  Message message;
};

/// An engine came or went. Schedulers act on it; the list of engines on disk is rewritten.
struct EngineChange {
  enum class Kind { kJoined, kLeft } kind;
  EngineId id;
  EngineUuid uuid;
};

struct LogLine {
  LogLevel level;
  std::string text;
};

/// What cores want done, in order within each kind. The owner empties it after each event.
class Outbox {
 public:
  void send(Channel channel, Frames frames) {
    outgoing.emplace_back(OutgoingFrames{channel, std::move(frames)});
  }
  void send(Channel channel, Message message) {
    outgoing.emplace_back(OutgoingMessage{channel, std::move(message)});
  }
  void ask(StoreQuestion question) { questions.push_back(std::move(question)); }
  void record(RecordChange change) { records.push_back(std::move(change)); }
  void log(LogLevel level, std::string text) { log_lines.push_back({level, std::move(text)}); }

  std::vector<std::variant<OutgoingFrames, OutgoingMessage>> outgoing;
  std::vector<RecordChange> records;
  std::vector<StoreQuestion> questions;  // to be asked after `records` are handed over
  std::vector<Message> internal_tasks;   // to be submitted to the task queue; replies go nowhere
  std::vector<EngineChange> engine_changes;
  std::vector<LogLine> log_lines;
  std::vector<MsgId> owed;       // requests whose replies wait for their clients from now on
  std::vector<MsgId> delivered;  // and those whose replies do not any more
  bool engines_changed = false;  // the file of engines must be rewritten
  bool stop_requested = false;   // a client asked the controller to shut down
};

}  // namespace trireme
