// Questions about tasks: queues, results, history, queries, purge, resubmission.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/hub/hub.hpp"
#include "db/python_repr.hpp"
#include "session/wire.hpp"

namespace trireme {

namespace {

/// Names as Python prints a list of them: `[99, 'nobody']`.
std::string names_repr(const std::vector<EngineName>& names) {
  std::string text = "[";
  for (const EngineName& name : names) {
    if (text.size() > 1) text += ", ";
    if (const auto* number = std::get_if<std::int64_t>(&name)) {
      text += std::to_string(*number);
    } else {
      text += python_repr(std::get<EngineUuid>(name).view());
    }
  }
  return text + "]";
}

std::string ids_repr(const std::vector<MsgId>& ids) {
  std::string text = "[";
  for (const MsgId& id : ids) {
    if (text.size() > 1) text += ", ";
    text += python_repr(id.view());
  }
  return text + "]";
}

/// Records out of a reply that must hold them.
std::vector<TaskRecord> records_in(Result<StoreReply>& reply) {
  auto* records = std::get_if<std::vector<TaskRecord>>(&*reply);
  TRIREME_CHECK(records != nullptr, "the store answered a question for records with others");
  return std::move(*records);
}

using RecordsById = std::unordered_map<MsgId, const TaskRecord*>;

RecordsById by_id(const std::vector<TaskRecord>& records) {
  RecordsById index;
  for (const TaskRecord& record : records) index.emplace(record.msg_id, &record);
  return index;
}

const TaskRecord* find(const RecordsById& records, const MsgId& msg_id) {
  const auto found = records.find(msg_id);
  return found == records.end() ? nullptr : found->second;
}

const Error kNoRecords{ErrorCode::kNoData,
                       "This controller keeps no task records; start it with a task database to "
                       "ask for results, history or resubmission."};

}  // namespace

bool Hub::is_pending(const MsgId& msg_id) const {
  return log_.direct().is_pending(msg_id) || tasks_.is_pending(msg_id);
}

Result<std::vector<EngineId>> Hub::choose_engines(const EngineNames& names) const {
  std::vector<EngineId> chosen;
  if (!names) {
    for (const auto& [id, uuid] : registry_.live()) chosen.push_back(id);
    return chosen;
  }
  std::vector<EngineName> unknown;
  for (const EngineName& name : *names) {
    std::optional<EngineId> id;
    if (const auto* uuid = std::get_if<EngineUuid>(&name)) {
      id = registry_.id_of(*uuid);
    } else if (const auto number = std::get<std::int64_t>(name);
               number >= 0 && number <= std::numeric_limits<std::int32_t>::max()) {
      // Engines that have left may still be asked about.
      id = EngineId(static_cast<std::int32_t>(number));
      if (!registry_.is_live(*id) && !registry_.is_dead(*id)) id.reset();
    }
    if (id && std::find(chosen.begin(), chosen.end(), *id) == chosen.end()) {
      chosen.push_back(*id);
    } else if (!id) {
      unknown.push_back(name);
    }
  }
  if (!unknown.empty()) {
    return Error{ErrorCode::kIndexError, "No Such Engine: " + names_repr(unknown)};
  }
  if (chosen.empty()) return Error{ErrorCode::kIndexError, "No Engines Registered"};
  return chosen;
}

QueueReport Hub::engine_queue(EngineId id, bool verbose) const {
  QueueReport queue{
      .id = id, .queue = log_.direct().count_on(id), .completed = log_.completed_on(id)};
  const auto uuid = registry_.uuid_of(id);
  if (uuid) queue.tasks = tasks_.running_count(*uuid);
  if (!verbose) return queue;
  queue.queue_ids = log_.direct().pending_on(id);
  if (uuid) queue.task_ids = tasks_.running_on(*uuid);
  return queue;
}

void Hub::queue_status(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  const auto wish = read_queue_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  const auto engines = choose_engines(wish->targets);
  if (!engines) return fail(asker, MessageType::kHubError, engines.error(), now, out);
  QueueReports status{.verbose = wish->verbose, .unassigned = tasks_.waiting_count()};
  for (const EngineId id : *engines) status.engines.push_back(engine_queue(id, wish->verbose));
  if (!wish->verbose || !log_.keeps_records()) {
    if (wish->verbose) status.unassigned_ids = tasks_.waiting();
    return answer(asker, MessageType::kQueueReply, queue_content(status), now, out);
  }
  status.unassigned_ids = tasks_.waiting();
  // The ids of completed tasks are only in the records.
  nlohmann::json uuids = nlohmann::json::array();
  for (const EngineId id : *engines) {
    if (const auto uuid = registry_.uuid_of(id)) uuids.push_back(uuid->str());
  }
  const nlohmann::json query{{"engine_uuid", {{"$in", uuids}}}, {"completed", {{"$ne", nullptr}}}};
  auto parsed = parse_query(query.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!parsed) return fail(asker, MessageType::kHubError, parsed.error(), now, out);
  ask(
      asker,
      FindRecords{std::move(*parsed), Columns::of({Column::kMsgId, Column::kEngineUuid}),
                  options_.answer_bytes_max},
      [this, asker, status = std::move(status)](Result<StoreReply> reply, Now at, Outbox& effects) {
        finish_queue_status(asker, status, std::move(reply), at, effects);
      },
      out);
}

void Hub::finish_queue_status(const Asker& asker, QueueReports status, Result<StoreReply> reply,
                              Now now, Outbox& out) {
  if (!reply) return fail(asker, MessageType::kHubError, reply.error(), now, out);
  std::unordered_map<EngineUuid, QueueReport*> by_uuid;
  for (QueueReport& engine : status.engines) {
    if (auto uuid = registry_.uuid_of(engine.id)) by_uuid.emplace(std::move(*uuid), &engine);
  }
  for (TaskRecord& record : records_in(reply)) {
    const auto engine = by_uuid.find(EngineUuid(record.engine_uuid.value_or("")));
    if (engine == by_uuid.end()) continue;  // it left while the store was thinking
    engine->second->completed_ids.push_back(std::move(record.msg_id));
  }
  answer(asker, MessageType::kQueueReply, queue_content(status), now, out);
}

void Hub::check_load(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  const auto wish = read_queue_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  const auto engines = choose_engines(wish->targets);
  if (!engines) return fail(asker, MessageType::kHubError, engines.error(), now, out);
  std::vector<QueueReport> queues;
  for (const EngineId id : *engines) queues.push_back(engine_queue(id, false));
  answer(asker, MessageType::kLoadReply, load_content(queues), now, out);
}

void Hub::get_results(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  auto wish = read_result_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  if (!log_.keeps_records() && !wish->status_only) {
    return fail(asker, MessageType::kResultReply, kNoRecords, now, out);
  }
  std::vector<MsgId> pending;
  std::vector<MsgId> others;
  for (const MsgId& id : wish->msg_ids) (is_pending(id) ? pending : others).push_back(id);
  if (others.empty() || !log_.keeps_records()) {
    return finish_results(asker, *wish, pending, {}, now, out);
  }
  const Columns columns =
      wish->status_only ? Columns::of({Column::kMsgId, Column::kCompleted}) : result_columns();
  ask(
      asker, GetRecords{std::move(others), columns, options_.answer_bytes_max},
      [this, asker, wish = std::move(*wish), pending = std::move(pending)](
          Result<StoreReply> reply, Now at, Outbox& effects) {
        if (!reply) return fail(asker, MessageType::kResultReply, reply.error(), at, effects);
        finish_results(asker, wish, pending, records_in(reply), at, effects);
      },
      out);
}

void Hub::finish_results(const Asker& asker, const ResultRequest& request,
                         const std::vector<MsgId>& pending, const std::vector<TaskRecord>& records,
                         Now now, Outbox& out) {
  const RecordsById index = by_id(records);
  std::vector<MsgId> still_pending;
  std::vector<MsgId> completed;
  std::vector<const TaskRecord*> results;
  Frames buffers;
  for (const MsgId& id : request.msg_ids) {
    const TaskRecord* record = find(index, id);
    if (std::binary_search(pending.begin(), pending.end(), id) ||
        (record != nullptr && !record->completed)) {
      still_pending.push_back(id);
    } else if (record != nullptr || log_.ended_lately(id)) {
      completed.push_back(id);
      if (request.status_only || record == nullptr) continue;
      results.push_back(record);
      buffers.insert(buffers.end(), record->result_buffers.begin(), record->result_buffers.end());
    } else {
      return fail(asker, MessageType::kResultReply,
                  {ErrorCode::kKeyError, python_repr("No such message: " + id.str())}, now, out);
    }
  }
  answer(asker, MessageType::kResultReply, result_content(still_pending, completed, results), now,
         out, std::move(buffers));
}

void Hub::get_history(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  if (!log_.keeps_records()) {
    return fail(asker, MessageType::kHistoryReply, kNoRecords, now, out);
  }
  ask(
      asker, ListHistory{},
      [this, asker](Result<StoreReply> reply, Now at, Outbox& effects) {
        if (!reply) return fail(asker, MessageType::kHistoryReply, reply.error(), at, effects);
        const auto* ids = std::get_if<std::vector<MsgId>>(&*reply);
        TRIREME_CHECK(ids != nullptr, "the store answered a question for ids with others");
        answer(asker, MessageType::kHistoryReply, history_content(*ids), at, effects);
      },
      out);
}

void Hub::query_records(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  const auto wish = read_db_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  if (!log_.keeps_records()) return fail(asker, MessageType::kDbReply, kNoRecords, now, out);
  auto query = parse_query(wish->query_json);
  if (!query) return fail(asker, MessageType::kDbReply, query.error(), now, out);
  const auto columns = parse_columns(wish->keys_json);
  if (!columns) return fail(asker, MessageType::kDbReply, columns.error(), now, out);
  ask(
      asker, FindRecords{std::move(*query), *columns, options_.answer_bytes_max},
      [this, asker, columns = *columns](Result<StoreReply> reply, Now at, Outbox& effects) {
        if (!reply) return fail(asker, MessageType::kDbReply, reply.error(), at, effects);
        const std::vector<TaskRecord> records = records_in(reply);
        Frames buffers;
        for (const TaskRecord& record : records) {
          if (columns.has(Column::kBuffers)) {
            buffers.insert(buffers.end(), record.buffers.begin(), record.buffers.end());
          }
          if (columns.has(Column::kResultBuffers)) {
            buffers.insert(buffers.end(), record.result_buffers.begin(),
                           record.result_buffers.end());
          }
        }
        answer(asker, MessageType::kDbReply, db_content(records, columns), at, effects,
               std::move(buffers));
      },
      out);
}

void Hub::purge_results(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  const auto wish = read_purge_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  std::vector<StoreRequest> steps;
  auto progress = std::make_shared<PurgeProgress>();
  progress->content = "{\"status\": \"ok\"}";
  if (wish->all) {
    steps.emplace_back(PurgeCompleted{});
  } else {
    for (const MsgId& id : wish->msg_ids) {
      if (!is_pending(id)) continue;
      return fail(asker, MessageType::kPurgeReply,
                  {ErrorCode::kIndexError, "msg pending: " + python_repr(id.view())}, now, out);
    }
    if (!wish->msg_ids.empty()) steps.emplace_back(PurgeRecords{wish->msg_ids});
    for (const std::int64_t number : wish->engine_ids) {
      const bool fits = number >= 0 && number <= std::numeric_limits<std::int32_t>::max();
      const auto uuid = fits ? registry_.uuid_of(EngineId(static_cast<std::int32_t>(number)))
                             : std::optional<EngineUuid>();
      if (!uuid) {
        // What was named before this engine is purged all the same.
        progress->content =
            error_content({ErrorCode::kIndexError, "No such engine: " + std::to_string(number)});
        break;
      }
      steps.emplace_back(PurgeEngine{*uuid});
    }
  }
  if (steps.empty() || !log_.keeps_records()) {
    return answer(asker, MessageType::kPurgeReply, progress->content, now, out);
  }
  progress->steps_left = steps.size();
  for (StoreRequest& step : steps) {
    ask(
        asker, std::move(step),
        [this, asker, progress](const Result<StoreReply>& reply, Now at, Outbox& effects) {
          if (!reply) progress->content = error_content(reply.error());
          if (--progress->steps_left > 0) return;
          answer(asker, MessageType::kPurgeReply, progress->content, at, effects);
        },
        out);
  }
}

void Hub::resubmit_tasks(const Message& request, Now now, Outbox& out) {
  const Asker asker = asker_of(request);
  auto wish = read_resubmit_request(request.content_json.view());
  if (!wish) return fail(asker, MessageType::kHubError, wish.error(), now, out);
  if (!log_.keeps_records()) return fail(asker, MessageType::kResubmitReply, kNoRecords, now, out);
  GetRecords question{wish->msg_ids,
                      Columns::of({Column::kHeader, Column::kContent, Column::kBuffers})};
  ask(
      asker, std::move(question),
      [this, asker, wish = std::move(*wish)](Result<StoreReply> reply, Now at, Outbox& effects) {
        if (!reply) return fail(asker, MessageType::kResubmitReply, reply.error(), at, effects);
        finish_resubmit(asker, wish, records_in(reply), at, effects);
      },
      out);
}

void Hub::finish_resubmit(const Asker& asker, const ResubmitRequest& request,
                          const std::vector<TaskRecord>& records, Now now, Outbox& out) {
  const RecordsById index = by_id(records);
  std::vector<MsgId> missing;
  for (const MsgId& id : request.msg_ids) {
    const TaskRecord* record = find(index, id);
    if (record == nullptr || !record->header) missing.push_back(id);
  }
  if (!missing.empty()) {
    return fail(asker, MessageType::kResubmitReply,
                {ErrorCode::kKeyError, python_repr("No such msg(s): " + ids_repr(missing))}, now,
                out);
  }
  std::vector<Message> tasks;
  std::vector<std::pair<MsgId, MsgId>> replacements;
  for (const MsgId& id : request.msg_ids) {
    auto task = task_again(*find(index, id), now);
    if (!task) return fail(asker, MessageType::kResubmitReply, task.error(), now, out);
    replacements.emplace_back(id, task->header.msg_id);
    tasks.push_back(std::move(*task));
  }
  answer(asker, MessageType::kResubmitReply, resubmit_content(replacements), now, out);
  for (Message& task : tasks) out.internal_tasks.push_back(std::move(task));
  for (auto& [original, replacement] : replacements) {
    out.record(TaskResubmitted{std::move(original), std::move(replacement)});
  }
}

Result<Message> Hub::task_again(const TaskRecord& record, Now now) {
  auto header = nlohmann::ordered_json::parse(*record.header, nullptr, false);
  if (!header.is_object()) {
    return Error{ErrorCode::kBadFormat,
                 "The header of task " + record.msg_id.str() + " is not usable any more."};
  }
  // The number and date of a fresh message, everything else as it was; no dependencies.
  const Message fresh = factory_.make(MessageType::kApplyRequest, "{}", now.timestamp);
  header["msg_id"] = fresh.header.msg_id.str();
  header["date"] = fresh.header.date.view();
  Message task;
  task.header_json =
      Frame(header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  auto parsed = parse_header(task.header_json.view());
  if (!parsed) return parsed.error();
  task.header = std::move(*parsed);
  task.parent_json = task.header_json;
  task.metadata_json = Frame(std::string("{}"));
  task.content_json = Frame(record.content.value_or("{}"));
  task.buffers = record.buffers;
  return task;
}

}  // namespace trireme
