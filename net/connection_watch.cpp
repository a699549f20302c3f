// ZeroMQ reports what happens to a socket on a second socket within the process.
#include "net/connection_watch.hpp"

#include <zmq.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace trireme {
namespace {

std::string fresh_address() {
  static std::atomic<std::uint64_t> next{0};
  return "inproc://trireme-connections-" + std::to_string(next.fetch_add(1));
}

Error watch_error(int code) {
  return Error{ErrorCode::kIo, std::string("cannot watch the connections of a socket: ") +
                                   zmq_strerror(code) +
                                   "; raise the limit on open files (ulimit -n)"};
}

}  // namespace

Result<ConnectionWatch> ConnectionWatch::open(NetContext& context, Socket& watched) {
  const std::string address = fresh_address();
  if (zmq_socket_monitor(watched.handle_, address.c_str(),
                         ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0) {
    return watch_error(errno);
  }
  void* handle = zmq_socket(context.context_, ZMQ_PAIR);
  if (handle == nullptr) {
    const int code = errno;
    zmq_socket_monitor(watched.handle_, nullptr, 0);
    return watch_error(code);
  }
  int descriptor = -1;
  std::size_t size = sizeof descriptor;
  zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size);
  ConnectionWatch watch(watched, Socket(handle, descriptor, {}));
  // Unlimited: a full queue would hold up ZeroMQ's own thread.
  const int unlimited = 0;
  zmq_setsockopt(handle, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(handle, ZMQ_LINGER, &unlimited, sizeof unlimited);
  if (zmq_connect(handle, address.c_str()) != 0) return watch_error(errno);
  return watch;
}

ConnectionWatch::ConnectionWatch(ConnectionWatch&& other) noexcept
    : watched_(std::exchange(other.watched_, nullptr)), events_(std::move(other.events_)) {}

ConnectionWatch::~ConnectionWatch() {
  if (watched_ != nullptr) zmq_socket_monitor(watched_->handle_, nullptr, 0);
}

std::optional<ConnectionEvent> ConnectionWatch::take() {
  Frames frames;
  while (events_.receive(frames)) {
    std::uint16_t event = 0;
    if (frames.empty() || frames.front().size() < sizeof event) continue;
    std::memcpy(&event, frames.front().view().data(), sizeof event);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) return ConnectionEvent::kMade;
    if (event != ZMQ_EVENT_DISCONNECTED) continue;
    // An event and the descriptor follow each other without a gap.
    if (frames.front().size() >= sizeof event + sizeof(std::int32_t)) {
      std::int32_t descriptor = -1;
      std::memcpy(&descriptor, frames.front().view().data() + sizeof event, sizeof descriptor);
      lost_descriptor_ = descriptor;
    }
    return ConnectionEvent::kLost;
  }
  return std::nullopt;
}

}  // namespace trireme
