// trireme history: the tasks that the controller has records of.
#include <algorithm>

#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/record_facts.hpp"
#include "cli/text_table.hpp"

namespace trireme::cli {
namespace {

constexpr std::size_t kWhatColumns = 48;

struct HistoryOptions {
  ProfileChoice choice;
  std::size_t limit = 20;
  std::string state;
  std::string since;
  std::string label;
  std::string containing;
  std::optional<int> engine;
  bool json = false;

  bool filters() const {
    return !state.empty() || !since.empty() || !label.empty() || !containing.empty() || engine;
  }
};

std::map<std::string, int> ids_by_uuid(const Client& client) {
  std::map<std::string, int> ids;
  for (const EngineInfo& engine : client.engines()) ids[engine.uuid] = engine.id;
  return ids;
}

/// The part of the filter that the controller can apply.
Dict query_of(const HistoryOptions& options, const std::map<std::string, int>& engines,
              Timestamp now) {
  Dict query;
  if (!options.since.empty()) {
    const auto since = parse_since(options.since, now);
    if (!since) {
      throw CommandFailed(kExitUsage, "'" + options.since +
                                          "' is no time; write --since 15m, 6h, 2d or an ISO date");
    }
    query["submitted"] = Dict{{"$gte", format_timestamp(*since)}};
  }
  if (options.engine) {
    const auto found = std::find_if(engines.begin(), engines.end(), [&](const auto& entry) {
      return entry.second == *options.engine;
    });
    if (found == engines.end()) {
      throw CommandFailed(kExitFailed, "there is no engine " + std::to_string(*options.engine) +
                                           "; trireme status lists them");
    }
    query["engine_uuid"] = found->first;
  }
  if (options.state == "waiting" || options.state == "running") query["completed"] = Value();
  if (options.state == "ok" || options.state == "failed" || options.state == "aborted") {
    query["completed"] = Dict{{"$ne", Value()}};
  }
  return query;
}

bool fits(const RecordFacts& facts, const HistoryOptions& options) {
  return (options.state.empty() || name_of(facts.state) == options.state) &&
         (options.label.empty() || facts.label == options.label) &&
         facts.what.find(options.containing) != std::string::npos;
}

/// Records of the newest `count` tasks, without reading all the others.
std::vector<Dict> newest(const Client& client, std::size_t count) {
  std::vector<std::string> ids = client.hub_history();
  if (ids.size() > count) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(count));
  if (ids.empty()) return {};
  List wanted(ids.begin(), ids.end());
  return client.db_query({{"msg_id", Dict{{"$in", std::move(wanted)}}}}, columns_of_facts());
}

std::vector<RecordFacts> find_tasks(const Client& client, const HistoryOptions& options,
                                    Timestamp now) {
  const auto engines = ids_by_uuid(client);
  const std::vector<Dict> records =
      options.filters() || options.limit == 0
          ? client.db_query(query_of(options, engines, now), columns_of_facts())
          : newest(client, options.limit);
  std::vector<RecordFacts> tasks;
  for (const Dict& record : records) {
    RecordFacts facts = read_facts(record, engines);
    if (fits(facts, options)) tasks.push_back(std::move(facts));
  }
  std::stable_sort(tasks.begin(), tasks.end(), [](const RecordFacts& a, const RecordFacts& b) {
    return a.submitted < b.submitted;
  });
  if (options.limit > 0 && tasks.size() > options.limit) {
    tasks.erase(tasks.begin(), tasks.end() - static_cast<std::ptrdiff_t>(options.limit));
  }
  return tasks;
}

Value or_null(const std::optional<Timestamp>& moment) {
  return moment ? Value(format_timestamp(*moment)) : Value();
}

Value to_value(const RecordFacts& facts) {
  return Dict{{"msg_id", facts.msg_id},
              {"what", facts.what},
              {"label", facts.label},
              {"state", name_of(facts.state)},
              {"engine", facts.engine},
              {"submitted", or_null(facts.submitted)},
              {"started", or_null(facts.started)},
              {"completed", or_null(facts.completed)},
              {"seconds", facts.seconds() ? Value(*facts.seconds()) : Value()},
              {"exit_code", facts.exit_code ? Value(*facts.exit_code) : Value()},
              {"error", facts.error}};
}

std::string describe_state(const RecordFacts& facts) {
  if (facts.exit_code.value_or(0) != 0) return "exit " + std::to_string(*facts.exit_code);
  return std::string(name_of(facts.state));
}

int history(const HistoryOptions& options) {
  const Timestamp now = SystemClock().now().timestamp;
  const auto client = connect(options.choice);
  const auto tasks = find_tasks(*client, options, now);
  if (options.json) {
    List entries;
    for (const RecordFacts& facts : tasks) entries.push_back(to_value(facts));
    print_json(std::move(entries));
    return kExitOk;
  }
  if (tasks.empty()) {
    print("No tasks.\n");
    return kExitOk;
  }
  TextTable table(
      {{"submitted"}, {"state"}, {"engine"}, {"took", Align::kRight}, {"what"}, {"msg_id"}});
  for (const RecordFacts& facts : tasks) {
    table.add_row({describe_time(facts.submitted, now), describe_state(facts), facts.engine,
                   facts.seconds() ? describe_seconds(*facts.seconds()) : "",
                   one_line(facts.what, kWhatColumns), facts.msg_id});
  }
  print(table.to_string());
  return kExitOk;
}

}  // namespace

void add_history(CommandLine& program) {
  const auto options = std::make_shared<HistoryOptions>();
  Subcommand command = program.subcommand("history", "Lists tasks, the newest last");
  command.option("--limit", options->limit, 0, 1'000'000'000, "How many, the newest; 0: all");
  command.option("--state", options->state, {"waiting", "running", "ok", "failed", "aborted"},
                 "Only tasks in this state");
  command.option("--since", options->since,
                 "Only tasks submitted since then: 15m, 6h, 2d, or an ISO date");
  command.option("--engine", options->engine, "Only tasks of the engine with this id");
  command.option("--label", options->label, "Only tasks with this label");
  command.option("--containing", options->containing,
                 "Only tasks whose command, function or code contains this text");
  command.flag("--json", options->json, "Print JSON");
  command.cluster_options(options->choice);
  command.footer("trireme result MSG_ID shows one task with its output.");
  command.on_chosen([options] { return history(*options); });
}

}  // namespace trireme::cli
