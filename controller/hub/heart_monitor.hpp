// Tells live engines from dead ones: pings to all, pongs from each, and a count of what is missed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "session/clock.hpp"
#include "session/ids.hpp"

namespace trireme {

/// Decides when to ping and who has gone silent. Pure; one thread.
///
/// Rules, and their reasons:
/// - A *beat* comes every period and carries a new payload. A pong counts when it echoes the
///   current beat or the one before: slower is as bad as silent.
/// - A heart that missed more than `misses_max` beats in a row has failed and is forgotten. One
///   pong clears the count, so a busy machine is forgiven as often as it answers at all.
/// - After a pause of the whole controller no catch-up beats are sent: engines must not be counted
///   silent for time in which nobody listened. Whoever drives the monitor hands it the pongs that
///   have arrived before it calls on_deadline.
/// - *Eager pings* repeat the current payload between beats while engines are joining. An engine
///   connects its heart only after the reply to its registration, and would otherwise stay unseen
///   for up to two periods. They never count as beats.
///
/// Invariant 1: every known heart has missed at most `misses_max` beats.
class HeartMonitor {
 public:
  struct Options {
    std::chrono::milliseconds period{3000};
    int misses_max = 10;
    std::chrono::milliseconds eager_for{30'000};         // eager pings after a registration
    std::chrono::microseconds eager_gap{50'000};         // between them, and
    std::chrono::microseconds eager_gap_per_heart{200};  // this longer for each known heart
  };

  explicit HeartMonitor(Options options) : options_(options) {}

  /// The first beat is due now.
  void start(Instant now);

  struct Beat {
    std::optional<std::string> ping;       // payload for all engines, if one is due
    std::vector<EngineUuid> failed;        // hearts that stopped; already forgotten
    std::vector<EngineUuid> on_probation;  // hearts that missed this beat, for the log
  };
  Beat on_deadline(Instant now);
  /// When on_deadline is next due; empty before start().
  std::optional<Instant> next_deadline() const;

  enum class Pong {
    kOnTime,
    kLate,   // it echoed the beat before the current one; counts
    kStray,  // it echoed nothing sent lately; does not count
  };
  Pong on_pong(const EngineUuid& heart, std::string_view payload);

  /// An engine is joining: ping eagerly for a while.
  void ping_eagerly(Instant now);
  /// Nobody is joining any more.
  void stop_eager_pings() { eager_until_.reset(); }
  /// Counts the misses of a heart that has not answered yet; for engines known from elsewhere.
  void watch(const EngineUuid& heart) { hearts_.try_emplace(heart); }
  /// The engine left by other means.
  void forget(const EngineUuid& heart) { hearts_.erase(heart); }

  bool knows(const EngineUuid& heart) const { return hearts_.contains(heart); }
  std::size_t known_count() const noexcept { return hearts_.size(); }
  std::chrono::milliseconds period() const noexcept { return options_.period; }

  void check_invariants() const;

 private:
  struct Heart {
    int misses = 0;
    bool answered = true;  // since the last beat; a new heart is not asked for the running one
  };

  void beat(Instant now, Beat& result);
  std::chrono::nanoseconds eager_gap() const;

  Options options_;
  std::uint64_t beat_number_ = 0;
  std::string current_payload_;
  std::string previous_payload_;
  std::optional<Instant> next_beat_;
  std::optional<Instant> eager_until_;
  Instant last_ping_{};
  std::unordered_map<EngineUuid, Heart> hearts_;
};

}  // namespace trireme
