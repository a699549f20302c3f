// How many answers of the store may be under way to one asker: whoever asks faster than he reads
// must not fill the memory with what he asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "db/store_question.hpp"
#include "session/ids.hpp"

namespace trireme {

/// A few questions of each asker are with the store at once; further ones wait for an answer to
/// those, in their order. Nobody waits for others' questions here.
///
/// Pure; one thread. Invariants: (1) an asker has a lane while questions of his are under way;
/// (2) questions wait only in a lane with kUnderWayMax under way.
class QuestionLanes {
 public:
  static constexpr std::size_t kUnderWayMax = 4;

  /// Gives the question back if it may go to the store now.
  std::optional<StoreQuestion> add(const RoutingId& asker, StoreQuestion question);
  /// The question with this token is answered, and the answer sent. Gives the one that may go now.
  std::optional<StoreQuestion> answered(std::uint64_t token);

  std::size_t waiting_count() const noexcept { return waiting_; }
  void check_invariants() const;

 private:
  struct Lane {
    std::size_t under_way = 0;
    std::deque<StoreQuestion> waiting;
  };

  std::unordered_map<RoutingId, Lane> lanes_;
  std::unordered_map<std::uint64_t, RoutingId> askers_;  // by token, of questions under way
  std::size_t waiting_ = 0;
};

}  // namespace trireme
