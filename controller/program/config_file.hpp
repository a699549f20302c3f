// Reads the profile's configuration files without running any Python.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "controller/program/options.hpp"
#include "session/result.hpp"

namespace trireme {

/// Applies ipcontroller_config.py (lines `c.Class.trait = literal`) and then
/// ipcontroller_config.json (`{"Class": {"trait": value}}`) of the folder to the options. Missing
/// files are fine. Lines and traits that cannot be understood are added to `warnings` with file
/// and line; a known trait with an unusable value, or JSON that is none, fails (kConfiguration).
Result<void> apply_config_files(const std::filesystem::path& folder, ControllerOptions& options,
                                std::vector<std::string>& warnings);

}  // namespace trireme
