// Buffers for messages at no cost per message: shared while that is allowed, stamped otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "session/frame.hpp"

namespace trireme::bench {

/// Gives out buffers of one size. Distinct ones carry a running number in their first bytes; their
/// memory is used again once ZeroMQ has let go of it. Not thread-safe.
class PayloadPool {
 public:
  PayloadPool(std::size_t bytes, bool distinct);

  bool empty() const noexcept { return bytes_ == 0; }
  Frame next();

 private:
  class Storage;
  struct Slot {
    Frame frame;
    Storage* storage;
  };

  Slot make() const;

  std::size_t bytes_;
  bool distinct_;
  std::uint64_t stamp_;
  std::vector<Slot> slots_;
  std::size_t turn_ = 0;
};

}  // namespace trireme::bench
