// fork, exec, and one poll loop over the child's pipes, its end, and the wish that it stop.
#include "engine/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace trireme {
namespace {

constexpr int kTermGraceMs = 2'000;
constexpr std::size_t kReadBytes = 64u << 10;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const noexcept { return number_; }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Error{ErrorCode::kIo,
                 "No file descriptors are left for the pipes of a command; raise "
                 "the limit with ulimit -n."};
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

struct Pipes {
  Pipe input, output, error;
  Pipe failure;  // tells errno when exec fails; closed by a successful exec
};

Result<Pipes> make_pipes() {
  Pipes pipes;
  for (Pipe* pipe : {&pipes.input, &pipes.output, &pipes.error, &pipes.failure}) {
    auto made = make_pipe();
    if (!made) return made.error();
    *pipe = std::move(*made);
  }
  return pipes;
}

/// Name=value lines: the caller's environment with the command's entries in their place.
std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> lines;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string line = *entry;
    if (!added.contains(line.substr(0, line.find('=')))) lines.push_back(line);
  }
  for (const auto& [name, value] : added) lines.emplace_back(name).append("=").append(value);
  return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Everything the child needs, made before the fork: afterwards it may only call what is allowed
/// in signal handlers.
struct ChildPlan {
  const char* folder;
  char* const* argv;
  char* const* environment;
  int input, output, error, failure;
  pid_t parent;
};

[[noreturn]] void become_command(const ChildPlan& plan) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);  // the parent died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  const bool ready = dup2(plan.input, 0) == 0 && dup2(plan.output, 1) == 1 &&
                     dup2(plan.error, 2) == 2 && (*plan.folder == '\0' || chdir(plan.folder) == 0);
  if (ready) execvpe(plan.argv[0], plan.argv, plan.environment);
  const int reason = errno;
  [[maybe_unused]] const auto told = write(plan.failure, &reason, sizeof reason);
  _exit(127);
}

Error start_error(const Command& command, int reason) {
  const ErrorCode code = reason == ENOENT   ? ErrorCode::kNotFound
                         : reason == EACCES ? ErrorCode::kPermission
                                            : ErrorCode::kIo;
  const std::string where = command.folder.empty() ? "" : " in folder '" + command.folder + "'";
  return Error{code, "The command '" + command.argv.front() + "' cannot be started" + where + ": " +
                         std::generic_category().message(reason) + "."};
}

/// The parent's ends of a started command.
struct Child {
  pid_t pid = -1;
  Descriptor end;  // readable when the process has ended
  Descriptor input, output, error;
};

Result<Child> start(const Command& command) {
  auto pipes = make_pipes();
  if (!pipes) return pipes.error();
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> environment = merged_environment(command.environment);
  const std::vector<char*> argv_pointers = pointers_to(argv);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const ChildPlan plan{command.folder.c_str(),         argv_pointers.data(),
                       environment_pointers.data(),    pipes->input.read_end.get(),
                       pipes->output.write_end.get(),  pipes->error.write_end.get(),
                       pipes->failure.write_end.get(), getpid()};
  const pid_t pid = fork();
  if (pid == 0) become_command(plan);
  if (pid < 0) return start_error(command, errno);
  setpgid(pid, pid);
  pipes->failure.write_end.reset();
  int reason = 0;
  ssize_t count = 0;
  do {
    count = read(pipes->failure.read_end.get(), &reason, sizeof reason);
  } while (count < 0 && errno == EINTR);
  if (count == static_cast<ssize_t>(sizeof reason)) {
    waitpid(pid, nullptr, 0);
    return start_error(command, reason);
  }
  Child child;
  child.pid = pid;
  child.end = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  child.input = std::move(pipes->input.write_end);
  child.output = std::move(pipes->output.read_end);
  child.error = std::move(pipes->error.read_end);
  for (const Descriptor* each : {&child.input, &child.output, &child.error}) {
    fcntl(each->get(), F_SETFL, O_NONBLOCK);
  }
  return child;
}

