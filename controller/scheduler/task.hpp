// One live task of the load-balanced queue: what its client sent, and the state it is in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "controller/scheduler/ban_list.hpp"
#include "controller/scheduler/dependency_graph.hpp"
#include "controller/scheduler/slots.hpp"
#include "controller/scheduler/task_terms.hpp"
#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"

namespace trireme {

/// A task as submitted. The scheduler looks at msg_id and terms only; everything else is carried.
struct TaskSubmission {
  MsgId msg_id;
  RoutingId client;   // whom the reply goes to
  Frames body;        // what an engine is sent after the identities
  Frame header_json;  // becomes the parent of replies that the controller makes itself
  TaskTerms terms;
};

/// Which engines a ready task may go to.
enum class Reach : std::uint8_t {
  kAnywhere,     // no restriction
  kAnywhereBut,  // every engine except those of its ban list
  kOnly,         // the engines named in the state
};

namespace task_state {

/// An id one of the task's dependencies names that is neither live nor remembered.
struct UnknownId {
  MsgId id;
  Gate gate;
};

struct Submitted {};  // not yet looked at
struct Checking {     // waits for the store to say how the unknown ids ended
  std::vector<UnknownId> unknown;
};
struct Blocked {};  // waits for tasks it depends on
struct Ready {      // waits for an engine
  Reach reach = Reach::kAnywhere;
  std::vector<EngineSlot> only;  // Reach::kOnly: registered engines; empty while none is
};
struct Running {  // an engine has it
  EngineSlot engine = 0;
  std::uint32_t position = 0;    // in the engine's list of running tasks
  std::uint64_t assignment = 0;  // counts assignments of all tasks
};

}  // namespace task_state

using TaskState = std::variant<task_state::Submitted, task_state::Checking, task_state::Blocked,
                               task_state::Ready, task_state::Running>;

/// The legal moves, by index into TaskState. A task ends from any state by leaving the table.
bool is_legal_move(std::size_t from, std::size_t to);
/// The name of a state, for people.
std::string_view state_name(const TaskState& state);

/// A live task. Its slot and sequence never change.
class Task {
 public:
  Task(TaskSubmission from_client, TaskRef self)
      : request(std::move(from_client)), ref(self), retries_left(request.terms.retries) {}

  const TaskState& state() const noexcept { return state_; }
  /// Makes a legal move; queue entries made for earlier states die.
  void move_to(TaskState next);

  bool is_waiting() const noexcept { return !is<task_state::Running>(); }
  template <class State>
  bool is() const noexcept {
    return std::holds_alternative<State>(state_);
  }
  template <class State>
  const State* get() const noexcept {
    return std::get_if<State>(&state_);
  }
  task_state::Running* running() noexcept { return std::get_if<task_state::Running>(&state_); }

  /// Counts moves; a queue entry is current while its ticket is.
  std::uint32_t ticket() const noexcept { return ticket_; }

  TaskSubmission request;
  const TaskRef ref;
  std::uint32_t retries_left;
  std::uint32_t attempts = 0;  // times it was given to an engine
  bool is_unexamined = false;  // restored as running: its dependencies were never looked at
  BanList bans;
  std::optional<Instant> deadline;  // of the present wait

 private:
  TaskState state_;
  std::uint32_t ticket_ = 0;
};

}  // namespace trireme
