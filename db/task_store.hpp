// Where task records live: the interface every store fulfils and every test of stores runs over.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "db/query.hpp"
#include "db/record_change.hpp"
#include "db/task_record.hpp"
#include "session/result.hpp"

namespace trireme {

/// How a task ended; what dependencies on finished tasks need to know.
struct TaskOutcome {
  MsgId msg_id;
  bool ended_ok;
  std::optional<EngineUuid> engine;
};

inline constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

/// A store of task records. One thread uses a store; it is told everything in order. No function
/// throws: what the disk or the database refuses comes back as an Error, and the store is as it
/// was before the call.
class TaskStore {
 public:
  virtual ~TaskStore() = default;

  /// All changes, or none of them, in the order given; one transaction.
  virtual Result<void> apply(std::span<const RecordChange> changes) = 0;

  /// One record, whole; empty when there is none.
  virtual Result<std::optional<TaskRecord>> get(const MsgId& msg_id) = 0;

  /// The records that match, oldest first by insertion, with the columns asked for filled in.
  /// kTooLarge when they take more bytes than the limit (record_bytes()).
  virtual Result<std::vector<TaskRecord>> find(const Query& query, const Columns& columns,
                                               std::uint64_t bytes_max) = 0;
  /// The same without a limit.
  Result<std::vector<TaskRecord>> find(const Query& query, const Columns& columns) {
    return find(query, columns, kUnlimited);
  }

  /// Ids of all records that have a submission time, ordered by it.
  virtual Result<std::vector<MsgId>> history() = 0;

  /// How tasks of the load-balanced queue ended, for those of the ids that have ended here.
  virtual Result<std::vector<TaskOutcome>> outcomes(std::span<const MsgId> ids) = 0;

  /// Deletes every record that is completed.
  virtual Result<void> purge_completed() = 0;
  /// Deletes the records with these ids; unknown ids are no error.
  virtual Result<void> purge(std::span<const MsgId> ids) = 0;
  /// Deletes the completed records of one engine.
  virtual Result<void> purge_engine(const EngineUuid& engine) = 0;

  /// For moments without other work: does a little of what can wait, some milliseconds of it. True
  /// when there is more.
  virtual bool use_pause() { return false; }

  /// False for the store that keeps nothing: requests for records are then answered with NoData.
  virtual bool keeps_records() const = 0;
  virtual Result<std::uint64_t> count() = 0;
};

}  // namespace trireme
