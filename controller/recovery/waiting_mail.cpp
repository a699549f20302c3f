#include "controller/recovery/waiting_mail.hpp"

namespace trireme {

void WaitingMail::add(Channel channel, Frames frames) {
  queues_[{channel, frames.front().to_string()}].push_back(std::move(frames));
}

void WaitingMail::retry(const std::function<Trial(Channel, Frames&)>& send) {
  for (auto place = queues_.begin(); place != queues_.end();) {
    std::deque<Frames>& queue = place->second;
    Trial trial = Trial::kSent;
    while (!queue.empty() && trial == Trial::kSent) {
      trial = send(place->first.first, queue.front());
      if (trial == Trial::kSent) queue.pop_front();
    }
    place = trial == Trial::kAway ? std::next(place) : queues_.erase(place);
  }
}

std::size_t WaitingMail::size() const {
  std::size_t count = 0;
  for (const auto& [place, queue] : queues_) count += queue.size();
  return count;
}

}  // namespace trireme
