// A program as a task: how it is asked for, and how it ended.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <trireme/client.hpp>

namespace trireme::cli {

/// A program to run on an engine.
struct RemoteCommand {
  std::vector<std::string> words;     // program and arguments, or one line of shell
  bool shell = false;                 // words hold the line
  std::string folder;                 // where it runs; must exist on the engine
  std::vector<std::string> settings;  // NAME=VALUE, added to the engine's environment
  std::string input;                  // its standard input
  bool fail_on_exit_code = false;     // an exit code other than 0 fails the task
};

/// How the task and its program ended.
struct CommandEnd {
  int exit_code = 0;   // as a shell says it: 128 and the number of the signal that killed it
  std::string signal;  // SIGKILL, ...; empty when it ended by itself
  std::string out;     // exact bytes
  std::string err;
  std::string failure;  // why the task failed; then the rest is not meaningful
  bool aborted = false;
  int engine_id = -1;
  double seconds = 0;  // on the engine

  bool ok() const { return failure.empty() && exit_code == 0; }
  /// `exit code 3`, `killed by SIGTERM`, or the failure.
  std::string describe() const;
};

/// CommandFailed with kExitUsage for a setting without `=`.
AsyncResult<Value> submit(const LoadBalancedView& view, const RemoteCommand& command);

/// Of a task that is ready.
CommandEnd read_end(const AsyncResult<Value>& task);

}  // namespace trireme::cli
