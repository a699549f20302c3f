#include "cli/start_cluster.hpp"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

constexpr std::size_t kLogLinesShown = 12;
constexpr std::chrono::seconds kPoliteEnd{5};
/// How long one attempt at a controller may take that is just starting.
constexpr milliseconds kAnswerLimit{1500};

/// A program under way and where its output goes.
struct Started {
  std::string name;
  ProcessMark process;
  fs::path log;
};

bool begins_anew(const std::vector<std::string>& controller_words) {
  return std::any_of(controller_words.begin(), controller_words.end(), [](const auto& word) {
    return word == "--no-recover" || word == "--IPController.recover=False";
  });
}

std::vector<std::string> cluster_words(const Profile& profile) {
  std::vector<std::string> words{"--profile-dir=" + fs::absolute(profile.dir).string()};
  if (!profile.cluster_id.empty()) words.push_back("--cluster-id=" + profile.cluster_id);
  return words;
}

Started launch(const std::string& program, const Profile& profile, const std::string& log_name,
               const std::vector<std::string>& words) {
  std::vector<std::string> command{(program_folder() / program).string()};
  const auto cluster = cluster_words(profile);
  command.insert(command.end(), cluster.begin(), cluster.end());
  command.insert(command.end(), words.begin(), words.end());
  const fs::path log = profile.log_dir() / (log_name + ".log");
  const Result<ProcessMark> process = start_in_background(command, log);
  if (!process) throw CommandFailed(kExitFailed, process.error().text);
  return {program, *process, log};
}

[[noreturn]] void fail_with_log(const Started& started, const std::string& what) {
  const std::string tail = last_lines(started.log, kLogLinesShown);
  throw CommandFailed(kExitFailed, started.name + " " + what + "; the end of its log " +
                                       started.log.string() + ":\n" +
                                       (tail.empty() ? "  (empty)" : tail));
}

std::string infix(const Profile& profile) {
  return profile.cluster_id.empty() ? "" : "-" + profile.cluster_id;
}

