// Runs cells, and answers questions about them, in the language that each is written in.
#pragma once

#include <memory>
#include <string>

#include "engine/cells/languages.hpp"
#include "engine/executor.hpp"

namespace trireme {

/// Executor for execute requests and the questions of front ends (docs/protocol.md, "Cells").
class CellExecutor final : public Executor {
 public:
  explicit CellExecutor(std::shared_ptr<Languages> languages) : languages_(std::move(languages)) {}

  std::string description() const override { return "cells"; }
  bool accepts(const TaskRequest& request) const override;
  TaskOutcome run(const TaskRequest& request, TaskContext& context) override;

 private:
  TaskOutcome execute(const TaskRequest& request, TaskContext& context);
  TaskOutcome answer(const TaskRequest& request, TaskContext& context);
  std::string evaluate_all(const TaskRequest& request, Languages::Access& access,
                           const CellOptions& options, CellSink& sink);

  std::shared_ptr<Languages> languages_;
};

}  // namespace trireme
