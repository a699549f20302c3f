// trireme status: what runs, and what is waiting.
#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/cluster_ledger.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/text_table.hpp"

namespace trireme::cli {
namespace {

struct StatusOptions {
  ProfileChoice choice;
  bool json = false;
};

struct Totals {
  std::size_t queued = 0;
  std::size_t done = 0;
};

Totals add_up(const QueueStatus& status) {
  Totals totals;
  for (const auto& [id, engine] : status.engines) {
    totals.queued += engine.queue + engine.tasks;
    totals.done += engine.completed;
  }
  return totals;
}

Value to_value(const EngineInfo& engine, const EngineQueue& queue) {
  return Dict{{"id", engine.id},
              {"uuid", engine.uuid},
              {"direct_tasks", queue.queue},
              {"balanced_tasks", queue.tasks},
              {"completed", queue.completed}};
}

EngineQueue queue_of(const QueueStatus& status, int engine) {
  const auto found = status.engines.find(engine);
  return found == status.engines.end() ? EngineQueue{} : found->second;
}

void print_for_programs(const Profile& profile, const std::optional<ProcessMark>& controller,
                        const std::vector<EngineInfo>& engines, const QueueStatus& status) {
  List entries;
  for (const EngineInfo& engine : engines) {
    entries.push_back(to_value(engine, queue_of(status, engine.id)));
  }
  Value process;
  if (controller) {
    process = Dict{{"pid", controller->pid}, {"uptime_seconds", running_time(*controller).count()}};
  }
  const Totals totals = add_up(status);
  print_json(Dict{{"profile_dir", profile.dir.string()},
                  {"cluster_id", profile.cluster_id},
                  {"controller", std::move(process)},
                  {"engines", std::move(entries)},
                  {"waiting", status.unassigned},
                  {"on_engines", totals.queued},
                  {"completed", totals.done}});
}

void print_for_people(const Profile& profile, const std::optional<ProcessMark>& controller,
                      const std::vector<EngineInfo>& engines, const QueueStatus& status) {
  const Totals totals = add_up(status);
  std::string text = "Controller  ";
  text += controller ? "up for " + describe_duration(running_time(*controller)) + ", pid " +
                           std::to_string(controller->pid)
                     : "up, not started from here";
  text += "\nProfile     " + profile.dir.string();
  if (!profile.cluster_id.empty()) text += ", cluster " + profile.cluster_id;
  text += "\nTasks       " + std::to_string(status.unassigned) + " waiting, " +
          std::to_string(totals.queued) + " on engines, " + std::to_string(totals.done) +
          " done\nEngines     " + std::to_string(engines.size()) + "\n";
  TextTable table({{"  engine", Align::kRight},
                   {"direct", Align::kRight},
                   {"balanced", Align::kRight},
                   {"done", Align::kRight},
                   {"uuid"}});
  for (const EngineInfo& engine : engines) {
    const EngineQueue queue = queue_of(status, engine.id);
    table.add_row({std::to_string(engine.id), std::to_string(queue.queue),
                   std::to_string(queue.tasks), std::to_string(queue.completed), engine.uuid});
  }
  if (!table.empty()) text += table.to_string();
  print(text);
}

int status(const StatusOptions& options) {
  const Profile profile = resolve_profile(options.choice);
  const auto client = connect(options.choice);
  const Result<ClusterLedger> ledger = read_ledger(profile);
  const auto controller = ledger ? ledger->controller : std::nullopt;
  const std::vector<EngineInfo> engines = client->engines();
  const auto show = options.json ? print_for_programs : print_for_people;
  show(profile, controller, engines, client->queue_status());
  return kExitOk;
}

}  // namespace

void add_status(CommandLine& program) {
  const auto options = std::make_shared<StatusOptions>();
  Subcommand command = program.subcommand("status", "Shows engines, queues and uptime");
  command.flag("--json", options->json, "Print JSON");
  command.cluster_options(options->choice);
  command.footer("Exits with 3 when no cluster is running.");
  command.on_chosen([options] { return status(*options); });
}

}  // namespace trireme::cli
