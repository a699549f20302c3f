// Keeps lines that peers can provoke at will from flooding the log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "session/clock.hpp"

namespace trireme {

/// A text is said at once the first time. The same text again is counted, and said with the count
/// when a minute has passed. When very many different texts come within a minute, further ones are
/// only counted. Pure; one thread.
class LogRepeats {
 public:
  static constexpr std::size_t kRememberedMax = 256;
  static constexpr std::chrono::seconds kSilence{60};

  /// What to write instead of this text now; nothing while it is only counted.
  std::optional<std::string> admit(std::string_view text, Instant now);

 private:
  struct Known {
    Instant said;
    std::uint64_t unsaid = 0;
  };
  void forget_old(Instant now);

  std::map<std::string, Known, std::less<>> known_;
  Known others_{Instant::min()};
};

}  // namespace trireme
