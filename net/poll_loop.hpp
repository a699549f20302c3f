// The only blocking call of a loop: waits until something can be read or a deadline has come.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <vector>

#include "net/socket.hpp"
#include "session/clock.hpp"

namespace trireme {

/// Readiness of sockets and file descriptors, each with its handler. Belongs to one thread.
class PollLoop {
 public:
  using Handler = std::function<void()>;

  /// Calls `on_readable` whenever messages may be waiting; the handler takes as many as it likes,
  /// and is called again in the next turn if some are left. The socket must outlive the watch and
  /// keep its address.
  void watch(Socket& socket, Handler on_readable);
  /// The same for a file descriptor (level-triggered).
  void watch_fd(int fd, Handler on_readable);
  void unwatch(const Socket& socket);
  void unwatch_fd(int fd);

  /// Waits until something is readable or `deadline` has come (without one: as long as it takes),
  /// then calls the handlers of what is ready, in the order they were registered. Returns also
  /// when a signal arrived. Handlers may watch and unwatch.
  void wait(std::optional<Instant> deadline);

 private:
  struct Watch {
    void* handle;
    int fd;
    Handler handler;
    bool removed = false;
  };
  std::vector<std::unique_ptr<Watch>> watches_;  // stable addresses: handlers may add more
};

/// Signals as readable events: blocks them for the calling thread and all it starts later. Make
/// it first in main(), before any thread.
class SignalWatch {
 public:
  explicit SignalWatch(std::initializer_list<int> signals);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int fd() const noexcept { return fd_; }
  /// The next signal that arrived; empty when none did.
  std::optional<int> take();

 private:
  int fd_;
};

}  // namespace trireme
