// Record changes on their way to the store: bounded, and honest about what it lets go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "db/record_change.hpp"

namespace trireme {

/// About what a change takes up in memory.
std::size_t change_bytes(const RecordChange& change);

/// What was let go because the backlog was full.
struct ShedCounts {
  std::uint64_t outputs = 0;   // pieces of output and displays that are missing
  std::uint64_t tasks = 0;     // finished tasks that have no record at all
  std::uint64_t stripped = 0;  // requests and results that are kept without their buffers
  std::uint64_t refused = 0;   // changes that were not taken

  bool any() const { return outputs + tasks + stripped + refused > 0; }
};

/// A queue of batches with positions: position n is "after the n-th change ever pushed".
///
/// When it holds more than `bytes_max` it lets go, in this order and only until half of the limit
/// is free again:
///   1. output and displays, which are the least of a record;
///   2. tasks whose whole life lies in the backlog, oldest first: no record is better than one
///      that looks unfinished for ever;
///   3. buffers of what remains: the records stay true, only their payload is gone;
///   4. the newest changes, when all that does not help; the search for more to let go is repeated
///      only after an eighth of the limit has been refused, so that refusing stays cheap.
/// So a full backlog never makes the store say that a task is running which has ended, unless the
/// fourth step was reached.
///
/// Not thread-safe.
class RecordBacklog {
 public:
  explicit RecordBacklog(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Appends a batch; what had to be let go for it is added to `shed`.
  void push(std::vector<RecordChange> changes, ShedCounts& shed);
  /// Takes whole batches from the front, none of which ends after `until`, up to about
  /// `count_max` changes but at least one batch when there is one.
  std::vector<RecordChange> take(std::size_t count_max, std::uint64_t until);

  /// The position after everything pushed so far.
  std::uint64_t end() const noexcept { return end_; }
  /// True when changes from before this position are still here.
  bool has_before(std::uint64_t position) const;

  bool empty() const noexcept { return batches_.empty(); }
  std::size_t count() const noexcept { return count_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct Batch {
    std::vector<RecordChange> changes;
    std::size_t bytes = 0;
    std::uint64_t end = 0;
  };

  void shed_all(ShedCounts& shed);
  void shed_outputs(ShedCounts& shed);
  void shed_tasks(ShedCounts& shed);
  void strip_buffers(ShedCounts& shed);
  template <class Condition>
  std::uint64_t erase_if(Condition condition);
  bool is_relieved() const { return bytes_ <= bytes_max_ / 2; }

  std::size_t bytes_max_;
  std::deque<Batch> batches_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t end_ = 0;
  std::size_t refused_bytes_ = 0;  // since the last search
  bool search_is_vain_ = false;    // the last search freed less than half of the limit
};

}  // namespace trireme
