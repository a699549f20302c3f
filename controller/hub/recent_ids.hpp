// A memory for the latest ids only, so that what is finished does not pile up.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_set>

#include "session/ids.hpp"

namespace trireme {

/// Remembers the last `capacity` ids added; the oldest go first.
class RecentIds {
 public:
  explicit RecentIds(std::size_t capacity) : capacity_(capacity) {}

  void add(const MsgId& id) {
    if (!ids_.insert(id).second) return;
    order_.push_back(id);
    if (order_.size() > capacity_) {
      ids_.erase(order_.front());
      order_.pop_front();
    }
  }
  bool contains(const MsgId& id) const { return ids_.contains(id); }
  std::size_t size() const noexcept { return order_.size(); }

 private:
  std::size_t capacity_;
  std::unordered_set<MsgId> ids_;
  std::deque<MsgId> order_;
};

}  // namespace trireme
