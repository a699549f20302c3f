#include "controller/recovery/output_gate.hpp"

#include <iterator>

namespace trireme {

std::vector<OutgoingFrames> OutputGate::confirmed() {
  const auto end = held_.begin() + static_cast<std::ptrdiff_t>(asked_);
  std::vector<OutgoingFrames> released(std::make_move_iterator(held_.begin()),
                                       std::make_move_iterator(end));
  held_.erase(held_.begin(), end);
  asked_ = 0;
  return released;
}

}  // namespace trireme
