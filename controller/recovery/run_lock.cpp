#include "controller/recovery/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
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

}  // namespace

Result<RunLock> RunLock::take(const Profile& profile) {
  const std::filesystem::path file = lock_file(profile);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("open", file);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return RunLock(fd, Predecessor::kServing);
    const Error error = file_error("lock", file);
    ::close(fd);
    return error;
  }
  char mark = '\0';
  const bool is_marked = ::pread(fd, &mark, 1, 0) == 1;
  return RunLock(fd, is_marked ? Predecessor::kCrashed : Predecessor::kNone);
}

RunLock::RunLock(RunLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), predecessor_(other.predecessor_) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(predecessor_, other.predecessor_);
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

void RunLock::mark_ended() {
  if (predecessor_ != Predecessor::kServing && ::ftruncate(fd_, 0) != 0) {
    // The next start will take this run for a crashed one, which costs it nothing.
  }
}

}  // namespace trireme
