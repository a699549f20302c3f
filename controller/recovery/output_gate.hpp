// Holds back what others would see until the records that led to it are on disk.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "controller/hub/outbox.hpp"

namespace trireme {

/// The promise of strict durability: no engine sees a request, and no client a reply, that a
/// controller started again would not know of. Everything held goes out in its order, in groups:
/// one question to the store confirms all that was held when it was asked.
///
/// Pure; one thread. Use: hold() what goes to work channels; after the records of the turn were
/// handed to the store, ask it to confirm if should_ask(); release what confirmed() gives.
class OutputGate {
 public:
  void hold(OutgoingFrames frames) { held_.push_back(std::move(frames)); }

  /// Something is held and no question is open.
  bool should_ask() const noexcept { return asked_ == 0 && !held_.empty(); }
  /// The store was asked: its answer will be for all that is held now.
  void asked() { asked_ = held_.size(); }
  /// The store has everything that was reported before it was asked.
  std::vector<OutgoingFrames> confirmed();
  /// The store could not say; it must be asked again.
  void refused() { asked_ = 0; }

  std::size_t held_count() const noexcept { return held_.size(); }

 private:
  std::deque<OutgoingFrames> held_;
  std::size_t asked_ = 0;  // how many of the held the open question is about
};

}  // namespace trireme
