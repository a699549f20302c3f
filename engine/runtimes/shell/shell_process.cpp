// fork, exec, and one poll loop over a shell's pipes, its end, and the wish that it stop.
#include "engine/runtimes/shell/shell_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "engine/runtimes/shell/shell_warden.hpp"

namespace trireme {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
/// After the stop request: SIGINT at once, then these.
constexpr long kTermAfterMs = 400;
constexpr long kKillAfterMs = 300;  // after SIGTERM

Error out_of_descriptors() {
  return Error{ErrorCode::kIo,
               "No file descriptors are left to run a shell; raise the limit with ulimit -n."};
}

struct PipeEnds {
  OwnedDescriptor read_end;
  OwnedDescriptor write_end;
};

Result<PipeEnds> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return out_of_descriptors();
  return PipeEnds{OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1])};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// The caller's ends.
struct Wards {
  pid_t warden = -1;
  OwnedDescriptor output, error, news;
};

Result<Wards> start_warden(const ShellStart& start) {
  auto output = make_pipe();
  auto error = make_pipe();
  auto news = make_pipe();
  const OwnedDescriptor nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!output || !error || !news || nothing.get() < 0) return out_of_descriptors();
  std::vector<std::string> argv = start.argv;
  std::vector<std::string> environment = start.environment;
  const std::vector<char*> argv_pointers = pointers_to(argv);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const WardenPlan plan{.argv = argv_pointers.data(),
                        .environment = environment_pointers.data(),
                        .input = nothing.get(),
                        .output = output->write_end.get(),
                        .error = error->write_end.get(),
                        .news = news->write_end.get(),
                        .given = start.given.data(),
                        .given_count = start.given.size(),
                        .parent = getpid()};
  const pid_t pid = fork();
  if (pid == 0) become_warden(plan);
  if (pid < 0) {
    return Error{ErrorCode::kIo, "No process can be started for a shell; the limit is ulimit -u."};
  }
  fcntl(output->read_end.get(), F_SETFL, O_NONBLOCK);
  fcntl(error->read_end.get(), F_SETFL, O_NONBLOCK);
  return Wards{pid, std::move(output->read_end), std::move(error->read_end),
               std::move(news->read_end)};
}

/// Reads what the shell writes and passes on the wish that it stop, until the warden has left.
class Attendance {
 public:
  Attendance(Wards wards, const ShellOutput& on_output, std::stop_token stop)
      : wards_(std::move(wards)),
        on_output_(on_output),
        stop_(std::move(stop)),
        wish_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}

  ShellEnd run() {
    const std::stop_callback wake(stop_, [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = write(wish_.get(), &one, sizeof one);
    });
    while (wards_.news.get() >= 0) turn();
    read_all(wards_.output, ShellStream::kOut);
    read_all(wards_.error, ShellStream::kErr);
    while (waitpid(wards_.warden, nullptr, 0) < 0 && errno == EINTR) {
    }
    return end_;
  }

 private:
  void turn() {
    std::array<pollfd, 5> watched{
        pollfd{wards_.news.get(), POLLIN, 0}, pollfd{wards_.output.get(), POLLIN, 0},
        pollfd{wards_.error.get(), POLLIN, 0}, pollfd{pressure_ == 0 ? wish_.get() : -1, POLLIN, 0},
        pollfd{timer_.get(), POLLIN, 0}};
    if (poll(watched.data(), watched.size(), -1) < 0) return;  // a signal
    if (watched[1].revents != 0) read_some(wards_.output, ShellStream::kOut);
    if (watched[2].revents != 0) read_some(wards_.error, ShellStream::kErr);
    if (watched[3].revents != 0 || watched[4].revents != 0) press();
    if (watched[0].revents != 0) hear();
  }

  /// The next, stronger wish.
  void press() {
    std::uint64_t expired = 0;
    [[maybe_unused]] const auto count = read(timer_.get(), &expired, sizeof expired);
    static constexpr std::array kSignals{SIGINT, SIGTERM, SIGKILL};
    if (pressure_ >= kSignals.size()) return;
    const int signal = kSignals[pressure_++];
    if (signal == SIGKILL) {
      kill(wards_.warden, SIGTERM);  // it kills everything
      return;
    }
    if (shell_ > 0) kill(-shell_, signal);
    const long wait_ms = signal == SIGINT ? kTermAfterMs : kKillAfterMs;
    const itimerspec deadline{{0, 0}, {0, wait_ms * 1'000'000}};
    timerfd_settime(timer_.get(), 0, &deadline, nullptr);
  }

  void hear() {
    WardenNews news{};
    const ssize_t count = read(wards_.news.get(), &news, sizeof news);
    if (count < 0 && errno == EINTR) return;
    if (count != static_cast<ssize_t>(sizeof news)) {
      wards_.news.reset();
    } else if (news.kind == WardenNews::Kind::kStarted) {
      shell_ = news.value;
      if (pressure_ > 0) kill(-shell_, SIGINT);  // the wish came first
    } else {
      shell_ = -1;
      if (WIFSIGNALED(news.value)) {
        end_.signal = WTERMSIG(news.value);
      } else {
        end_.exit_code = WEXITSTATUS(news.value);
      }
    }
  }

  /// One piece; false when there is nothing left to read now.
  bool read_some(OwnedDescriptor& from, ShellStream stream) {
    const ssize_t count = read(from.get(), bytes_.data(), bytes_.size());
    if (count > 0) {
      on_output_(stream, {bytes_.data(), static_cast<std::size_t>(count)});
      return true;
    }
    if (count < 0 && errno == EINTR) return true;
    if (count == 0 || errno != EAGAIN) from.reset();
    return false;
  }

  void read_all(OwnedDescriptor& from, ShellStream stream) {
    while (from.get() >= 0 && read_some(from, stream)) {
    }
  }

  Wards wards_;
  const ShellOutput& on_output_;
  std::stop_token stop_;
  OwnedDescriptor wish_;
  OwnedDescriptor timer_;
  std::vector<char> bytes_ = std::vector<char>(kReadBytes);
  std::size_t pressure_ = 0;  // wishes expressed so far
  pid_t shell_ = -1;          // and its process group, while it runs
  ShellEnd end_;
};

}  // namespace

OwnedDescriptor& OwnedDescriptor::operator=(OwnedDescriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

void OwnedDescriptor::reset() noexcept {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

Result<OwnedDescriptor> memory_file(const char* name, std::string_view content) {
  OwnedDescriptor file(memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) return out_of_descriptors();
  while (!content.empty()) {
    const ssize_t count = write(file.get(), content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kIo, "There is no memory left for a cell's text."};
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<std::string> content_of(const OwnedDescriptor& file) {
  std::string content;
  std::array<char, 4096> piece;
  for (;;) {
    const auto at = static_cast<off_t>(content.size());
    const ssize_t count = pread(file.get(), piece.data(), piece.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{ErrorCode::kIo, "A shell's state cannot be read back."};
    if (count == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(count));
  }
}

Result<ShellEnd> run_shell(const ShellStart& start, const ShellOutput& on_output,
                           std::stop_token stop) {
  TRIREME_CHECK(!start.argv.empty(), "a shell needs a program");
  auto wards = start_warden(start);
  if (!wards) return wards.error();
  return Attendance(std::move(*wards), on_output, std::move(stop)).run();
}

}  // namespace trireme
