// One run of one request: its context, its output, and the wish that it stop.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <trireme/task_context.hpp>

#include "engine/engine_messages.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/interactive_context.hpp"
#include "engine/task_output.hpp"

namespace trireme {

/// The context a task sees. Thread-safe.
class TaskRun final : public InteractiveContext {
 public:
  /// Tells whoever answers that the run waits for answer(). Called on the task's thread.
  using AskForInput = std::function<void(Wanted wanted, std::string prompt)>;
  /// `names` must outlive the run.
  TaskRun(EngineIdentity identity, MsgId request, NameSpace& names,
          std::shared_ptr<TaskOutput> output, AskForInput ask_for_input)
      : identity_(std::move(identity)),
        request_(std::move(request)),
        names_(names),
        output_(std::move(output)),
        ask_for_input_(std::move(ask_for_input)) {}

  std::stop_token stop_token() const override { return stop_.get_token(); }
  int engine_id() const override { return identity_.id.value(); }
  std::string engine_uuid() const override { return identity_.uuid.str(); }
  std::string msg_id() const override { return request_.str(); }
  NameSpace& name_space() override { return names_; }
  void write_out(std::string_view text) override {
    output_->append(OutputPiece::Kind::kStdout, text);
  }
  void write_err(std::string_view text) override {
    output_->append(OutputPiece::Kind::kStderr, text);
  }
  void display(const Dict& data) override;
  void show(OutputPiece::Kind kind, std::string_view content_json) override {
    output_->append(kind, content_json);
  }
  Result<std::string> ask(Wanted wanted, std::string_view prompt) override;

  /// Empty: nobody can be asked. Dropped when the run does not wait.
  void answer(std::optional<std::string> line);
  /// The first reason counts.
  void request_stop(StopReason reason);
  StopReason stop_reason() const noexcept { return reason_; }
  const std::shared_ptr<TaskOutput>& output() const noexcept { return output_; }

 private:
  EngineIdentity identity_;
  MsgId request_;
  NameSpace& names_;
  std::shared_ptr<TaskOutput> output_;
  AskForInput ask_for_input_;

  std::mutex input_mutex_;
  std::condition_variable_any input_came_;
  bool waits_for_input_ = false;      // guarded by input_mutex_
  std::optional<std::string> input_;  // guarded by input_mutex_

  std::stop_source stop_;
  std::atomic<StopReason> reason_{StopReason::kAborted};
};

}  // namespace trireme
