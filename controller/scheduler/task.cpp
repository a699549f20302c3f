// The legal moves of a task.
#include "controller/scheduler/task.hpp"

#include <array>
#include <string>

#include "session/result.hpp"

namespace trireme {
namespace {

constexpr std::size_t kStateCount = std::variant_size_v<TaskState>;

constexpr std::array<std::string_view, kStateCount> kStateNames{"submitted", "checking", "blocked",
                                                                "ready", "running"};

// Row: from; column: to; both in the order of TaskState.
constexpr bool kLegalMoves[kStateCount][kStateCount] = {
    {false, true, true, true, true},    // submitted: checking, blocked, ready; running (restored)
    {false, false, true, true, false},  // checking: blocked, ready
    {false, false, true, true, false},  // blocked: blocked (something else is missing), ready
    {false, false, true, true, true},   // ready: blocked, ready (other engines), running
    {false, true, true, true, false},   // running: back, for another attempt
};

}  // namespace

bool is_legal_move(std::size_t from, std::size_t to) {
  return from < kStateCount && to < kStateCount && kLegalMoves[from][to];
}

std::string_view state_name(const TaskState& state) { return kStateNames[state.index()]; }

void Task::move_to(TaskState next) {
  TRIREME_CHECK(is_legal_move(state_.index(), next.index()),
                "task " + request.msg_id.str() + " cannot go from " +
                    std::string(state_name(state_)) + " to " + std::string(state_name(next)));
  state_ = std::move(next);
  ++ticket_;
}

}  // namespace trireme
