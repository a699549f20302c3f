#include "controller/recovery/waiting_mail.hpp"

#include <iterator>

namespace trireme {
namespace {

// What frames take up, the administration of each included.
std::size_t weight_of(const Frames& frames) {
  constexpr std::size_t kFrameOverhead = 64;
  std::size_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.size() + kFrameOverhead;
  return bytes;
}

}  // namespace

bool WaitingMail::add(Channel channel, Frames frames) {
  const std::size_t weight = weight_of(frames);
  if (weight > bytes_max_ - bytes_) return false;
  bytes_ += weight;
  queues_[{channel, frames.front().to_string()}].push_back(std::move(frames));
  return true;
}

bool WaitingMail::retry(const std::function<bool(Channel, Frames&)>& send) {
  bool was_sent = false;
  for (auto place = queues_.begin(); place != queues_.end();) {
    auto& [where, queue] = *place;
    while (!queue.empty()) {
      const std::size_t weight = weight_of(queue.front());
      if (!send(where.first, queue.front())) break;
      bytes_ -= weight;
      queue.pop_front();
      was_sent = true;
    }
    place = queue.empty() ? queues_.erase(place) : std::next(place);
  }
  return was_sent;
}

std::size_t WaitingMail::size() const {
  std::size_t count = 0;
  for (const auto& [place, queue] : queues_) count += queue.size();
  return count;
}

}  // namespace trireme
