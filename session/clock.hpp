// Time as an argument: cores are told `now`, only loops and mains read a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace trireme {

/// A moment on a clock that never jumps; for waiting and measuring.
using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
/// A moment people and databases agree on (UTC, microseconds); for records and headers.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// Both readings of the same moment, taken once per turn of a loop and handed to the cores.
struct Now {
  Instant instant;
  Timestamp timestamp;
};

/// Where loops and mains get the time from; tests put their own in its place.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;
};

/// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  Now now() const override;
};

/// `2026-11-22T01:38:22.619123Z`: ISO 8601, UTC, always six digits of fraction.
std::string format_timestamp(Timestamp moment);

/// Reads ISO 8601 dates as peers write them: `T` or a space between date and time, an optional
/// fraction of 1 to 6 digits (more are cut off), and `Z`, `+hh:mm`, `+hhmm`, `-hh:mm`, or no zone
/// (then local time). Empty when the text is not exactly such a date.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace trireme
