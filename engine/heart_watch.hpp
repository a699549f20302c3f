// Notices that the controller has gone silent: counts the periods that pass without a ping.
#pragma once

#include <chrono>

#include "session/clock.hpp"

namespace trireme {

/// Pure counting. A period is the controller's heartbeat period plus some slack; a ping within it
/// sets the count back, because a controller that pings at all is alive.
class HeartWatch {
 public:
  static constexpr std::chrono::milliseconds kSlack{500};

  /// `misses_max` silent periods are too many; 0 means never.
  HeartWatch(std::chrono::milliseconds heartbeat_period, int misses_max, Instant now)
      : period_(heartbeat_period + kSlack), misses_max_(misses_max), next_check_(now + period_) {}

  void on_ping() { heard_ = true; }

  /// To be called at next_check(). True once the controller counts as lost.
  bool on_check(Instant now) {
    misses_ = heard_ ? 0 : misses_ + 1;
    heard_ = false;
    next_check_ = now + period_;
    return misses_max_ > 0 && misses_ >= misses_max_;
  }

  Instant next_check() const noexcept { return next_check_; }
  int misses() const noexcept { return misses_; }

 private:
  std::chrono::milliseconds period_;
  int misses_max_;
  Instant next_check_;
  int misses_ = 0;
  bool heard_ = false;
};

}  // namespace trireme
