// Waits for results that are not this client's own: asks the hub, less and less often, until it
// has them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "client/client_outbox.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// All watches of a client. Pure. First only the status is asked for; a result is fetched once the
/// hub calls it completed, each by a request of its own, because the buffers of several results
/// come back without borders between them.
class HubWatches {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{10};
  static constexpr std::chrono::milliseconds kLongestPause{500};

  /// Task `first.index + i` ends with the result of `ids[i]`.
  void add(std::vector<MsgId> ids, CallTask first, Now now, MessageFactory& messages,
           ClientOutbox& out);
  /// False when the reply belongs to no watch.
  bool on_reply(const MsgId& parent, const Message& message, Now now, MessageFactory& messages,
                ClientOutbox& out);
  /// The hub came back: questions and answers under way are lost, and asked again.
  void on_return(Now now, MessageFactory& messages, ClientOutbox& out);
  void on_deadline(Now now, MessageFactory& messages, ClientOutbox& out);
  std::optional<Instant> next_deadline() const;
  /// Ends every watched task with `reply`.
  void fail_all(const CallReply& reply, ClientOutbox& out);
  bool empty() const noexcept { return watches_.empty(); }

 private:
  struct Watch {
    std::multimap<MsgId, CallTask> pending;   // not known to be completed
    std::multimap<MsgId, CallTask> fetching;  // completed; the result is on its way
    std::chrono::milliseconds pause = kFirstPause;
    std::optional<Instant> ask_again;
  };
  struct Question {
    std::uint64_t watch;
    MsgId fetched;  // empty for a question after the status
  };

  void ask_status(std::uint64_t number, Watch& watch, Now now, MessageFactory& messages,
                  ClientOutbox& out);
  void on_status(std::uint64_t number, Watch& watch, const Message& message, Now now,
                 MessageFactory& messages, ClientOutbox& out);
  void fetch(std::uint64_t number, const MsgId& id, Now now, MessageFactory& messages,
             ClientOutbox& out);

  std::map<std::uint64_t, Watch> watches_;
  std::unordered_map<MsgId, Question> questions_;
  std::uint64_t next_number_ = 0;
};

}  // namespace trireme
