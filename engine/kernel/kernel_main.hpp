// The kernel process: loads plug-ins and runs tasks for the engine at the other end of its link.
#pragma once

#include "engine/options.hpp"

namespace trireme {

/// Works until the link ends; returns the exit code. `link` is a stream socket. The process dies
/// with its parent.
int run_kernel(const EngineOptions& options, int link);

}  // namespace trireme
