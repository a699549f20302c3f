// Runs user code so that it can be interrupted anywhere, and says last words when it crashes.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

namespace trireme {

enum class GuardedEnd { kDone, kInterrupted };

/// Runs `code` on this thread; what it throws passes through. After a stop request the thread
/// leaves it by a jump as soon as it is in code that no loaded library owns (compiled cells), in a
/// LeavablePlace, or has been waiting in a system call for a while: destructors of what it leaves
/// do not run, locks it holds stay locked.
/// A fatal signal is told on standard error ("SIGSEGV in cell 3") before it takes its course.
/// One at a time per process.
GuardedEnd run_guarded(const std::function<void()>& code, const std::stop_token& stop,
                       const std::string& place);

/// While one lives, guarded code on this thread may be left.
class LeavablePlace {
 public:
  LeavablePlace();
  ~LeavablePlace();
  LeavablePlace(const LeavablePlace&) = delete;
  LeavablePlace& operator=(const LeavablePlace&) = delete;
};

}  // namespace trireme
