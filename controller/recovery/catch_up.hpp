// Bringing engines back in step after an outage: what they may have missed is sent again, and
// followed by a question whose answer tells that everything before it is settled.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/hub/outbox.hpp"
#include "session/ids.hpp"

namespace trireme {

/// Why this works with engines of any make: a repeated request has the same bytes, and so the same
/// signature. An engine that had it before leaves it aside (and, if it is ours and has answered,
/// answers again); one that never had it runs it. A fence, a kernel_info_request, follows on the
/// same connection. Engines of other makes handle requests in turn, so when the fence is answered
/// and a request before it is not, the reply was lost on the wire, and the task must run anew
/// under another signature. Ours answers fences at once; with it nothing is ever lost.
///
/// Pure; one thread. There is at most one fence a channel and engine; a newer one takes over.
class CatchUp {
 public:
  /// Stands in the client's place among the identities of a fence, so that its answer is known.
  static constexpr std::string_view kMark = "trireme-fence";

  /// `repeated` requests were sent to the engine again, and the fence after them.
  void begin(Channel channel, const EngineUuid& engine, MsgId fence, std::vector<MsgId> repeated);
  /// The engine answered a fence: gives what was repeated before it. Empty when it is not the
  /// newest one.
  std::optional<std::vector<MsgId>> on_answer(Channel channel, const EngineUuid& engine,
                                              const MsgId& fence);
  void forget(const EngineUuid& engine);

  std::size_t open_count() const noexcept { return fences_.size(); }

 private:
  struct Fence {
    MsgId id;
    std::vector<MsgId> repeated;
  };

  std::map<std::pair<EngineUuid, Channel>, Fence> fences_;
};

}  // namespace trireme
