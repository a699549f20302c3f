// Runs another program as a task: its input, its output as it appears, its end.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "session/result.hpp"

namespace trireme {

/// A program to run.
struct Command {
  std::vector<std::string> argv;                   // not empty; the program is searched for in PATH
  std::string input;                               // its standard input
  std::string folder;                              // to run in; empty: the caller's
  std::map<std::string, std::string> environment;  // added to or replacing the caller's
};

/// How it ended.
struct CommandEnd {
  int exit_code = 0;          // meaningless after a signal
  std::optional<int> signal;  // that killed it
  bool stopped = false;       // it was killed because a stop was requested
};

enum class CommandStream { kStdout, kStderr };
/// Called with output as it appears.
using CommandOutput = std::function<void(CommandStream stream, std::string_view text)>;

/// Runs it and waits until it ends. A stop request sends SIGTERM to the program and all it
/// started (its process group), and SIGKILL to what is left after two seconds. The program dies
/// with the calling thread. kNotFound, kPermission or kIo when it cannot be started, naming it.
Result<CommandEnd> run_command(const Command& command, const CommandOutput& on_output,
                               std::stop_token stop);

}  // namespace trireme
