// What an engine does with each message: queue it, start it, answer it. No sockets, no threads.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/cell_history.hpp"
#include "engine/engine_messages.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/runtimes/runtime.hpp"
#include "engine/task_host.hpp"
#include "engine/task_outcome.hpp"
#include "engine/work_queue.hpp"
#include "session/clock.hpp"
#include "session/message.hpp"

namespace trireme {

/// What an engine tells about itself when asked.
struct EngineDescription {
  std::string version;           // of Trireme
  LanguageInfo language;         // of cells without a magic
  bool ends_on_restart = false;  // whoever started this process will start it again
};

/// The brain of a registered engine.
///
/// Rules, with their reasons:
/// - For one request the outputs go out in this order: busy, execute_input, what the task shows,
///   its result or error, then the reply and idle. Clients take idle as "no more output comes".
/// - Control requests are answered at once, also while tasks run.
/// - An aborted request that had not started is answered at once: busy, `aborted`, idle.
/// - When an execute request that is not silent fails, the execute requests waiting behind it are
///   answered as aborted: they were written for the state that it did not reach.
/// - A request that comes again (a controller was restarted and asks for what it did not see
///   answered) is not run again: while it waits or runs, its answer goes to who asked last; once
///   answered, the answer is repeated.
/// - Every reply to work carries metadata.status, or a Python scheduler would lose it.
class EngineCore {
 public:
  /// `slots` tasks may run at once.
  EngineCore(EngineMessages messages, std::size_t slots, EngineDescription description);

  /// The outputs are connected: say hello.
  void on_ready(Now now, EngineOutbox& out);
  /// A verified message from the shell socket (direct, load-balanced and broadcast requests).
  void on_shell(Message message, Now now, EngineOutbox& out);
  /// A verified message from the control socket.
  void on_control(const Message& message, Now now, EngineOutbox& out);
  /// What a running task has shown since the last call.
  void on_output(RunNumber run, const std::vector<OutputPiece>& pieces, Now now, EngineOutbox& out);
  /// A running task waits for an answer.
  void on_waits(const RunWaits& waits, Now now, EngineOutbox& out);
  /// A verified message from the stdin socket.
  void on_stdin(const Message& message, EngineOutbox& out);
  /// The hub knows this engine under another id now.
  void rename(EngineId id) { messages_.rename(id); }
  /// There are front ends that can be asked for input.
  void open_stdin() { is_stdin_open_ = true; }
  /// A task ended. All its output must have been handed in before.
  void on_finished(RunNumber run, TaskOutcome outcome, Now now, EngineOutbox& out);
  /// Ctrl-C or its like: running tasks are asked to stop. False when none runs.
  bool on_interrupt(EngineOutbox& out);

  const WorkQueue& queue() const noexcept { return queue_; }
  const EngineIdentity& identity() const noexcept { return messages_.identity(); }
  void check_invariants() const;

 private:
  using Handler = void (EngineCore::*)(const Message&, EngineChannel, Now, EngineOutbox&);
  struct Row;
  static const Row kControlTable[];
  static const Row kShellTable[];

  void dispatch(std::span<const Row> table, const Message& message, EngineChannel channel, Now now,
                EngineOutbox& out);
  void on_work(Message message, Now now, EngineOutbox& out);
  void abort(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void clear(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void shut_down(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void interrupt(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void kernel_info(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void history(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void comm_info(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void signal(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);
  void refuse(const Message& request, EngineChannel channel, Now now, EngineOutbox& out);

  void start_waiting(Now now, EngineOutbox& out);
  /// True if the request came before and needs nothing more.
  bool answer_again(const TaskRequest& request, Now now, EngineOutbox& out);
  void send_reply(const TaskRequest& request, Message reply, EngineOutbox& out);
  void answer_aborted(const TaskRequest& request, Now now, EngineOutbox& out);
  void succeed(const TaskRequest& request, TaskSuccess success, const RunFacts& facts, Now now,
               EngineOutbox& out);
  void fail(const TaskRequest& request, const TaskFailure& failure, const RunFacts& facts, Now now,
            EngineOutbox& out);
  void remember_value(int execution_count, const std::string& data_json);
  void publish_status(std::string_view state, const Frame& parent, Now now, EngineOutbox& out);
  void reply(EngineChannel channel, const Message& request, std::string content_json, Now now,
             EngineOutbox& out);

  EngineMessages messages_;
  EngineDescription description_;
  WorkQueue queue_;
  ReplyCache replies_;
  std::map<RunNumber, RunFacts> facts_;  // of every running request
  int execution_count_ = 0;
  CellHistory history_;
  bool is_stdin_open_ = false;
  std::vector<RunNumber> waiting_for_input_;  // oldest first
};

}  // namespace trireme
