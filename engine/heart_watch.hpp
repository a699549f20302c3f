// Notices that the controller has gone silent, and that it has come back.
#pragma once

#include <charconv>
#include <chrono>
#include <string_view>

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

  /// `payload` is what the ping says: a number that rises as long as the controller lives. True
  /// when the controller was away, or is another one than before.
  bool on_ping(std::string_view payload) {
    double beat = 0;
    std::from_chars(payload.data(), payload.data() + payload.size(), beat);
    const bool was_away = misses_ > 0 || beat < beat_;
    heard_ = true;
    misses_ = 0;
    beat_ = beat;
    return was_away;
  }

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
  double beat_ = 0;  // of the latest ping
  bool heard_ = false;
};

}  // namespace trireme
