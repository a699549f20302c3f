#include "bench/payload_pool.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

namespace trireme::bench {

// Memory that is written only while no message shares it.
class PayloadPool::Storage final : public FrameStorage {
 public:
  explicit Storage(std::size_t bytes) : text_(bytes, '\0') {
    std::minstd_rand random(1);
    for (char& byte : text_) byte = static_cast<char>(random() >> 16);
    set_bytes(text_);
  }

  void stamp(std::uint64_t number) {
    std::memcpy(text_.data(), &number, std::min(text_.size(), sizeof number));
  }

 private:
  std::string text_;
};

PayloadPool::PayloadPool(std::size_t bytes, bool distinct)
    : bytes_(bytes), distinct_(distinct), stamp_(std::random_device{}()) {
  stamp_ <<= 32;  // pools of other processes count elsewhere
  if (bytes_ > 0) slots_.push_back(make());
}

PayloadPool::Slot PayloadPool::make() const {
  auto* storage = new Storage(bytes_);
  return {Frame::adopt(storage), storage};
}

Frame PayloadPool::next() {
  if (bytes_ == 0) return {};
  if (!distinct_) return slots_.front().frame;
  turn_ = (turn_ + 1) % slots_.size();
  if (!slots_[turn_].frame.is_sole_owner()) {
    slots_.push_back(make());
    turn_ = slots_.size() - 1;
  }
  slots_[turn_].storage->stamp(stamp_++);
  return slots_[turn_].frame;
}

}  // namespace trireme::bench
