// A pipe, a fork, and one message sent by the survivor. What goes through the pipe: records of an
// 8-byte length and that many bytes; the will is url, server key, and the frames; an empty record
// at the end takes it back.
#include "engine/last_will.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "net/socket.hpp"

namespace trireme {
namespace {

using Length = std::uint64_t;
constexpr std::size_t kUrlRecord = 0;
constexpr std::size_t kServerKeyRecord = 1;
constexpr std::size_t kFirstFrameRecord = 2;

void append_record(std::string& bytes, std::string_view record) {
  const Length length = record.size();
  bytes.append(reinterpret_cast<const char*>(&length), sizeof length);
  bytes += record;
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return;  // the second process is gone; nothing to be done
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Everything up to the end of the pipe, that is of the first process.
std::string read_to_end(int descriptor) {
  std::string bytes;
  char space[4096];
  for (;;) {
    const ssize_t count = read(descriptor, space, sizeof space);
    if (count > 0) {
      bytes.append(space, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return bytes;
    }
  }
}

std::vector<std::string> records_of(std::string_view bytes) {
  std::vector<std::string> records;
  while (bytes.size() >= sizeof(Length)) {
    Length length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (length > bytes.size()) break;  // died while writing
    records.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return records;
}

void execute(const std::vector<std::string>& will) {
  NetContext context;
  SocketOptions options;
  if (!will[kServerKeyRecord].empty()) options.curve_server_key = will[kServerKeyRecord];
  auto socket = Socket::open(context, SocketType::kDealer, options);
  if (!socket || !socket->connect(will[kUrlRecord])) return;
  Frames frames;
  for (std::size_t i = kFirstFrameRecord; i < will.size(); ++i) {
    frames.push_back(Frame::copy_of(will[i]));
  }
  [[maybe_unused]] const auto sent = socket->send(std::move(frames));
}  // the socket lingers until the message is out

[[noreturn]] void keep_the_will(int pipe) {
  prctl(PR_SET_NAME, "trireme-will");
  // A terminal's Ctrl-C or a launcher's signal reaches the whole group; this process must outlive
  // the other one.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  const std::vector<std::string> records = records_of(read_to_end(pipe));
  const bool written = records.size() > kFirstFrameRecord;
  const bool taken_back = records.empty() || records.back().empty();
  if (written && !taken_back) execute(records);
  _exit(0);
}

}  // namespace

Result<LastWill> LastWill::start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Error{ErrorCode::kIo, "No file descriptors are left; raise the limit with ulimit -n."};
  }
  // Twice, so that the survivor is nobody's child here and never has to be waited for.
  const pid_t child = fork();
  if (child == 0) {
    if (fork() != 0) _exit(0);
    ::close(ends[1]);
    keep_the_will(ends[0]);
  }
  ::close(ends[0]);
  if (child < 0) {
    ::close(ends[1]);
    return Error{ErrorCode::kIo, "No process could be started; raise the limit with ulimit -u."};
  }
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return LastWill(ends[1]);
}

LastWill::LastWill(LastWill&& other) noexcept : pipe_(std::exchange(other.pipe_, -1)) {}
LastWill& LastWill::operator=(LastWill&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  return *this;
}

LastWill::~LastWill() {
  if (pipe_ < 0) return;
  std::string taken_back;
  append_record(taken_back, "");
  write_all(pipe_, taken_back);
  ::close(pipe_);
}

void LastWill::write(const std::string& url, const std::optional<std::string>& curve_server_key,
                     const Frames& frames) {
  TRIREME_CHECK(!frames.empty() && !frames.back().empty(), "an empty end would take the will back");
  std::string bytes;
  append_record(bytes, url);
  append_record(bytes, curve_server_key.value_or(""));
  for (const Frame& frame : frames) append_record(bytes, frame.view());
  write_all(pipe_, bytes);
}

}  // namespace trireme
