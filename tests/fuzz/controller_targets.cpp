// What the controller reads: terms of tasks, questions to the hub, queries, and whole messages.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "controller/hub/hub_requests.hpp"
#include "controller/scheduler/task_terms.hpp"
#include "db/memory_store.hpp"
#include "db/sqlite_store.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/frame_text.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/hostile_cluster.hpp"

namespace trireme::fuzz {
namespace {

std::vector<std::string> parts_of(const std::string& channel, std::size_t part) {
  std::vector<std::string> texts;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.packer == "json" && message.channel == channel) {
      texts.push_back(message.parts[part]);
    }
  }
  return distinct(std::move(texts));
}

std::vector<std::string_view> terms_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {"\"after\"", "\"follow\"", "\"timeout\"", "\"targets\"", "\"retries\"", "\"dependencies\"",
        "\"all\"", "\"success\"", "\"failure\"", "\"status\"", "\"dependencies_met\"",
        "\"aborted\"", "\"error\"", "[\"a\", \"a\"]",
        "{\"dependencies\": [\"b\"], \"all\": false}"}) {
    tokens.push_back(more);
  }
  return tokens;
}

std::vector<std::string> terms_corpus() {
  std::vector<std::string> texts = parts_of("task", 2);
  texts.emplace_back(
      R"({"after": {"dependencies": ["a", "b"], "all": false, "success": true, "failure": true},)"
      R"( "follow": "c", "timeout": 1.5, "targets": ["e1"], "retries": 3})");
  return texts;
}

bool is_distinct_and_sorted(const auto& ids) {
  return std::adjacent_find(ids.begin(), ids.end(),
                            [](const auto& a, const auto& b) { return !(a < b); }) == ids.end();
}

bool run_terms(std::string_view input) {
  const Result<ReplyTerms> reply = parse_reply_terms(input, input);
  const Result<TaskTerms> terms = parse_task_terms(input);
  if (!terms) {
    demand(!terms.error().text.empty(), "a refusal is a sentence");
    return reply.has_value();
  }
  demand(is_distinct_and_sorted(terms->after.ids) && is_distinct_and_sorted(terms->follow.ids) &&
             is_distinct_and_sorted(terms->targets),
         "ids are distinct and sorted");
  demand(terms->retries <= kTaskRetriesMax, "retries are bounded");
  demand(!terms->timeout || (terms->timeout->count() >= 0 && *terms->timeout <= kTaskTimeoutMax),
         "timeouts are bounded");
  return true;
}

std::vector<std::string_view> request_tokens() {
  std::vector<std::string_view> tokens = json_tokens();
  for (const std::string_view more :
       {"\"targets\"", "\"verbose\"", "\"msg_ids\"", "\"status_only\"", "\"query\"", "\"keys\"",
        "\"engine_ids\"", "\"all\"", "\"uuid\"", "\"id\"", "\"e1\"", "4294967296"}) {
    tokens.push_back(more);
  }
  return tokens;
}

bool run_request(std::string_view input) {
  const Result<ResultRequest> results = read_result_request(input);
  if (results) demand(is_distinct_and_sorted(results->msg_ids), "ids are distinct and sorted");
  const bool is_queue = read_queue_request(input).has_value();
  const bool is_purge = read_purge_request(input).has_value();
  const bool is_resubmit = read_resubmit_request(input).has_value();
  const bool is_registration = read_registration_request(input).has_value();
  const bool is_unregistration = read_unregistration_request(input).has_value();
  const Result<DbRequest> asked = read_db_request(input);
  if (asked) {
    const bool has_query = parse_query(asked->query_json).has_value();
    const bool has_columns = parse_columns(asked->keys_json).has_value();
    return has_query && has_columns;
  }
  return results || is_queue || is_purge || is_resubmit || is_registration || is_unregistration;
}

std::vector<std::string_view> query_tokens() {
  static const std::vector<std::string> quoted = [] {
    std::vector<std::string> names;
    for (const auto& op : kQueryOperators) names.push_back('"' + std::string(op.name) + '"');
    for (const auto& column : kColumns) names.push_back('"' + std::string(column.name) + '"');
    return names;
  }();
  std::vector<std::string_view> tokens = json_tokens();
  tokens.insert(tokens.end(), quoted.begin(), quoted.end());
  for (const std::string_view more :
       {"\"*\"", "\"[a-\"", "\"[!]\"", "\"[]]?\"", "\"2026-01-01T10:00:00Z\"", "\"\\u0000\"",
        "\"2026-01-01T10:00:00.000001+23:59\"", "\"9999-12-31T23:59:59Z\"", "[null, \"a\", 1]"}) {
    tokens.push_back(more);
  }
  return tokens;
}

std::vector<std::string> query_corpus() {
  return {
      "{}",
      R"({"msg_id": "a"})",
      R"({"msg_id": {"$in": ["a", "b", null]}, "engine_uuid": {"$ne": null}})",
      R"({"completed": {"$gt": "2026-01-01T10:00:00Z", "$lte": "2026-01-02T10:00:00+01:00"}})",
      R"({"stdout": {"$glob": "*[!x-z]?"}, "header": {"msg_id": "a"}})",
      R"({"metadata": {"$nin": [{}, {"a": 1.0}]}, "queue": {"$all": ["task"]}})",
      R"({"started": {"$exists": true}, "content": {"$mod": [2, 1]}})",
      R"({"buffers": {"$eq": null}, "result_buffers": {"$ne": []}, "label": {"$lt": "b"}})",
  };
}

