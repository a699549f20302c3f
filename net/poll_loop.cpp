#include "net/poll_loop.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace trireme {
namespace {

constexpr int kEventsMax = 256;

// Waits no longer than until the deadline, never shorter; without one as long as it takes.
int wait_for_events(int epoll, epoll_event* events, std::optional<Instant> deadline) {
  if (!deadline) return ::epoll_wait(epoll, events, kEventsMax, -1);
  const auto now = std::chrono::steady_clock::now();
  if (*deadline <= now) return ::epoll_wait(epoll, events, kEventsMax, 0);
  const auto left = std::min<std::chrono::nanoseconds>(*deadline - now, std::chrono::hours(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec patience{static_cast<time_t>(seconds.count()),
                          static_cast<long>((left - seconds).count())};
  const int count = ::epoll_pwait2(epoll, events, kEventsMax, &patience, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  // Linux before 5.11 counts in milliseconds.
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left);
  return ::epoll_wait(epoll, events, kEventsMax, static_cast<int>(whole.count()));
}

}  // namespace

PollLoop::PollLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  TRIREME_CHECK(epoll_ >= 0, "the system gave no poll descriptor; raise the limit on open files");
}

PollLoop::~PollLoop() {
  for (auto& [fd, watch] : watches_) {
    if (watch->socket != nullptr) watch->socket->observe(nullptr);
  }
  ::close(epoll_);
}

PollLoop::Watch::Watch(PollLoop& owner, Socket* watched, int descriptor, std::uint64_t order,
                       Handler called)
    : loop(owner), socket(watched), fd(descriptor), number(order), handler(std::move(called)) {}

void PollLoop::watch(Socket& socket, Handler on_readable) {
  add(&socket, socket.descriptor(), std::move(on_readable));
}

void PollLoop::watch_fd(int fd, Handler on_readable) { add(nullptr, fd, std::move(on_readable)); }

void PollLoop::add(Socket* socket, int fd, Handler handler) {
  auto watch = std::make_unique<Watch>(*this, socket, fd, next_number_++, std::move(handler));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = watch.get();
  TRIREME_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0,
                "a descriptor is watched twice, or is none");
  if (socket != nullptr) {
    socket->observe(watch.get());
    if (!socket->is_drained()) note(*watch);
  }
  watches_.insert_or_assign(fd, std::move(watch));
}

void PollLoop::unwatch(const Socket& socket) {
  const auto found = watches_.find(socket.descriptor());
  if (found != watches_.end() && found->second->socket == &socket) remove(*found->second);
}

void PollLoop::unwatch_fd(int fd) {
  const auto found = watches_.find(fd);
  if (found != watches_.end() && found->second->socket == nullptr) remove(*found->second);
}

void PollLoop::remove(Watch& watch) {
  // Fails when the descriptor was closed before; then the system has forgotten it already.
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, watch.fd, nullptr);
  if (watch.socket != nullptr) watch.socket->observe(nullptr);
  watch.is_removed = true;
  std::erase(noted_, &watch);
  auto node = watches_.extract(watch.fd);
  removed_.push_back(std::move(node.mapped()));
}

void PollLoop::note(Watch& watch) {
  if (!std::exchange(watch.is_noted, true)) noted_.push_back(&watch);
}

void PollLoop::wait(std::optional<Instant> deadline) {
  // Sockets touched in the last turn are looked at first, without a question to the system about
  // the others; but not twice in a row, so that none has to wait for ever.
  asked_last_ = noted_.empty() || !asked_last_;
  if (asked_last_) ask_system(noted_.empty() ? deadline : Instant::min());
  call_noted();
}

void PollLoop::ask_system(std::optional<Instant> deadline) {
  std::array<epoll_event, kEventsMax> events;
  const int count = wait_for_events(epoll_, events.data(), deadline);
  for (int i = 0; i < count; ++i) {
    auto* watch = static_cast<Watch*>(events[static_cast<std::size_t>(i)].data.ptr);
    watch->is_readable = true;
    note(*watch);
  }
}

void PollLoop::call_noted() {
  calling_.swap(noted_);
  std::sort(calling_.begin(), calling_.end(),
            [](const Watch* left, const Watch* right) { return left->number < right->number; });
  for (Watch* watch : calling_) {
    watch->is_noted = false;
    if (!watch->is_removed) call(*watch);
  }
  calling_.clear();
  removed_.clear();
}

void PollLoop::call(Watch& watch) {
  const bool is_readable = std::exchange(watch.is_readable, false);
  if (watch.socket != nullptr && !is_readable && watch.socket->is_drained()) return;
  watch.handler();
  if (watch.socket != nullptr && !watch.is_removed && !watch.socket->is_drained()) note(watch);
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
