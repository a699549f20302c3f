// Task records in memory, bounded: the oldest finished ones go when a limit is passed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <set>
#include <unordered_map>
#include <utility>

#include "db/record_patch.hpp"
#include "db/task_store.hpp"

namespace trireme {

/// What finished records may take up.
struct MemoryStoreLimits {
  std::size_t records_max = 1024;
  std::uint64_t buffer_bytes_max = std::uint64_t{1} << 30;  // request and result buffers together
  double cull_fraction = 0.1;  // of the limit that was passed; within (0, 1]
};

/// Keeps records in order of insertion. When a group of changes has passed a limit, the oldest
/// finished records by submission go until the store is below that limit by `cull_fraction`.
/// Submitted tasks that have not ended neither count nor go: their result is still to come, their
/// request may have to be sent again, and their buffers are alive in the queue anyway. Records
/// made by output alone, which nobody submitted, count as finished and oldest.
///
/// Invariants (check_invariants):
///   1. by_id_ names every element of entries_ exactly once.
///   2. cullable_ holds exactly the records that have ended or were never submitted, by submission.
///   3. cullable_bytes_ is the sum of the sizes of their buffers.
class MemoryStore final : public TaskStore {
 public:
  explicit MemoryStore(MemoryStoreLimits limits = {});

  Result<void> apply(std::span<const RecordChange> changes) override;
  Result<std::optional<TaskRecord>> get(const MsgId& msg_id) override;
  using TaskStore::find;
  Result<std::vector<TaskRecord>> find(const Query& query, const Columns& columns,
                                       std::uint64_t bytes_max) override;
  Result<std::vector<MsgId>> history() override;
  Result<std::vector<TaskOutcome>> outcomes(std::span<const MsgId> ids) override;
  Result<void> purge_completed() override;
  Result<void> purge(std::span<const MsgId> ids) override;
  Result<void> purge_engine(const EngineUuid& engine) override;
  bool keeps_records() const override { return true; }
  Result<std::uint64_t> count() override { return std::uint64_t{entries_.size()}; }

  void check_invariants() const;

 private:
  struct Entry {
    TaskRecord record;
    std::optional<bool> ended_ok;
    std::uint64_t sequence = 0;  // of insertion
  };
  using Entries = std::list<Entry>;
  /// Submission (none is oldest), then insertion.
  using CullKey = std::pair<std::optional<Timestamp>, std::uint64_t>;

  static bool is_cullable(const Entry& entry);
  static CullKey cull_key(const Entry& entry);
  static std::uint64_t buffer_bytes_of(const TaskRecord& record);
  void apply_one(const RecordChange& change);
  void attach(Entries::iterator entry);
  void detach(Entries::iterator entry);
  void erase(Entries::iterator entry);
  template <class Condition>
  void erase_if(Condition condition);
  void cull();
  void cull_oldest();

  MemoryStoreLimits limits_;
  Entries entries_;
  std::unordered_map<MsgId, Entries::iterator> by_id_;
  std::set<std::pair<CullKey, MsgId>> cullable_;
  std::uint64_t cullable_bytes_ = 0;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace trireme
