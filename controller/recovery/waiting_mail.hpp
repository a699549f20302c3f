// Messages for peers that cannot be sent to at the moment, in their order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "controller/hub/outbox.hpp"

namespace trireme {

/// A ROUTER drops what is addressed to nobody. An engine that has registered and is merely cut off,
/// or has not come back yet to a controller that was started again, shall miss nothing: what it is
/// sent waits here, and so does everything sent after it, so that the order stays. So do the
/// replies of a client that does not read them: these within a limit. Pure.
class WaitingMail {
 public:
  /// What waits may weigh so much together.
  explicit WaitingMail(std::size_t bytes_max = std::numeric_limits<std::size_t>::max())
      : bytes_max_(bytes_max) {}

  bool holds(Channel channel, std::string_view addressee) const {
    return !queues_.empty() && queues_.contains(Place{channel, std::string(addressee)});
  }
  /// Frames whose first is the addressee. False when they were let go, being too much.
  bool add(Channel channel, Frames frames);

  /// Tries the oldest message of each addressee, and the next ones as long as they go. `send` is
  /// false for a message that must go on waiting, and leaves it untouched then. True if any went.
  bool retry(const std::function<bool(Channel, Frames&)>& send);

  bool empty() const noexcept { return queues_.empty(); }
  std::size_t size() const;
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  using Place = std::pair<Channel, std::string>;
  std::size_t bytes_max_;
  std::map<Place, std::deque<Frames>> queues_;  // none is empty
  std::size_t bytes_ = 0;                       // of all that waits
};

}  // namespace trireme
