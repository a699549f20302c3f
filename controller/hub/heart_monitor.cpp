// Beats, pongs and misses; the rules are with the class.
#include "controller/hub/heart_monitor.hpp"

#include <algorithm>
#include <utility>

#include "session/result.hpp"

namespace trireme {

void HeartMonitor::start(Instant now) {
  next_beat_ = now;
  last_ping_ = now;
}

std::chrono::nanoseconds HeartMonitor::eager_gap() const {
  return options_.eager_gap +
         static_cast<std::int64_t>(hearts_.size()) * options_.eager_gap_per_heart;
}

std::optional<Instant> HeartMonitor::next_deadline() const {
  if (!next_beat_ || !eager_until_) return next_beat_;
  const Instant eager = last_ping_ + eager_gap();
  return eager < *eager_until_ ? std::min(*next_beat_, eager) : *next_beat_;
}

void HeartMonitor::beat(Instant now, Beat& result) {
  for (auto heart = hearts_.begin(); heart != hearts_.end();) {
    if (std::exchange(heart->second.answered, false)) {
      heart->second.misses = 0;
    } else if (++heart->second.misses > options_.misses_max) {
      result.failed.push_back(heart->first);
      heart = hearts_.erase(heart);
      continue;
    } else {
      result.on_probation.push_back(heart->first);
    }
    ++heart;
  }
  previous_payload_ = std::exchange(current_payload_, std::to_string(++beat_number_));
  result.ping = current_payload_;
  last_ping_ = now;
  next_beat_ = now + options_.period;
}

HeartMonitor::Beat HeartMonitor::on_deadline(Instant now) {
  Beat result;
  if (!next_beat_) return result;
  if (now >= *next_beat_) {
    beat(now, result);
  } else if (eager_until_ && now < *eager_until_ && now >= last_ping_ + eager_gap()) {
    result.ping = current_payload_;
    last_ping_ = now;
  }
  if (eager_until_ && now >= *eager_until_) eager_until_.reset();
  return result;
}

HeartMonitor::Pong HeartMonitor::on_pong(const EngineUuid& heart, std::string_view payload) {
  const bool on_time = payload == current_payload_;
  if (payload.empty() || (!on_time && payload != previous_payload_)) return Pong::kStray;
  hearts_[heart].answered = true;
  return on_time ? Pong::kOnTime : Pong::kLate;
}

void HeartMonitor::ping_eagerly(Instant now) {
  const Instant until = now + options_.eager_for;
  if (!eager_until_ || until > *eager_until_) eager_until_ = until;
}

void HeartMonitor::check_invariants() const {
  for (const auto& [uuid, heart] : hearts_) {
    TRIREME_CHECK(heart.misses <= options_.misses_max, "invariant 1: " + uuid.str());
  }
}

}  // namespace trireme
