// A second opinion on SHA-256: the system's own sha256sum reads the files again.
#pragma once

#include <string>
#include <vector>

#include "examples/text/text_tasks.hpp"

namespace text {

/// True when sha256sum agrees with the digest of every file that could be read; what it says
/// against one it prints itself. std::runtime_error when it cannot be asked.
bool sha256sum_agrees(const std::string& folder, const std::vector<FileReport>& files);

}  // namespace text
