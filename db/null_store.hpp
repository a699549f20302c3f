// The store that keeps nothing, for controllers whose history nobody asks for.
#pragma once

#include "db/task_store.hpp"

namespace trireme {

/// Accepts every change and forgets it.
class NullStore final : public TaskStore {
 public:
  Result<void> apply(std::span<const RecordChange>) override { return {}; }
  Result<std::optional<TaskRecord>> get(const MsgId&) override {
    return std::optional<TaskRecord>();
  }
  using TaskStore::find;
  Result<std::vector<TaskRecord>> find(const Query&, const Columns&, std::uint64_t) override {
    return std::vector<TaskRecord>();
  }
  Result<std::vector<MsgId>> history() override { return std::vector<MsgId>(); }
  Result<std::vector<TaskOutcome>> outcomes(std::span<const MsgId>) override {
    return std::vector<TaskOutcome>();
  }
  Result<void> purge_completed() override { return {}; }
  Result<void> purge(std::span<const MsgId>) override { return {}; }
  Result<void> purge_engine(const EngineUuid&) override { return {}; }
  bool keeps_records() const override { return false; }
  Result<std::uint64_t> count() override { return std::uint64_t{0}; }
};

}  // namespace trireme
