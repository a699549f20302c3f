#include "controller/recovery/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

namespace trireme {
namespace {

std::filesystem::path lock_file(const Profile& profile) {
  const std::string suffix = profile.cluster_id.empty() ? "" : "-" + profile.cluster_id;
  return profile.pid_dir() / ("trireme-controller" + suffix + ".lock");
}

Error file_error(const std::string& what, const std::filesystem::path& file) {
  const ErrorCode code =
      errno == EACCES || errno == EPERM ? ErrorCode::kPermission : ErrorCode::kIo;
  return Error{code, "cannot " + what + " " + file.string() + ": " + std::strerror(errno) +
                         "; check the profile folder"};
}

/// What the file says: a line with the process id, then perhaps one with the time of sent_until().
std::string read_mark(int fd) {
  char text[128];
  const ssize_t length = ::pread(fd, text, sizeof text, 0);
  return {text, length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// Whether a process was killed while some of its threads are still in the system, as one that
/// writes to a slow disk is: to others it looks dead, but it holds its locks.
bool is_dying(const std::string& pid) {
  std::ifstream stream("/proc/" + pid + "/stat");
  std::string stat;
  std::getline(stream, stat);
  const std::size_t state = stat.rfind(") ");  // behind the name, which may be anything
  return state != std::string::npos && stat.size() > state + 2 && stat[state + 2] == 'Z';
}

std::string marked_process(int fd) {
  const std::string mark = read_mark(fd);
  return mark.substr(0, mark.find('\n'));
}

Error still_dying(int fd) {
  return {ErrorCode::kBusy, "the controller before this one (process " + marked_process(fd) +
                                ") was killed and has not ended: the system still writes for it; "
                                "start again when it is gone"};
}

enum class LockTry { kTaken, kHeld, kHeldByTheDying, kFailed };

LockTry try_lock(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return LockTry::kTaken;
  if (errno != EWOULDBLOCK) return LockTry::kFailed;
  return is_dying(marked_process(fd)) ? LockTry::kHeldByTheDying : LockTry::kHeld;
}

}  // namespace

Result<RunLock> RunLock::take(const Profile& profile, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPause{5};
  const std::filesystem::path file = lock_file(profile);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("open", file);
  LockTry tried = try_lock(fd);
  for (; tried == LockTry::kHeldByTheDying && patience.count() > 0; patience -= kPause) {
    std::this_thread::sleep_for(kPause);
    tried = try_lock(fd);
  }
  if (tried == LockTry::kHeld) return RunLock(fd, Predecessor::kServing);
  if (tried != LockTry::kTaken) {
    const Error error = tried == LockTry::kFailed ? file_error("lock", file) : still_dying(fd);
    ::close(fd);
    return error;
  }
  const std::string mark = read_mark(fd);
  if (mark.empty()) return RunLock(fd, Predecessor::kNone);
  RunLock lock(fd, Predecessor::kCrashed);
  const std::size_t line = mark.find('\n') + 1;
  lock.sent_until_ = parse_timestamp(mark.substr(line, mark.find('\n', line) - line));
  return lock;
}

RunLock::RunLock(RunLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      predecessor_(other.predecessor_),
      sent_until_(other.sent_until_) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(predecessor_, other.predecessor_);
  std::swap(sent_until_, other.sent_until_);
  return *this;
}

RunLock::~RunLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> RunLock::mark_serving() {
  if (predecessor_ == Predecessor::kServing) return {};
  const std::string mark = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd_, 0) != 0 ||
      ::pwrite(fd_, mark.data(), mark.size(), 0) != static_cast<ssize_t>(mark.size())) {
    return Error{ErrorCode::kIo, std::string("cannot mark the start of this run: ") +
                                     std::strerror(errno) +
                                     "; after a crash its work would not be taken up again"};
  }
  return {};
}

void RunLock::note_sent_until(Timestamp moment) {
  if (predecessor_ == Predecessor::kServing) return;
  const std::string mark = std::to_string(::getpid()) + "\n" + format_timestamp(moment) + "\n";
  if (::pwrite(fd_, mark.data(), mark.size(), 0) < 0) {
    // An older time stays: a restart then offers more replies again than it must.
  }
}

void RunLock::mark_ended() {
  if (predecessor_ != Predecessor::kServing && ::ftruncate(fd_, 0) != 0) {
    // The next start will take this run for a crashed one, which costs it nothing.
  }
}

}  // namespace trireme
