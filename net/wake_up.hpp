// Wakes a poll loop from another thread, and carries values to it.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace trireme {

/// A file descriptor that becomes readable when signalled. signal() may be called from any thread
/// and from signal handlers; the rest belongs to the waiting thread.
class WakeUp {
 public:
  WakeUp();
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  int fd() const noexcept { return fd_; }
  void signal() noexcept;
  /// Makes the descriptor unreadable until the next signal.
  void clear() noexcept;

 private:
  int fd_;
};

/// Values from any thread to one that polls. put() wakes the reader only when the box was empty,
/// so a busy reader costs writers one lock and no system call.
template <class T>
class Mailbox {
 public:
  /// Watch this in the reader's PollLoop.
  int fd() const noexcept { return wake_up_.fd(); }

  void put(T value) {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      was_empty = values_.empty();
      values_.push_back(std::move(value));
    }
    if (was_empty) wake_up_.signal();
  }

  /// Everything put since the last call, in order.
  std::vector<T> take() {
    wake_up_.clear();
    std::vector<T> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(values_);
    return taken;
  }

 private:
  WakeUp wake_up_;
  std::mutex mutex_;
  std::vector<T> values_;  // guarded by mutex_
};

}  // namespace trireme
