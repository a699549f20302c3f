// Replies that engines hold back for as long as their tasks are said to take.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "net/poll_loop.hpp"
#include "session/clock.hpp"
#include "session/frame.hpp"

namespace trireme::bench {

class NullEngine;

/// A queue by due time on a timer descriptor, exact to microseconds. Belongs to the loop's thread.
class HeldReplies {
 public:
  /// `on_due` is handed every reply when its time has come.
  using OnDue = std::function<void(NullEngine&, Frames)>;

  HeldReplies(PollLoop& loop, OnDue on_due);
  ~HeldReplies();
  HeldReplies(const HeldReplies&) = delete;
  HeldReplies& operator=(const HeldReplies&) = delete;

  void hold(NullEngine& engine, Frames reply, Instant until);
  /// Forgets what is held for this engine.
  void drop(const NullEngine& engine);

 private:
  struct Held {
    Instant due;
    std::uint64_t order;
    NullEngine* engine;
    Frames reply;
    friend bool operator<(const Held& left, const Held& right) {
      return left.due != right.due ? left.due > right.due : left.order > right.order;
    }
  };

  void arm();
  void release();

  PollLoop& loop_;
  OnDue on_due_;
  int timer_;
  std::vector<Held> heap_;  // the earliest at the front
  std::uint64_t order_ = 0;
};

}  // namespace trireme::bench
