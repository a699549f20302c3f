#include "controller/core/log_repeats.hpp"

namespace trireme {

std::optional<std::string> LogRepeats::admit(std::string_view text, Instant now) {
  auto found = known_.find(text);
  if (found == known_.end()) {
    if (known_.size() >= kRememberedMax) forget_old(now);
    if (known_.size() < kRememberedMax) {
      known_.emplace(text, Known{now});
      return std::string(text);
    }
    ++others_.unsaid;
    if (others_.said != Instant::min() && now - others_.said < kSilence) return std::nullopt;
    others_.said = now;
    return "very many different complaints in a short time; " + std::to_string(others_.unsaid) +
           " were only counted so far, the latest: " + std::string(text);
  }
  Known& known = found->second;
  ++known.unsaid;
  if (now - known.said < kSilence) return std::nullopt;
  std::string again = std::string(text) + " (" + std::to_string(known.unsaid) + " times since)";
  known = Known{now};
  return again;
}

void LogRepeats::forget_old(Instant now) {
  std::erase_if(known_, [now](const auto& entry) { return now - entry.second.said >= kSilence; });
}

}  // namespace trireme
