// When to look for clients that wait in silence: soon after a reply was parked, then ever less
// often, and after some minutes no more.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "session/clock.hpp"

namespace trireme {

/// Pure. A client connects again within seconds of its controller's return; the pauses double from
/// kFirstPause to kLastPause, and begin anew whenever another reply is parked.
class OfferSchedule {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{100};
  static constexpr std::chrono::milliseconds kLastPause{5'000};
  static constexpr std::chrono::minutes kPatience{5};
  static constexpr std::chrono::milliseconds kNextOffer{20};

  /// So many replies are parked now.
  void note(std::size_t parked, Instant now) {
    if (parked > parked_) {
      pause_ = kFirstPause;
      next_ = std::min(next_.value_or(now), now);
      end_ = now + kPatience;
    }
    if (parked == 0) next_.reset();
    parked_ = parked;
  }

  /// There is more to offer than fitted.
  void again(Instant now) { next_ = now + kNextOffer; }

  std::optional<Instant> next() const noexcept { return next_; }
  /// True when it is time; the next time is set.
  bool take(Instant now) {
    if (!next_ || now < *next_) return false;
    next_ = now + pause_;
    pause_ = std::min(pause_ * 2, kLastPause);
    if (*next_ > end_) next_.reset();
    return true;
  }

 private:
  std::size_t parked_ = 0;
  std::chrono::milliseconds pause_ = kFirstPause;
  std::optional<Instant> next_;
  Instant end_{};
};

}  // namespace trireme