// A store in memory and one in a file, with the same few records.
class TwoStores {
 public:
  TwoStores() : file_(SqliteStore::open(":memory:").value()) {
    for (const char* id : {"a", "b", "c"}) {
      const std::string header = std::string(R"({"msg_id": ")") + id +
                                 R"(", "session": "s", "date": "2026-01-01T10:00:00Z"})";
      std::vector<RecordChange> changes{TaskSubmitted{MsgId(id),
                                                      TaskQueue::kTask,
                                                      Frame(header),
                                                      Frame::copy_of(R"({"a": 1.0, "label": "l"})"),
                                                      Frame::copy_of("{}"),
                                                      {Frame::copy_of("bytes")},
                                                      EngineUuid("e1")},
                                        TaskOutput{MsgId(id), TaskOutput::Stream::kStdout, "said"}};
      demand(memory_.apply(changes) && file_->apply(changes), "the stores take records");
    }
  }
  static std::vector<MsgId> ids(TaskStore& store, const Query& query) {
    const auto found = store.find(query, Columns::of({Column::kMsgId}));
    demand(found.has_value(), "a query that was read can be asked");
    std::vector<MsgId> ids;
    for (const TaskRecord& record : *found) ids.push_back(record.msg_id);
    return ids;
  }
  void compare(const Query& query) {
    demand(ids(memory_, query) == ids(*file_, query), "both stores understand a query alike");
  }

 private:
  MemoryStore memory_;
  std::unique_ptr<SqliteStore> file_;
};

bool run_query(std::string_view input) {
  static TwoStores stores;
  const bool has_columns = parse_columns(input).has_value();
  const Result<Query> query = parse_query(input);
  if (!query) {
    demand(!query.error().text.empty(), "a refusal is a sentence");
    return has_columns;
  }
  stores.compare(*query);
  return true;
}

bool run_engines_file(std::string_view input) {
  HostileCluster cluster(HostileCluster::Engines::kNone);
  return cluster.restore(input);
}

std::vector<std::string> engines_corpus() { return {HostileCluster().engines_file()}; }

// Whole conversations: what clients and engines of a capture told the controller, with the names
// of its engines replaced by those of ours.
std::vector<std::string> controller_corpus() {
  std::map<std::string, std::vector<const CapturedMessage*>> files;
  for (const CapturedMessage& message : captured_messages()) {
    if (message.packer == "json" && message.to == "controller") {
      files[message.file].push_back(&message);
    }
  }
  std::vector<std::string> inputs;
  for (const auto& [file, messages] : files) {
    std::vector<std::string> frames;
    for (const CapturedMessage* message : messages) {
      if (frames.size() >= 12 * HostileCluster::kFramesPerEvent) break;
      const std::vector<std::string> event = HostileCluster::event_of(*message);
      frames.insert(frames.end(), event.begin(), event.end());
    }
    if (!frames.empty()) inputs.push_back(join_frames(frames));
  }
  return inputs;
}

std::vector<std::string_view> controller_tokens() {
  std::vector<std::string_view> tokens = terms_tokens();
  for (const std::string_view more :
       {"e1", "e2", "client", "apply_request", "\"apply_reply\"", "\"msg_ids\"", "\"is_broadcast\"",
        "\"is_coalescing\": true", "\"original_msg_id\"", "registration_request",
        "unregistration_request", "resubmit_request", "purge_request", "db_request",
        "shutdown_request", "result_request", "queue_request", "\"engine\"", "\"id\": 0"}) {
    tokens.push_back(more);
  }
  return tokens;
}

bool run_controller(std::string_view input) {
  HostileCluster cluster;
  const std::vector<std::string> frames = split_frames(input);
  bool is_heard = false;
  for (std::size_t at = 0; at < frames.size(); at += HostileCluster::kFramesPerEvent) {
    const std::size_t end = std::min(frames.size(), at + HostileCluster::kFramesPerEvent);
    is_heard |= cluster.play({frames.begin() + static_cast<std::ptrdiff_t>(at),
                              frames.begin() + static_cast<std::ptrdiff_t>(end)});
  }
  cluster.check();
  return is_heard;
}

}  // namespace

std::span<const FuzzTarget> fuzz_targets() {
  static const std::vector<FuzzTarget> targets{
      {"task_terms", InputShape::kText, terms_tokens, terms_corpus, run_terms},
      {"hub_request", InputShape::kText, request_tokens, [] { return parts_of("registration", 3); },
       run_request, 8},
      {"query", InputShape::kText, query_tokens, query_corpus, run_query, 4},
      {"engines_file", InputShape::kText, json_tokens, engines_corpus, run_engines_file, 4},
      {"controller", InputShape::kFrames, controller_tokens, controller_corpus, run_controller, 15},
  };
  return targets;
}

}  // namespace trireme::fuzz
