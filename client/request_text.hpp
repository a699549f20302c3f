// The JSON of the requests a client makes (docs/protocol.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <trireme/client.hpp>
#include <trireme/dependency.hpp>
#include <trireme/view.hpp>

#include "session/ids.hpp"

namespace trireme {

/// Metadata of a direct call.
std::string direct_metadata_json(std::string_view label);
/// Metadata of a load-balanced call. `targets` are the uuids of options.targets.
std::string task_metadata_json(const TaskOptions& options, const std::vector<EngineUuid>& targets);
/// Metadata of a broadcast.
std::string broadcast_metadata_json(const std::vector<EngineInfo>& targets, bool is_coalescing);
/// Content of an execute_request.
std::string execute_content_json(std::string_view code, bool silent);
/// Content of a complete_request.
std::string complete_content_json(std::string_view code, std::size_t cursor);

}  // namespace trireme
