// A queue ordered by key whose entries may die in place: whoever pushed one need not find it again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace trireme {

/// A binary heap, smallest entry first. Entries that no longer count are not removed where they
/// lie; `is_current` tells them apart, and they go when they come to the top or when half of the
/// heap may be dead. So memory stays within a constant factor of the entries that count, and
/// push and pop cost O(log n) amortised.
///
/// `Entry` needs operator>. `is_current(entry)` must never turn from false to true.
template <class Entry>
class LazyHeap {
 public:
  template <class IsCurrent>
  void push(Entry entry, const IsCurrent& is_current) {
    if (entries_.size() >= sweep_at_) sweep(is_current);
    entries_.push_back(std::move(entry));
    std::push_heap(entries_.begin(), entries_.end(), std::greater<>{});
  }

  /// The smallest current entry, or null. Valid until the next change.
  template <class IsCurrent>
  const Entry* top(const IsCurrent& is_current) {
    while (!entries_.empty() && !is_current(entries_.front())) pop();
    return entries_.empty() ? nullptr : &entries_.front();
  }

  /// The first entry whether current or not, or null.
  const Entry* peek() const { return entries_.empty() ? nullptr : &entries_.front(); }

  /// Removes the first entry. There must be one.
  void pop() {
    std::pop_heap(entries_.begin(), entries_.end(), std::greater<>{});
    entries_.pop_back();
  }

  /// All entries, dead ones among them, in no order.
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }
  void clear() noexcept { entries_.clear(); }

  /// Takes all entries out, dead ones among them, in no order.
  std::vector<Entry> take_all() {
    sweep_at_ = kSweepSlack;
    return std::exchange(entries_, {});
  }

 private:
  static constexpr std::size_t kSweepSlack = 64;

  template <class IsCurrent>
  void sweep(const IsCurrent& is_current) {
    std::erase_if(entries_, [&](const Entry& entry) { return !is_current(entry); });
    std::make_heap(entries_.begin(), entries_.end(), std::greater<>{});
    sweep_at_ = 2 * entries_.size() + kSweepSlack;
  }

  std::vector<Entry> entries_;
  std::size_t sweep_at_ = kSweepSlack;
};

}  // namespace trireme
