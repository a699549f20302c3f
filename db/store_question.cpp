#include "db/store_question.hpp"

namespace trireme {
namespace {

Error no_data() {
  return {ErrorCode::kNoData,
          "this controller keeps no task records; start it with a task database (--sqlitedb or "
          "--dictdb) to ask for results and history"};
}

template <class T>
Result<StoreReply> reply_with(Result<T> result) {
  if (!result) return result.error();
  return StoreReply(std::move(*result));
}

Result<StoreReply> reply_done(Result<void> result) {
  if (!result) return result.error();
  return StoreReply();
}

/// Asks the store what a request says.
class Answerer {
 public:
  explicit Answerer(TaskStore& store) : store_(store) {}

  Result<StoreReply> operator()(const GetRecords& request) {
    if (!store_.keeps_records()) return no_data();
    return reply_with(
        store_.find(Query::with_ids(request.ids), request.columns, request.bytes_max));
  }
  Result<StoreReply> operator()(const FindRecords& request) {
    if (!store_.keeps_records()) return no_data();
    return reply_with(store_.find(request.query, request.columns, request.bytes_max));
  }
  Result<StoreReply> operator()(const ListHistory&) {
    if (!store_.keeps_records()) return no_data();
    return reply_with(store_.history());
  }
  Result<StoreReply> operator()(const GetOutcomes& request) {
    return reply_with(store_.outcomes(request.ids));
  }
  Result<StoreReply> operator()(const PurgeCompleted&) {
    return reply_done(store_.purge_completed());
  }
  Result<StoreReply> operator()(const PurgeRecords& request) {
    return reply_done(store_.purge(request.ids));
  }
  Result<StoreReply> operator()(const PurgeEngine& request) {
    return reply_done(store_.purge_engine(request.engine));
  }
  Result<StoreReply> operator()(const FlushChanges&) { return StoreReply(); }

 private:
  TaskStore& store_;
};

}  // namespace

Result<StoreReply> refuse_damaged(Result<StoreReply> reply) {
  const auto* records = reply ? std::get_if<std::vector<TaskRecord>>(&*reply) : nullptr;
  if (records == nullptr) return reply;
  for (const TaskRecord& record : *records) {
    if (!record.damage) continue;
    return Error{ErrorCode::kBadFormat,
                 "buffers of task " + record.msg_id.str() +
                     " cannot be read, all else of its record can: " + *record.damage};
  }
  return reply;
}

StoreAnswer answer(TaskStore& store, const StoreQuestion& question) {
  return StoreAnswer{question.token, std::visit(Answerer(store), question.request)};
}

}  // namespace trireme
