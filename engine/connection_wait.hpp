// Finds the connection file of an engine, waiting for a controller that is just starting.
#pragma once

#include "engine/options.hpp"
#include "net/poll_loop.hpp"
#include "session/clock.hpp"
#include "session/connection_file.hpp"
#include "session/result.hpp"

namespace trireme {

/// The connection information the options lead to: $IPP_CONNECTION_INFO, else --file, else the
/// profile's file, which may appear and become complete within options.wait_for_file. kClosed when
/// a signal asked to stop; otherwise the error of the last attempt.
Result<EngineConnection> wait_for_connection(const EngineOptions& options, const Clock& clock,
                                             SignalWatch& signals);

}  // namespace trireme
