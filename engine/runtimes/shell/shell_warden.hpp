// The process between us and a shell: it adopts what the shell leaves behind, and ends it.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "engine/runtimes/shell/shell_process.hpp"

namespace trireme {

/// All that a warden needs, made before the fork: afterwards it may only call what is allowed in
/// signal handlers. The pointers are the parent's.
struct WardenPlan {
  char* const* argv;
  char* const* environment;
  int input, output, error;
  int news;  // where WardenNews is written; its end of file says that nothing runs any more
  const ShellStart::Given* given;
  std::size_t given_count;
  pid_t parent;
};

/// What it tells: at first the shell's process id (and group), later its wait status.
struct WardenNews {
  enum class Kind : int { kStarted, kEnded };
  Kind kind;
  int value;
};

/// To be called right after fork(), in the child. SIGTERM makes it kill everything at once.
[[noreturn]] void become_warden(const WardenPlan& plan);

}  // namespace trireme
