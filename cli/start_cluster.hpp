// Starts a controller and engines on this machine and waits until they work together.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/cluster_ledger.hpp"
#include "session/profile.hpp"

namespace trireme::cli {

struct EngineStart {
  std::size_t count = 0;
  std::vector<std::string> words;  // arguments of each engine, besides those that name the cluster
};

/// Both throw CommandFailed, with the end of the log of the program that failed. `patience` limits
/// the whole wait. What they have started before a failure is ended again.
ClusterLedger start_cluster(const ProfileChoice& choice, const EngineStart& engines,
                            const std::vector<std::string>& controller_words,
                            std::chrono::milliseconds patience);
/// More engines for a cluster that is running; returns the new ones.
std::vector<ProcessMark> add_engines_to(const ProfileChoice& choice, const EngineStart& engines,
                                        std::chrono::milliseconds patience);

/// Ends processes: SIGTERM, and SIGKILL for those that are still there after a while.
void end_processes(const std::vector<ProcessMark>& processes);

/// Arguments of each engine: --load for every plug-in (paths made absolute) and --threads.
std::vector<std::string> engine_words(const std::vector<std::string>& plugins, std::size_t threads);

}  // namespace trireme::cli
