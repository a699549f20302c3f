// What `trireme start` left running, so that stop and status find it: pid/trireme[-<id>].json.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/background_process.hpp"
#include "session/profile.hpp"
#include "session/result.hpp"

namespace trireme::cli {

/// The processes of one cluster on this machine, and how its engines were started.
struct ClusterLedger {
  std::optional<ProcessMark> controller;
  std::vector<ProcessMark> engines;
  std::vector<std::string> engine_words;  // arguments each engine got, for more of the same

  /// Controller and engines, the controller last.
  std::vector<ProcessMark> processes() const;
};

std::filesystem::path ledger_file(const Profile& profile);

/// Forgets processes that have ended. Empty when there is no ledger; kBadFormat when the file is
/// not a ledger.
Result<ClusterLedger> read_ledger(const Profile& profile);
Result<void> write_ledger(const Profile& profile, const ClusterLedger& ledger);
void remove_ledger(const Profile& profile);

}  // namespace trireme::cli
