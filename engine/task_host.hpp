// Where an engine's tasks run, as its loop sees it: threads of its own process, or another process.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine_messages.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/interactive_context.hpp"
#include "engine/task_outcome.hpp"
#include "session/clock.hpp"

namespace trireme {

/// A running task has shown something.
struct RunOutput {
  RunNumber run;
  std::vector<OutputPiece> pieces;
};
/// A running task waits for an answer; see TaskHost::answer().
struct RunWaits {
  RunNumber run;
  Wanted wanted;
  std::string prompt;
};
/// A task ended; `output` is what was not reported before.
struct RunEnded {
  RunNumber run;
  TaskOutcome outcome;
  std::vector<OutputPiece> output;
};
using HostEvent = std::variant<RunOutput, RunWaits, RunEnded>;

/// Runs requests. Belongs to the loop's thread, which calls everything and is told everything.
class TaskHost {
 public:
  /// Called from within the loop's waiting, or from within the functions below.
  using Report = std::function<void(HostEvent)>;

  virtual ~TaskHost() = default;

  /// Who the engine is. Once, before the first start().
  virtual void join(const EngineIdentity& identity, Report report) = 0;
  /// `start.request` must stay alive until its RunEnded.
  virtual void start(const WorkQueue::Start& start, Now now) = 0;
  virtual void stop(const StopRun& stop, Now now) = 0;
  /// Whether what was to be ready for the first request is, as far as it will ever be.
  virtual bool is_settled() const { return true; }
  /// What a run waits for; empty when there is nobody to give it.
  virtual void answer(RunNumber run, std::optional<std::string> text) = 0;
  /// Forgets the names that tasks left behind.
  virtual void clear_names() = 0;
  /// Ends what runs and forgets everything, where that can be done.
  virtual void restart(Now now) = 0;

  virtual std::optional<Instant> next_deadline() const = 0;
  virtual void on_deadline(Now now) = 0;

  /// The end: asks everything that runs to stop, reports nothing more, and waits. False when
  /// something still runs after `limit` and cannot be ended.
  virtual bool leave(std::chrono::milliseconds limit) = 0;

  /// How many named functions can be called.
  virtual std::size_t function_count() const = 0;
  /// Of cells without a magic: the name in RuntimeOffer; empty when there is none.
  virtual const std::string& language() const = 0;
};

}  // namespace trireme