/// Waits until the controller answers. What its connection file says may be left over from another
/// one: unless it goes on where that one was killed, it will write a file of its own.
std::unique_ptr<Client> await_controller(const Started& controller, const ProfileChoice& choice,
                                         const Profile& profile, Deadline deadline) {
  while (true) {
    if (!is_running(controller.process)) fail_with_log(controller, "ended while starting");
    const bool is_late = std::chrono::steady_clock::now() >= deadline;
    if (fs::exists(profile.client_file())) {
      try {
        return connect(choice, kAnswerLimit);
      } catch (const CommandFailed& failure) {
        if (!is_running(controller.process)) fail_with_log(controller, "ended while starting");
        if (is_late) {
          fail_with_log(controller, std::string("does not answer (") + failure.what() + ")");
        }
      }
    } else if (is_late) {
      fail_with_log(controller, "wrote no connection file in time");
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
}

/// Ids of engines that are registered and not among `before`.
std::size_t count_new(const Client& client, const std::vector<int>& before) {
  const std::vector<int> ids = client.ids();
  return static_cast<std::size_t>(std::count_if(ids.begin(), ids.end(), [&before](int id) {
    return std::find(before.begin(), before.end(), id) == before.end();
  }));
}

/// Waits until all `engines` are registered besides `before`; fails as soon as one of them has
/// ended.
void await_engines(const Client& client, const std::vector<Started>& engines,
                   const std::vector<int>& before, Deadline deadline) {
  while (count_new(client, before) < engines.size()) {
    client.wait_for_engines(before.size() + engines.size(), milliseconds(100));
    for (const Started& engine : engines) {
      if (!is_running(engine.process)) fail_with_log(engine, "ended while starting");
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      fail_with_log(engines.front(), "and its sisters are not all registered in time (" +
                                         std::to_string(count_new(client, before)) + " of " +
                                         std::to_string(engines.size()) + " are)");
    }
  }
}

std::vector<Started> launch_engines(const Profile& profile, const EngineStart& engines,
                                    std::size_t first_number, std::vector<ProcessMark>& marks) {
  std::vector<Started> started;
  for (std::size_t i = 0; i < engines.count; ++i) {
    const std::string log =
        "trireme-engine" + infix(profile) + "-" + std::to_string(first_number + i);
    started.push_back(launch("trireme-engine", profile, log, engines.words));
    marks.push_back(started.back().process);
  }
  return started;
}

ClusterLedger ledger_of(const Profile& profile) {
  Result<ClusterLedger> ledger = read_ledger(profile);
  if (!ledger) throw CommandFailed(kExitFailed, ledger.error().text);
  return *std::move(ledger);
}

void keep(const Profile& profile, const ClusterLedger& ledger) {
  if (const Result<void> written = write_ledger(profile, ledger); !written) {
    throw CommandFailed(kExitFailed, written.error().text);
  }
}

}  // namespace

ClusterLedger start_cluster(const ProfileChoice& choice, const EngineStart& engines,
                            const std::vector<std::string>& controller_words,
                            milliseconds patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  const Profile profile = resolve_profile(choice);
  if (const Result<void> made = create_profile(profile); !made) {
    throw CommandFailed(kExitFailed, made.error().text);
  }
  ClusterLedger ledger = ledger_of(profile);
  if (ledger.controller) {
    throw CommandFailed(kExitFailed, "a cluster is running here already (controller pid " +
                                         std::to_string(ledger.controller->pid) +
                                         "); stop it first with: trireme stop" +
                                         choice_words(choice));
  }
  if (begins_anew(controller_words)) {
    end_processes(
        ledger.engines);  // of a controller that was killed; they would never find this one
    ledger = {};
  }
  ledger.engine_words = engines.words;
  const std::size_t there = ledger.engines.size();  // they wait for their controller
  const EngineStart missing{engines.count - std::min(engines.count, there), engines.words};
  const Started controller = launch("trireme-controller", profile,
                                    "trireme-controller" + infix(profile), controller_words);
  ledger.controller = controller.process;
  std::vector<ProcessMark> begun{controller.process};
  try {
    keep(profile, ledger);
    const auto client = await_controller(controller, choice, profile, deadline);
    const std::vector<int> before = client->ids();
    const auto started = launch_engines(profile, missing, there, begun);
    ledger.engines.insert(ledger.engines.end(), begun.begin() + 1, begun.end());
    keep(profile, ledger);
    await_engines(*client, started, before, deadline);
  } catch (...) {
    end_processes(begun);
    if (there == 0) remove_ledger(profile);
    throw;
  }
  return ledger;
}

std::vector<ProcessMark> add_engines_to(const ProfileChoice& choice, const EngineStart& engines,
                                        milliseconds patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  const Profile profile = resolve_profile(choice);
  ClusterLedger ledger = ledger_of(profile);
  const auto client = connect(choice);
  const std::vector<int> before = client->ids();
  std::vector<ProcessMark> added;
  try {
    const auto started = launch_engines(profile, engines, ledger.engines.size(), added);
    ledger.engines.insert(ledger.engines.end(), added.begin(), added.end());
    keep(profile, ledger);
    await_engines(*client, started, before, deadline);
  } catch (...) {
    end_processes(added);
    throw;
  }
  return added;
}

void end_processes(const std::vector<ProcessMark>& processes) {
  send_signal(processes, SIGTERM);
  if (wait_until_gone(processes, kPoliteEnd)) return;
  send_signal(processes, SIGKILL);
  wait_until_gone(processes, kPoliteEnd);
}

std::vector<std::string> engine_words(const std::vector<std::string>& plugins,
                                      std::size_t threads) {
  std::vector<std::string> words;
  for (const std::string& plugin : plugins) {
    std::error_code ignored;
    const bool is_file = plugin.find('/') != std::string::npos || fs::exists(plugin, ignored);
    words.push_back("--load=" + (is_file ? fs::absolute(plugin).string() : plugin));
  }
  if (threads > 1) words.push_back("--threads=" + std::to_string(threads));
  return words;
}

}  // namespace trireme::cli
