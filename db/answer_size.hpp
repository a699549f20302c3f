// How much an answer of the store takes, and when that is too much.
#pragma once

#include <cstdint>

#include "db/task_record.hpp"
#include "session/result.hpp"

namespace trireme {

/// Bytes that buffers take in memory.
std::size_t memory_bytes(const Frames& buffers);

/// Bytes that a record takes in memory: its texts, its buffers, and what holds them together.
std::uint64_t record_bytes(const TaskRecord& record);

/// Adds up the records of one answer.
class AnswerSize {
 public:
  explicit AnswerSize(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// kTooLarge when the answer takes more than its limit with this record.
  Result<void> add(const TaskRecord& record);

 private:
  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
};

}  // namespace trireme
