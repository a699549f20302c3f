// What must be decided before a controller can bind: keys, session, database, files to reuse.
#pragma once

#include <filesystem>
#include <memory>

#include "controller/program/endpoints.hpp"
#include "controller/program/options.hpp"
#include "db/task_store.hpp"
#include "session/log.hpp"
#include "session/profile.hpp"

namespace trireme {

/// What becomes of the connection files that are found.
enum class FilesFound { kReplaced, kUsed };

/// Key, session and CURVE keys of this run, or those of the connection files found. A file that
/// should be used and cannot is said in the log, and new ones are written.
Result<EndpointPlan> plan_endpoints(const ControllerOptions& options, const Profile& profile,
                                    FilesFound found, Log& log);

/// Where SQLite task records go.
std::filesystem::path store_path(const ControllerOptions& options, const Profile& profile);

/// The store the options ask for, opened.
Result<std::unique_ptr<TaskStore>> open_store(const ControllerOptions& options,
                                              const Profile& profile);

/// The journal of replies that wait for their clients: log/owed<cluster id>.txt.
std::filesystem::path owed_file(const Profile& profile);

/// The list of engines that a restarted controller reads: log/engines<cluster id>.json.
std::filesystem::path engines_file(const Profile& profile);

}  // namespace trireme
