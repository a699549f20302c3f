#include "controller/hub/question_lanes.hpp"

#include <utility>

#include "session/result.hpp"

namespace trireme {

std::optional<StoreQuestion> QuestionLanes::add(const RoutingId& asker, StoreQuestion question) {
  Lane& lane = lanes_[asker];
  if (lane.under_way == kUnderWayMax) {
    lane.waiting.push_back(std::move(question));
    ++waiting_;
    return std::nullopt;
  }
  ++lane.under_way;
  askers_.emplace(question.token, asker);
  return question;
}

std::optional<StoreQuestion> QuestionLanes::answered(std::uint64_t token) {
  const auto asked = askers_.extract(token);
  if (asked.empty()) return std::nullopt;
  const auto lane = lanes_.find(asked.mapped());
  if (lane->second.waiting.empty()) {
    if (--lane->second.under_way == 0) lanes_.erase(lane);
    return std::nullopt;
  }
  StoreQuestion next = std::move(lane->second.waiting.front());
  lane->second.waiting.pop_front();
  --waiting_;
  askers_.emplace(next.token, lane->first);
  return next;
}

void QuestionLanes::check_invariants() const {
  std::size_t under_way = 0;
  std::size_t waiting = 0;
  for (const auto& [asker, lane] : lanes_) {
    TRIREME_CHECK(lane.under_way > 0 && lane.under_way <= kUnderWayMax, "invariant 1");
    TRIREME_CHECK(lane.waiting.empty() || lane.under_way == kUnderWayMax, "invariant 2");
    under_way += lane.under_way;
    waiting += lane.waiting.size();
  }
  TRIREME_CHECK(under_way == askers_.size() && waiting == waiting_, "questions are counted");
}

}  // namespace trireme
