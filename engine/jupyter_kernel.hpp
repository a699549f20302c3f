// An engine without a cluster: a kernel that front ends of the Jupyter protocol start and drive.
#pragma once

#include "engine/engine.hpp"
#include "engine/options.hpp"
#include "engine/task_host.hpp"
#include "net/poll_loop.hpp"
#include "session/clock.hpp"
#include "session/log.hpp"

namespace trireme {

/// What a kernel works with. The references must outlive run_jupyter_kernel().
struct JupyterKernelParts {
  const EngineOptions& options;  // kernel_file says where to listen
  const Clock& clock;
  Log& log;
  SignalWatch& signals;  // SIGTERM, SIGHUP and SIGINT
  PollLoop& loop;
  TaskHost& host;   // told by `loop`
  bool has_parent;  // ends when the process that started it has ended
};

/// Binds the ports of the file, works, and leaves when asked to.
EngineExit run_jupyter_kernel(const JupyterKernelParts& parts);

}  // namespace trireme
