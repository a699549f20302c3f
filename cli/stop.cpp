// trireme stop: asks the cluster to end, and sees to it that what was started here ends.
#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/cluster_ledger.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/start_cluster.hpp"

namespace trireme::cli {
namespace {

using std::chrono::seconds;

/// How long the controller may take to pass the wish on before signals are sent.
constexpr seconds kPoliteStop{5};

struct StopOptions {
  ProfileChoice choice;
  bool quiet = false;
};

/// True when a controller was there and was asked.
bool ask_politely(const ProfileChoice& choice, std::string& why_not) {
  try {
    const auto client = connect(choice, kPoliteStop, kPoliteStop);
    client->shutdown_cluster();
    return true;
  } catch (const CommandFailed& failure) {
    why_not = failure.what();
  } catch (const Exception& failure) {
    why_not = failure.what();
  }
  return false;
}

int stop(const StopOptions& options) {
  const Profile profile = resolve_profile(options.choice);
  const Result<ClusterLedger> ledger = read_ledger(profile);
  if (!ledger) throw CommandFailed(kExitFailed, ledger.error().text);
  const auto processes = ledger->processes();
  std::string why_not;
  const bool asked = ask_politely(options.choice, why_not);
  if (!asked && processes.empty()) {
    remove_ledger(profile);
    if (options.quiet) return kExitNoCluster;
    throw CommandFailed(kExitNoCluster, why_not);
  }
  if (!asked || !wait_until_gone(processes, kPoliteStop)) end_processes(processes);
  remove_ledger(profile);
  if (!options.quiet) {
    print(processes.empty() ? "The cluster was asked to stop.\n" : "The cluster is stopped.\n");
  }
  return kExitOk;
}

}  // namespace

void add_stop(CommandLine& program) {
  const auto options = std::make_shared<StopOptions>();
  Subcommand command =
      program.subcommand("stop", "Stops the engines and the controller; queued tasks are dropped");
  command.flag("-q,--quiet", options->quiet, "Print nothing when all goes well");
  command.cluster_options(options->choice);
  command.on_chosen([options] { return stop(*options); });
}

}  // namespace trireme::cli
