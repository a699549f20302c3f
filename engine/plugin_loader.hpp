// Loads shared libraries that register native functions.
#pragma once

#include <filesystem>

#include "engine/function_table.hpp"
#include "session/result.hpp"

namespace trireme {

/// Loads one plug-in into `table`; it stays loaded until the process ends. kConfiguration, with
/// one sentence naming the file, when it cannot be loaded, is no plug-in, was built for another
/// version, or throws. A relative path is searched for in the working folder, a bare name also
/// where the system looks for libraries.
Result<void> load_plugin(const std::filesystem::path& file, FunctionTable& table);

}  // namespace trireme
