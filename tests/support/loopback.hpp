// Addresses for programs of tests, which run side by side on one machine.
#pragma once

#include <unistd.h>

#include <string>

namespace trireme {

/// A loopback address that hardly any other process has. Nobody else gets a port there that a
/// program has left and takes again, or that it has chosen and not yet taken. As short as
/// 127.0.0.1: ThreadSanitizer takes libzmq's handling of longer ones for a race.
inline std::string own_loopback_address() {
  const auto number = 2 + static_cast<unsigned>(::getpid()) % 998;
  return "127." + std::to_string(number / 100) + "." + std::to_string(number / 10 % 10) + "." +
         std::to_string(number % 10);
}

}  // namespace trireme
