// Signals by the names people use for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trireme {

inline constexpr int kSignalNumberMax = 64;

/// The number of `SIGINT`, `SIGTERM`, ...; empty for a name this system does not have.
std::optional<int> signal_number(std::string_view name);

/// `SIGKILL` and its like; `signal 40` for numbers without a name.
std::string signal_name(int number);

/// Whether a process that does nothing about this signal ends by it. False for 0.
bool ends_processes(int number);

}  // namespace trireme
