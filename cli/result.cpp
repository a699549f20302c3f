// trireme result: one task with its output and its result.
#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/record_facts.hpp"

namespace trireme::cli {
namespace {

struct ResultOptions {
  ProfileChoice choice;
  std::string msg_id;
  bool wait = false;
  bool json = false;
};

struct OneTask {
  RecordFacts facts;
  std::string out;
  std::string err;
  Value value;             // of a native task that is ok
  std::string unreadable;  // why there is no value
};

std::string text_of(const Dict& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->second.is_string() ? found->second.as_string() : "";
}

Dict record_of(const Client& client, const std::string& msg_id) {
  const auto records = client.db_query({{"msg_id", msg_id}});
  if (records.empty()) {
    throw CommandFailed(kExitFailed,
                        "there is no task " + msg_id + "; trireme history lists those there are");
  }
  return records.front();
}

OneTask read_task(const Client& client, const std::string& msg_id) {
  const Dict record = record_of(client, msg_id);
  std::map<std::string, int> engines;
  for (const EngineInfo& engine : client.engines()) engines[engine.uuid] = engine.id;
  OneTask task{read_facts(record, engines), text_of(record, "stdout"), text_of(record, "stderr"),
               Value(), ""};
  if (task.facts.state != TaskState::kOk) return task;
  try {
    task.value = client.get_result({msg_id}).get().at(0);
  } catch (const std::exception& failure) {
    task.unreadable = failure.what();
  }
  return task;
}

void print_for_programs(const OneTask& task) {
  const RecordFacts& facts = task.facts;
  const auto moment = [](const std::optional<Timestamp>& when) {
    return when ? Value(format_timestamp(*when)) : Value();
  };
  print_json(Dict{{"msg_id", facts.msg_id},
                  {"what", facts.what},
                  {"label", facts.label},
                  {"state", name_of(facts.state)},
                  {"engine", facts.engine},
                  {"submitted", moment(facts.submitted)},
                  {"started", moment(facts.started)},
                  {"completed", moment(facts.completed)},
                  {"seconds", facts.seconds() ? Value(*facts.seconds()) : Value()},
                  {"exit_code", facts.exit_code ? Value(*facts.exit_code) : Value()},
                  {"error", facts.error},
                  {"stdout", task.out},
                  {"stderr", task.err},
                  {"result", task.value}});
}

std::string section(const std::string& title, const std::string& text) {
  if (text.empty()) return "";
  return "--- " + title + "\n" + text + (text.back() == '\n' ? "" : "\n");
}

void print_for_people(const OneTask& task) {
  const RecordFacts& facts = task.facts;
  const Timestamp now = SystemClock().now().timestamp;
  std::string text = "Task       " + facts.msg_id + "\nWhat       " + facts.what + "\nState      " +
                     std::string(name_of(facts.state));
  if (facts.exit_code) text += ", exit code " + std::to_string(*facts.exit_code);
  if (!facts.engine.empty()) text += ", engine " + facts.engine;
  text += "\nSubmitted  " + describe_time(facts.submitted, now);
  if (facts.seconds()) text += "\nTook       " + describe_seconds(*facts.seconds());
  if (!facts.label.empty()) text += "\nLabel      " + facts.label;
  text += "\n" + section("standard output", task.out) + section("standard error", task.err);
  if (!facts.error.empty() && facts.state == TaskState::kFailed) {
    text += section("error", facts.error);
  } else if (!task.unreadable.empty()) {
    text += section("result", "not shown: " + task.unreadable);
  } else if (facts.state == TaskState::kOk && !facts.exit_code) {
    text += section("result", task.value.to_string());
  }
  print(text);
}

int result(const ResultOptions& options) {
  const auto client = connect(options.choice);
  if (options.wait) {
    record_of(*client, options.msg_id);
    client->get_result({options.msg_id}).wait();
  }
  const OneTask task = read_task(*client, options.msg_id);
  const auto show = options.json ? print_for_programs : print_for_people;
  show(task);
  const bool failed =
      task.facts.state == TaskState::kFailed || task.facts.state == TaskState::kAborted;
  return failed ? kExitFailed : kExitOk;
}

}  // namespace

void add_result(CommandLine& program) {
  const auto options = std::make_shared<ResultOptions>();
  Subcommand command = program.subcommand("result", "Shows one task: state, output, result, error");
  command.argument("msg_id", options->msg_id, "Id of the task, as trireme history shows it");
  command.flag("--wait", options->wait, "Wait until the task has ended");
  command.flag("--json", options->json, "Print JSON");
  command.cluster_options(options->choice);
  command.footer("Exits with 1 when the task failed.");
  command.on_chosen([options] { return result(*options); });
}

}  // namespace trireme::cli
