// Questions to the task store and their answers as values, so that they can cross threads.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "db/query.hpp"
#include "db/task_store.hpp"

namespace trireme {

/// The records with these ids, oldest first by insertion, with the columns asked for (buffers
/// included unless told otherwise); unknown ids are left out. Answer: vector<TaskRecord>, or
/// kTooLarge when it would take more than `bytes_max`.
struct GetRecords {
  std::vector<MsgId> ids;
  Columns columns = Columns::all();
  std::uint64_t bytes_max = kUnlimited;
};
/// The records that match. Answer: vector<TaskRecord>, or kTooLarge as above.
struct FindRecords {
  Query query;
  Columns columns;
  std::uint64_t bytes_max = kUnlimited;
};
/// Ids of the submitted tasks in order of submission. Answer: vector<MsgId>.
struct ListHistory {};
/// How load-balanced tasks ended. Answer: vector<TaskOutcome>.
struct GetOutcomes {
  std::vector<MsgId> ids;
};
/// Deletes all completed records. Answer: monostate.
struct PurgeCompleted {};
/// Deletes these records. Answer: monostate.
struct PurgeRecords {
  std::vector<MsgId> ids;
};
/// Deletes the completed records of an engine. Answer: monostate.
struct PurgeEngine {
  EngineUuid engine;
};
/// Only waits until every change before it is stored. Answer: monostate.
struct FlushChanges {};

using StoreRequest = std::variant<GetRecords, FindRecords, ListHistory, GetOutcomes, PurgeCompleted,
                                  PurgeRecords, PurgeEngine, FlushChanges>;

/// `token` is the asker's own and comes back with the answer.
struct StoreQuestion {
  std::uint64_t token = 0;
  StoreRequest request;
};

using StoreReply = std::variant<std::monostate, std::vector<TaskRecord>, std::vector<MsgId>,
                                std::vector<TaskOutcome>>;

struct StoreAnswer {
  std::uint64_t token = 0;
  Result<StoreReply> reply;
};

/// The records of a reply, unless buffers of one of them cannot be read: then an error says which.
Result<StoreReply> refuse_damaged(Result<StoreReply> reply);

/// Asks the store. A store that keeps nothing answers requests for records and history with
/// kNoData, knows no outcomes, and has nothing to purge.
StoreAnswer answer(TaskStore& store, const StoreQuestion& question);

}  // namespace trireme
