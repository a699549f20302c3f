// Between fork and exec of a process with threads: system calls only, no allocation.
#include "engine/runtimes/shell/shell_warden.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace trireme {
namespace {

constexpr long kMomentNanoseconds = 10'000'000;
constexpr int kTermMoments = 20;  // given to what the shell left behind, before SIGKILL
constexpr int kFirstFree = 64;    // descriptors from here on are not given to shells
constexpr int kNews = 3;

volatile std::sig_atomic_t g_kill_all = 0;
volatile pid_t g_shell = -1;

void on_term(int) {
  g_kill_all = 1;
  if (g_shell > 0) kill(-g_shell, SIGKILL);
}

void reset_signals() {
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_shell(const WardenPlan& plan, pid_t warden) {
  reset_signals();
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != warden) _exit(127);
  bool ready = dup2(plan.input, 0) == 0 && dup2(plan.output, 1) == 1 && dup2(plan.error, 2) == 2;
  // First out of each other's way, then to their places.
  int apart[8];
  const std::size_t count = plan.given_count < 8 ? plan.given_count : 8;
  for (std::size_t i = 0; i < count; ++i) {
    apart[i] = fcntl(plan.given[i].ours, F_DUPFD_CLOEXEC, kFirstFree);
  }
  for (std::size_t i = 0; i < count; ++i) {
    ready = ready && dup2(apart[i], plan.given[i].theirs) == plan.given[i].theirs;
  }
  if (ready) execve(plan.argv[0], plan.argv, plan.environment);
  _exit(127);
}

void tell(int news, WardenNews::Kind kind, int value) {
  const WardenNews text{kind, value};
  while (write(news, &text, sizeof text) < 0 && errno == EINTR) {
  }
}

/// Sends `signal` to every child of this process; how many there are.
int signal_children(int signal) {
  const int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (list < 0) return 0;
  int children = 0;
  pid_t pid = 0;
  char bytes[512];
  for (ssize_t size = 0; (size = read(list, bytes, sizeof bytes)) > 0;) {
    for (ssize_t i = 0; i < size; ++i) {
      if (bytes[i] >= '0' && bytes[i] <= '9') {
        pid = pid * 10 + (bytes[i] - '0');
      } else if (pid > 0) {
        kill(pid, signal);
        ++children;
        pid = 0;
      }
    }
  }
  close(list);
  return children;
}

void reap_all() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

/// Ends all descendants: who loses its parent becomes a child of this process.
void end_the_rest(pid_t shell) {
  constexpr timespec kMoment{0, kMomentNanoseconds};
  for (int moment = 0;; ++moment) {
    reap_all();
    const bool hard = g_kill_all != 0 || moment >= kTermMoments;
    const int signal = hard ? SIGKILL : (moment == 0 ? SIGTERM : 0);
    if (moment == 0 || hard) kill(-shell, hard ? SIGKILL : SIGTERM);
    if (signal_children(signal) == 0) return;
    nanosleep(&kMoment, nullptr);
  }
}

int wait_for_shell(pid_t shell) {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == shell) return status;
    if (ended < 0 && errno == ECHILD) return 0;
  }
}

}  // namespace

void become_warden(const WardenPlan& plan) {
  setsid();
  reset_signals();
  struct sigaction action {};
  action.sa_handler = &on_term;  // without SA_RESTART: waitpid shall return
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (getppid() != plan.parent) _exit(127);
  const pid_t warden = getpid();
  const pid_t shell = fork();
  if (shell == 0) become_shell(plan, warden);
  if (shell < 0) _exit(127);
  setpgid(shell, shell);
  g_shell = shell;
  if (g_kill_all != 0) kill(-shell, SIGKILL);
  // The parent's descriptors must not stay open here: somebody may wait for their end.
  dup2(plan.news, kNews);
  close_range(kNews + 1, ~0u, 0);
  tell(kNews, WardenNews::Kind::kStarted, shell);
  const int status = wait_for_shell(shell);
  end_the_rest(shell);
  tell(kNews, WardenNews::Kind::kEnded, status);
  _exit(0);
}

}  // namespace trireme
