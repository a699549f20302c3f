#include "bench/held_replies.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "session/result.hpp"

namespace trireme::bench {

HeldReplies::HeldReplies(PollLoop& loop, OnDue on_due)
    : loop_(loop),
      on_due_(std::move(on_due)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  TRIREME_CHECK(timer_ >= 0, "the system gave no timer; raise the limit on open files");
  loop_.watch_fd(timer_, [this] { release(); });
}

HeldReplies::~HeldReplies() {
  loop_.unwatch_fd(timer_);
  ::close(timer_);
}

void HeldReplies::hold(NullEngine& engine, Frames reply, Instant until) {
  const bool is_first = heap_.empty() || until < heap_.front().due;
  heap_.push_back({until, order_++, &engine, std::move(reply)});
  std::push_heap(heap_.begin(), heap_.end());
  if (is_first) arm();
}

void HeldReplies::drop(const NullEngine& engine) {
  std::erase_if(heap_, [&](const Held& held) { return held.engine == &engine; });
  std::make_heap(heap_.begin(), heap_.end());
}

void HeldReplies::arm() {
  itimerspec spec{};
  if (!heap_.empty()) {
    const auto due = heap_.front().due.time_since_epoch().count();
    spec.it_value = {static_cast<time_t>(due / 1'000'000'000), due % 1'000'000'000};
  }
  ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void HeldReplies::release() {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto got = ::read(timer_, &expirations, sizeof expirations);
  const Instant now = std::chrono::steady_clock::now();
  while (!heap_.empty() && heap_.front().due <= now) {
    std::pop_heap(heap_.begin(), heap_.end());
    Held held = std::move(heap_.back());
    heap_.pop_back();
    on_due_(*held.engine, std::move(held.reply));
  }
  arm();
}

}  // namespace trireme::bench
