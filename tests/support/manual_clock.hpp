// A clock that moves only when a test says so.
#pragma once

#include <chrono>

#include "session/clock.hpp"

namespace trireme::testing {

/// Both readings of the clock move together, unless the wall clock jumps. Starts at a round date,
/// so that records look alike in every run.
class ManualClock final : public Clock {
 public:
  static constexpr Timestamp kEpoch{std::chrono::seconds(1'700'000'000)};

  Now now() const override {
    const auto since_start = now_.time_since_epoch();
    return {now_,
            kEpoch + jumped_ + std::chrono::duration_cast<std::chrono::microseconds>(since_start)};
  }
  void advance(std::chrono::nanoseconds duration) { now_ += duration; }
  /// Time does not go back: an earlier moment changes nothing.
  void advance_to(Instant moment) {
    if (moment > now_) now_ = moment;
  }
  /// Somebody sets the wall clock; the steady one does not notice.
  void jump(std::chrono::microseconds by) { jumped_ += by; }

 private:
  Instant now_{std::chrono::seconds(1)};
  std::chrono::microseconds jumped_{};
};

}  // namespace trireme::testing
