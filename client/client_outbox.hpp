// What the client's core wants done: it appends, the client's thread carries out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/call_reply.hpp"
#include "session/message.hpp"

namespace trireme {

class CallState;

/// The client's sockets, by what travels there.
enum class ClientChannel {
  kQuery,         // DEALER to the hub
  kMux,           // DEALER: direct calls
  kControl,       // DEALER: abort, clear, shutdown, signals
  kTask,          // DEALER: load-balanced calls
  kBroadcast,     // DEALER
  kIopub,         // SUB: what tasks show
  kNotification,  // SUB: engines come and go
};
inline constexpr std::size_t kClientChannelCount = 7;

/// One task of a call, or nobody's (then `call` is null). The core only carries it.
struct CallTask {
  std::shared_ptr<CallState> call;
  std::uint32_t index = 0;
};

/// Effects, in order within each kind. The owner empties it after each event.
class ClientOutbox {
 public:
  struct Outgoing {
    ClientChannel channel;
    Message message;
  };
  struct Ended {
    CallTask task;
    CallReply reply;
  };
  struct Shown {
    CallTask task;
    CallOutput output;
  };

  void send(ClientChannel channel, Message message) {
    outgoing.push_back({channel, std::move(message)});
  }
  void end(CallTask task, CallReply reply) {
    if (task.call != nullptr) ended.push_back({std::move(task), std::move(reply)});
  }
  void show(CallTask task, CallOutput output) {
    if (task.call != nullptr) shown.push_back({std::move(task), std::move(output)});
  }

  std::vector<Outgoing> outgoing;
  std::vector<Shown> shown;  // to be carried out before `ended`
  std::vector<Ended> ended;
  /// Sockets to be closed with all they have not sent yet, and opened anew; nothing is in
  /// `outgoing` for them.
  std::vector<ClientChannel> reopen;
  bool engines_changed = false;     // read ClientCore::engines()
  bool controller_is_gone = false;  // it told us that it ends
};

}  // namespace trireme
