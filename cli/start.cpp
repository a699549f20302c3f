// trireme start, and trireme engines.
#include <algorithm>
#include <chrono>
#include <thread>

#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/command_template.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/start_cluster.hpp"

namespace trireme::cli {
namespace {

struct StartOptions {
  ProfileChoice choice;
  std::size_t engines = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::string> plugins;
  std::size_t threads = 1;
  double timeout_seconds = 60;
  bool json = false;
  bool quiet = false;
  std::vector<std::string> controller_words;
  std::vector<std::string> words_for_engines;

  EngineStart engine_start() const {
    EngineStart start{engines, engine_words(plugins, threads)};
    start.words.insert(start.words.end(), words_for_engines.begin(), words_for_engines.end());
    return start;
  }
  std::chrono::milliseconds patience() const {
    return std::chrono::milliseconds(static_cast<std::int64_t>(timeout_seconds * 1000));
  }
};

List pids_of(const std::vector<ProcessMark>& processes) {
  List pids;
  for (const ProcessMark& process : processes) pids.push_back(process.pid);
  return pids;
}

int start(const StartOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const ClusterLedger ledger = start_cluster(options.choice, options.engine_start(),
                                             options.controller_words, options.patience());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const Profile profile = resolve_profile(options.choice);
  if (options.json) {
    print_json(Dict{{"profile_dir", profile.dir.string()},
                    {"cluster_id", profile.cluster_id},
                    {"connection_file", profile.client_file().string()},
                    {"log_dir", profile.log_dir().string()},
                    {"controller_pid", ledger.controller->pid},
                    {"engine_pids", pids_of(ledger.engines)},
                    {"seconds", took.count()}});
  } else if (!options.quiet) {
    print("Controller (pid " + std::to_string(ledger.controller->pid) + ") and " +
          counted(ledger.engines.size(), "engine") + " are up after " +
          describe_seconds(took.count()) + ".\n" + "Connection file  " +
          profile.client_file().string() + "\n" + "Logs             " + profile.log_dir().string() +
          "\n" + "Next             trireme status" + choice_words(options.choice) + "\n");
  }
  return kExitOk;
}

int add(const StartOptions& options) {
  const auto added = add_engines_to(options.choice, options.engine_start(), options.patience());
  if (options.json) {
    print_json(Dict{{"engine_pids", pids_of(added)}});
  } else if (!options.quiet) {
    print(counted(added.size(), "engine") + " added.\n");
  }
  return kExitOk;
}

int stop_engines(const ProfileChoice& choice, const std::vector<int>& ids) {
  connect(choice)->shutdown(ids);
  print(counted(ids.size(), "engine") + " stopped.\n");
  return kExitOk;
}

void add_engine_options(Subcommand& command, StartOptions& options) {
  command.option("-n,--engines", options.engines, 0, 10'000, "How many engines");
  command.repeated("--load", options.plugins, "Plug-in (shared library) for every engine");
  command.option("--threads", options.threads, 1, 1024, "Tasks each engine runs at once");
  command.repeated("--engine-argument", options.words_for_engines,
                   "Argument for every engine, such as --memory-limit=2G");
  command.option("--timeout", options.timeout_seconds, "Seconds to wait until everything is up");
  command.flag("--json", options.json, "Print pids and folders as JSON");
  command.flag("-q,--quiet", options.quiet, "Print nothing when all goes well");
  command.cluster_options(options.choice);
}

}  // namespace

void add_start(CommandLine& program) {
  const auto options = std::make_shared<StartOptions>();
  Subcommand command = program.subcommand(
      "start", "Starts a controller and engines in the background and waits until they are up");
  add_engine_options(command, *options);
  command.arguments_after_dashes("controller_arguments", options->controller_words,
                                 "Arguments for trireme-controller");
  command.footer(
      "Where a controller was killed, the new one goes on with its tasks, and engines that still\n"
      "run are kept; `-- --no-recover` begins anew.\n"
      "Example: trireme start -n 4 --load ./libmytasks.so -- --ip='*' --scheme=lru");
  command.on_chosen([options] { return start(*options); });
}

void add_engines(CommandLine& program) {
  Subcommand command =
      program.subcommand("engines", "Adds engines to a running cluster, or stops some");

  const auto options = std::make_shared<StartOptions>();
  options->engines = 1;
  Subcommand more = command.subcommand("add", "Starts more engines on this machine");
  add_engine_options(more, *options);
  more.on_chosen([options] { return add(*options); });

  const auto choice = std::make_shared<ProfileChoice>();
  const auto ids = std::make_shared<std::vector<int>>();
  Subcommand fewer = command.subcommand("stop", "Stops engines, wherever they run");
  fewer.arguments("ids", *ids, "Ids of the engines");
  fewer.cluster_options(*choice);
  fewer.on_chosen([choice, ids] { return stop_engines(*choice, *ids); });
}

}  // namespace trireme::cli
