// The effects the engine's cores may ask for; its loop carries them out.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/work_queue.hpp"
#include "session/log.hpp"
#include "session/message.hpp"

namespace trireme {

/// The engine's sockets, by what travels there (docs/protocol.md).
enum class EngineChannel { kRegistration, kShell, kControl, kIopub, kStdin };

/// Why a running task is asked to stop.
enum class StopReason {
  kAborted,      // its caller gave it up: it is answered as aborted
  kInterrupted,  // a signal: it fails as interrupted
};

struct OutgoingEngineMessage {
  EngineChannel channel;
  Message message;
};
struct StopRun {
  RunNumber run;
  StopReason reason;
};
/// What a waiting run gets; empty: there is nobody to give it.
struct RunAnswer {
  RunNumber run;
  std::optional<std::string> text;
};
struct EngineLogLine {
  LogLevel level;
  std::string text;
};

/// What the engine shall do when it ends.
struct Leave {
  std::optional<int> signal;  // end by this signal instead of by exit
};

/// Effects, in order within each kind. The owner empties it after each event.
class EngineOutbox {
 public:
  void send(EngineChannel channel, Message message) {
    messages.push_back({channel, std::move(message)});
  }
  void log(LogLevel level, std::string text) { log_lines.push_back({level, std::move(text)}); }

  std::vector<OutgoingEngineMessage> messages;
  std::vector<WorkQueue::Start> starts;  // after the messages: busy goes out before the task runs
  std::vector<StopRun> stops;
  std::vector<RunAnswer> answers;
  std::vector<RunNumber> ports_wanted;  // open ports for front ends, and answer with their file
  std::vector<EngineLogLine> log_lines;
  bool clear_name_space = false;
  bool restart = false;  // of whatever runs tasks
  std::optional<Leave> leave;
};

}  // namespace trireme
