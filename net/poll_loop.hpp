// The only blocking call of a loop: waits until something can be read or a deadline has come.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/socket.hpp"
#include "session/clock.hpp"

namespace trireme {

/// Readiness of sockets and file descriptors, each with its handler. Belongs to one thread.
///
/// A turn costs what is ready, not what is watched: the system is asked about descriptors only,
/// and sockets tell by themselves when something was done to them that may have taken in the news
/// of a message (see Socket).
class PollLoop {
 public:
  using Handler = std::function<void()>;

  PollLoop();
  ~PollLoop();
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  /// Calls `on_readable` whenever messages may be waiting; the handler takes as many as it likes,
  /// and is called again in the next turn if some may be left. It must try to receive at least
  /// once. The socket must outlive the watch and keep its address.
  void watch(Socket& socket, Handler on_readable);
  /// The same for a file descriptor (level-triggered).
  void watch_fd(int fd, Handler on_readable);
  void unwatch(const Socket& socket);
  void unwatch_fd(int fd);

  /// Waits until something may be readable or `deadline` has come (without one: as long as it
  /// takes), then calls the handlers of what is ready, in the order they were registered. Returns
  /// also when a signal arrived. Handlers may watch and unwatch.
  void wait(std::optional<Instant> deadline);

 private:
  struct Watch final : SocketObserver {
    Watch(PollLoop& owner, Socket* watched, int descriptor, std::uint64_t order, Handler called);
    void on_touched() override { loop.note(*this); }
    void on_closing() override { loop.remove(*this); }

    PollLoop& loop;
    Socket* const socket;  // null for a file descriptor
    const int fd;
    const std::uint64_t number;  // order of registration
    const Handler handler;
    bool is_noted = false;     // stands in noted_
    bool is_readable = false;  // says the system
    bool is_removed = false;
  };

  void add(Socket* socket, int fd, Handler handler);
  void remove(Watch& watch);
  void note(Watch& watch);
  void ask_system(std::optional<Instant> deadline);
  void call_noted();
  void call(Watch& watch);

  int epoll_;
  std::uint64_t next_number_ = 0;
  std::unordered_map<int, std::unique_ptr<Watch>> watches_;  // by descriptor
  std::vector<std::unique_ptr<Watch>> removed_;              // kept until their handlers returned
  std::vector<Watch*> noted_;    // sockets that were touched, descriptors that are readable
  std::vector<Watch*> calling_;  // the noted ones of this turn
  bool asked_last_ = false;      // the system, in the last turn
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
