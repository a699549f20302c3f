// Wires an engine together: sockets to cores to worker threads. Decides nothing itself.
#pragma once

#include <filesystem>
#include <optional>

#include "engine/last_will.hpp"
#include "engine/options.hpp"
#include "engine/task_host.hpp"
#include "net/poll_loop.hpp"
#include "session/clock.hpp"
#include "session/connection_file.hpp"
#include "session/log.hpp"

namespace trireme {

/// What an engine works with. The references must outlive run_engine().
struct EngineParts {
  const EngineOptions& options;
  const EngineConnection& connection;
  const Clock& clock;
  Log& log;
  SignalWatch& signals;  // SIGTERM, SIGHUP and SIGINT
  PollLoop& loop;
  TaskHost& host;                          // told by `loop`
  std::filesystem::path front_end_folder;  // for the files of bound kernels
  LastWill* will;  // null: a death without a word is noticed by missing heartbeats only
};

/// How an engine ended.
struct EngineExit {
  int code = 0;
  std::optional<int> signal;   // end the process by this signal instead
  bool tasks_running = false;  // some task did not stop in time: end without waiting for it
};

/// Registers, works, and leaves: returns when the engine was asked to go, lost its controller, or
/// could not join. Threads: the calling one does all input and output; one more beats. When
/// `tasks_running` is set, threads of the host live on.
EngineExit run_engine(const EngineParts& parts);

}  // namespace trireme
