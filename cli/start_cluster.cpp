#include "cli/start_cluster.hpp"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
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

/// A program under way and where its output goes.
struct Started {
  std::string name;
  ProcessMark process;
  fs::path log;
};

/// Tells one version of a file from the next; empty without a file.
std::optional<std::pair<ino_t, std::int64_t>> file_version(const fs::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return std::nullopt;
  return std::pair(facts.st_ino, facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec);
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

/// Waits until the controller has written its connection file anew and answers.
std::unique_ptr<Client> await_controller(const Started& controller, const ProfileChoice& choice,
                                         const Profile& profile, bool file_may_be_old,
                                         const std::optional<std::pair<ino_t, std::int64_t>>& old,
                                         Deadline deadline) {
  while (true) {
    if (!is_running(controller.process)) fail_with_log(controller, "ended while starting");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) fail_with_log(controller, "wrote no connection file in time");
    const auto version = file_version(profile.client_file());
    if (version && (file_may_be_old || version != old)) break;
    std::this_thread::sleep_for(milliseconds(10));
  }
  const auto rest =
      std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
  try {
    return connect(choice, std::max(rest, milliseconds(1000)));
  } catch (const CommandFailed& failure) {
    if (!is_running(controller.process)) fail_with_log(controller, "ended while starting");
    fail_with_log(controller, std::string("does not answer (") + failure.what() + ")");
  }
}

/// Waits until `wanted` engines are registered; fails as soon as one of `engines` has ended.
void await_engines(const Client& client, const std::vector<Started>& engines, std::size_t wanted,
                   Deadline deadline) {
  while (!client.wait_for_engines(wanted, milliseconds(100))) {
    for (const Started& engine : engines) {
      if (!is_running(engine.process)) fail_with_log(engine, "ended while starting");
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      fail_with_log(engines.front(), "and its sisters are not all registered in time (" +
                                         std::to_string(client.ids().size()) + " of " +
                                         std::to_string(wanted) + " are)");
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
  end_processes(ledger.engines);  // of a controller that was killed; they would never find this one
  ledger = {};
  ledger.engine_words = engines.words;
  const auto old = file_version(profile.client_file());
  const bool reuses =
      std::any_of(controller_words.begin(), controller_words.end(),
                  [](const std::string& word) { return word == "--reuse" || word == "--restore"; });
  const Started controller = launch("trireme-controller", profile,
                                    "trireme-controller" + infix(profile), controller_words);
  ledger.controller = controller.process;
  try {
    keep(profile, ledger);
    const auto client = await_controller(controller, choice, profile, reuses, old, deadline);
    const auto started = launch_engines(profile, engines, 0, ledger.engines);
    keep(profile, ledger);
    await_engines(*client, started, engines.count, deadline);
  } catch (...) {
    end_processes(ledger.processes());
    remove_ledger(profile);
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
  const std::size_t before = client->ids().size();
  std::vector<ProcessMark> added;
  try {
    const auto started = launch_engines(profile, engines, ledger.engines.size(), added);
    ledger.engines.insert(ledger.engines.end(), added.begin(), added.end());
    keep(profile, ledger);
    await_engines(*client, started, before + engines.count, deadline);
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
