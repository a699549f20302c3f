#include "net/poll_loop.hpp"

#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace trireme {
namespace {

// Milliseconds until the deadline, rounded up so that it has come when the wait ends.
long wait_ms(std::optional<Instant> deadline) {
  if (!deadline) return -1;
  const auto left = *deadline - std::chrono::steady_clock::now();
  if (left <= std::chrono::nanoseconds::zero()) return 0;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<long>(std::min<long long>(rounded, 3'600'000));
}

}  // namespace

void PollLoop::watch(Socket& socket, Handler on_readable) {
  watches_.push_back(std::make_unique<Watch>(Watch{socket.handle_, -1, std::move(on_readable)}));
}

void PollLoop::watch_fd(int fd, Handler on_readable) {
  watches_.push_back(std::make_unique<Watch>(Watch{nullptr, fd, std::move(on_readable)}));
}

void PollLoop::unwatch(const Socket& socket) {
  for (const auto& watch : watches_) {
    if (watch->handle == socket.handle_ && watch->fd < 0) watch->removed = true;
  }
}

void PollLoop::unwatch_fd(int fd) {
  for (const auto& watch : watches_) {
    if (watch->handle == nullptr && watch->fd == fd) watch->removed = true;
  }
}

void PollLoop::wait(std::optional<Instant> deadline) {
  std::erase_if(watches_, [](const auto& watch) { return watch->removed; });
  std::vector<zmq_pollitem_t> items;
  items.reserve(watches_.size());
  for (const auto& watch : watches_) items.push_back({watch->handle, watch->fd, ZMQ_POLLIN, 0});
  if (zmq_poll(items.data(), static_cast<int>(items.size()), wait_ms(deadline)) <= 0) return;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].revents != 0 && !watches_[i]->removed) watches_[i]->handler();
  }
}

SignalWatch::SignalWatch(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  TRIREME_CHECK(fd_ >= 0, "the system gave no signal descriptor; raise the limit on open files");
}

SignalWatch::~SignalWatch() { ::close(fd_); }

std::optional<int> SignalWatch::take() {
  signalfd_siginfo info{};
  if (::read(fd_, &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace trireme
