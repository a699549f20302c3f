// posix_spawn of /proc/self/exe, a socket pair, a pipe and a process descriptor.
#include "engine/kernel/kernel_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>

namespace trireme {
namespace {

constexpr std::size_t kLastWordsBytes = 8'192;
/// Messages of one task and its output fit; larger ones are taken in pieces.
constexpr int kLinkBufferBytes = 1 << 20;

Error no_more(const char* what) {
  return Error{ErrorCode::kIo, std::string("No ") + what +
                                   " is left for the kernel process of this engine (" +
                                   std::strerror(errno) + "); raise the limits with ulimit."};
}

/// The attributes of the child: no signal blocked, SIGPIPE as usual, a group of its own.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void give(int descriptor, int as) { posix_spawn_file_actions_adddup2(&actions_, descriptor, as); }

  /// The new process, or -1 with errno.
  pid_t run(const std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = -1;
    const int failure =
        posix_spawn(&pid, "/proc/self/exe", &actions_, &attributes_, argv.data(), environ);
    errno = failure;
    return failure == 0 ? pid : -1;
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

Result<KernelProcess> KernelProcess::start(const std::vector<std::string>& words) {
  // Above the numbers that the child's ends get.
  constexpr int kChildLink = 3;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return no_more("socket");
  for (const int end : ends) {
    setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kLinkBufferBytes, sizeof kLinkBufferBytes);
  }
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
    for (const int end : ends) ::close(end);
    return no_more("pipe");
  }
  const int child_link = fcntl(ends[1], F_DUPFD_CLOEXEC, kChildLink + 1);
  SpawnPlan plan;
  plan.give(pipe_ends[1], STDERR_FILENO);
  plan.give(child_link, kChildLink);
  std::vector<std::string> argv{"trireme-engine", kKernelWord + std::to_string(kChildLink)};
  argv.insert(argv.end(), words.begin(), words.end());
  const pid_t pid = plan.run(argv);
  const int failure = errno;
  for (const int descriptor : {ends[1], child_link, pipe_ends[1]}) ::close(descriptor);
  if (pid < 0) {
    ::close(ends[0]);
    ::close(pipe_ends[0]);
    errno = failure;
    return no_more("process");
  }
  fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
  return KernelProcess(pid, ends[0], pipe_ends[0]);
}

KernelProcess::KernelProcess(pid_t pid, int link, int errors)
    : pid_(pid),
      link_(link),
      end_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
      errors_(errors) {
  TRIREME_CHECK(end_ >= 0, "the system gave no process descriptor; Linux 5.3 has them");
  fcntl(end_, F_SETFD, FD_CLOEXEC);
}

KernelProcess::KernelProcess(KernelProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      link_(std::exchange(other.link_, -1)),
      end_(std::exchange(other.end_, -1)),
      errors_(std::exchange(other.errors_, -1)),
      last_words_(std::move(other.last_words_)) {}

KernelProcess::~KernelProcess() {
  if (pid_ > 0) {
    kill();
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  for (const int descriptor : {link_, end_, errors_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

void KernelProcess::pass_on_errors() {
  std::array<char, 4'096> space;
  ssize_t count = 0;
  while ((count = read(errors_, space.data(), space.size())) > 0) {
    const std::string_view text(space.data(), static_cast<std::size_t>(count));
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
    last_words_ += text;
    if (last_words_.size() > 2 * kLastWordsBytes) {
      last_words_.erase(0, last_words_.size() - kLastWordsBytes);
    }
  }
}

std::chrono::milliseconds KernelProcess::cpu_time() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) return {};
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
}

void KernelProcess::kill() {
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

std::optional<KernelEnd> KernelProcess::reap() {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != pid_) {
    return std::nullopt;
  }
  ::kill(-pid_, SIGKILL);  // what it left behind in its group, while its number is its own
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  pass_on_errors();
  KernelEnd end;
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  end.last_words = std::move(last_words_);
  return end;
}

}  // namespace trireme
