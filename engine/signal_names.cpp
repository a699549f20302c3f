// The system's own table of signal names.
#include "engine/signal_names.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

namespace trireme {

std::optional<int> signal_number(std::string_view name) {
  for (int number = 1; number <= kSignalNumberMax; ++number) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == "SIG" + std::string(known)) return number;
  }
  return std::nullopt;
}

std::string signal_name(int number) {
  const char* known = sigabbrev_np(number);
  return known != nullptr ? "SIG" + std::string(known) : "signal " + std::to_string(number);
}

bool ends_processes(int number) {
  constexpr std::array kHarmless{SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
                                 SIGTTIN, SIGTTOU, SIGURG,  SIGWINCH};
  return number > 0 && std::find(kHarmless.begin(), kHarmless.end(), number) == kHarmless.end();
}

}  // namespace trireme