/// While one lives, the calling thread may write to a pipe that nobody reads.
class PipeSignalBlock {
 public:
  PipeSignalBlock() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalBlock() {
    const int reason = errno;
    constexpr timespec kNow{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &kNow);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = reason;
  }
  PipeSignalBlock(const PipeSignalBlock&) = delete;
  PipeSignalBlock& operator=(const PipeSignalBlock&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
};

/// Feeds and reads one child until it ends.
class Conversation {
 public:
  Conversation(Child child, const Command& command, const CommandOutput& on_output,
               std::stop_token stop)
      : child_(std::move(child)),
        input_(command.input),
        on_output_(on_output),
        stop_(std::move(stop)),
        stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (input_.empty()) child_.input.reset();
  }

  CommandEnd run() {
    const std::stop_callback wake(stop_, [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = write(stop_event_.get(), &one, sizeof one);
    });
    while (!ended_) turn();
    read_all(child_.output, CommandStream::kStdout);
    read_all(child_.error, CommandStream::kStderr);
    return reap();
  }

 private:
  void turn() {
    std::array<pollfd, 5> watched{
        pollfd{child_.end.get(), POLLIN, 0}, pollfd{child_.output.get(), POLLIN, 0},
        pollfd{child_.error.get(), POLLIN, 0}, pollfd{child_.input.get(), POLLOUT, 0},
        pollfd{end_.stopped ? -1 : stop_event_.get(), POLLIN, 0}};
    const int ready = poll(watched.data(), watched.size(), end_.stopped ? kTermGraceMs : -1);
    if (ready < 0) return;  // a signal
    if (ready == 0) kill(-child_.pid, SIGKILL);
    if (watched[1].revents != 0) read_all(child_.output, CommandStream::kStdout);
    if (watched[2].revents != 0) read_all(child_.error, CommandStream::kStderr);
    if (watched[3].revents != 0) feed();
    if (watched[4].revents != 0) {
      end_.stopped = true;
      kill(-child_.pid, SIGTERM);
    }
    if (watched[0].revents != 0) ended_ = true;
  }

  /// Reads what there is; closes at the end of the stream.
  void read_all(Descriptor& from, CommandStream stream) {
    std::array<char, kReadBytes> bytes;
    while (from.get() >= 0) {
      const ssize_t count = read(from.get(), bytes.data(), bytes.size());
      if (count > 0) {
        on_output_(stream, {bytes.data(), static_cast<std::size_t>(count)});
      } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
        from.reset();
      } else if (errno == EAGAIN) {
        return;
      }
    }
  }

  void feed() {
    const PipeSignalBlock no_signal;
    const ssize_t count = write(child_.input.get(), input_.data() + fed_, input_.size() - fed_);
    if (count > 0) fed_ += static_cast<std::size_t>(count);
    const bool gone = count < 0 && errno != EINTR && errno != EAGAIN;
    if (gone || fed_ == input_.size()) child_.input.reset();
  }

  CommandEnd reap() {
    int status = 0;
    while (waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (end_.stopped) kill(-child_.pid, SIGKILL);  // what it started and left behind
    if (WIFSIGNALED(status)) {
      end_.signal = WTERMSIG(status);
    } else {
      end_.exit_code = WEXITSTATUS(status);
    }
    return end_;
  }

  Child child_;
  const std::string& input_;
  const CommandOutput& on_output_;
  std::stop_token stop_;
  Descriptor stop_event_;
  std::size_t fed_ = 0;
  bool ended_ = false;
  CommandEnd end_;
};

}  // namespace

Result<CommandEnd> run_command(const Command& command, const CommandOutput& on_output,
                               std::stop_token stop) {
  TRIREME_CHECK(!command.argv.empty(), "a command needs a program");
  auto child = start(command);
  if (!child) return child.error();
  return Conversation(std::move(*child), command, on_output, std::move(stop)).run();
}

}  // namespace trireme
