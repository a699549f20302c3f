// Ctrl-C for commands whose work happens elsewhere: notices it, and ends the tasks on the engines.
#pragma once

#include <string>
#include <vector>

namespace trireme {
class Client;
}

namespace trireme::cli {

/// While one exists, SIGINT and SIGTERM are taken note of instead of ending the program; a second
/// one ends it. At most one at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool interrupted() const;
  /// What a program ended by that signal exits with: 128 and the signal's number.
  int exit_code() const;
};

/// Aborts what has not begun and interrupts the engines that are running one of the tasks.
void cancel_tasks(const Client& client, const std::vector<std::string>& msg_ids);

}  // namespace trireme::cli
