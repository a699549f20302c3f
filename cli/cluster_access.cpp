#include "cli/cluster_access.hpp"

#include <filesystem>

#include <trireme/client.hpp>

#include "cli/cluster_ledger.hpp"
#include "cli/command_line.hpp"
#include "cli/command_template.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

/// A controller that left its files behind will not answer; one that is busy starting soon will.
constexpr std::chrono::seconds kPatienceForLeftovers{2};

[[noreturn]] void fail_no_cluster(const ProfileChoice& choice, const Profile& profile,
                                  const std::string& why) {
  throw CommandFailed(kExitNoCluster,
                      "no cluster is running for " + profile.client_file().string() + " (" + why +
                          "); start one with: trireme start" + choice_words(choice));
}

/// False when `trireme start` started the controller and it has ended without tidying up.
bool may_be_running(const Profile& profile) {
  const Result<ClusterLedger> ledger = read_ledger(profile);
  const bool was_started = std::filesystem::exists(ledger_file(profile));
  return !was_started || (ledger && ledger->controller.has_value());
}

}  // namespace

std::string choice_words(const ProfileChoice& choice) {
  std::string words;
  const auto add = [&words](const char* option, const std::string& value) {
    if (!value.empty()) words += std::string(" ") + option + " " + shell_quote(value);
  };
  add("--profile", choice.profile);
  add("--profile-dir", choice.profile_dir);
  add("--ipython-dir", choice.ipython_dir);
  add("--cluster-id", choice.cluster_id.value_or(""));
  return words;
}

std::unique_ptr<Client> connect(const ProfileChoice& choice, std::chrono::milliseconds patience,
                                std::chrono::milliseconds query_patience) {
  const Profile profile = resolve_profile(choice);
  std::error_code failure;
  if (!std::filesystem::exists(profile.client_file(), failure)) {
    fail_no_cluster(choice, profile, "there is no such file");
  }
  ClientOptions options;
  options.query_timeout = query_patience;
  options.connection_file = profile.client_file().string();
  options.timeout = may_be_running(profile)
                        ? patience
                        : std::min<std::chrono::milliseconds>(patience, kPatienceForLeftovers);
  try {
    return std::make_unique<Client>(options);
  } catch (const TimeoutError&) {
    fail_no_cluster(choice, profile, "its controller does not answer");
  } catch (const ConnectionError& error) {
    fail_no_cluster(choice, profile, error.what());
  }
}

}  // namespace trireme::cli
