// Read, wait a moment, read again.
#include "engine/connection_wait.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

namespace trireme {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kRetryPeriod{100};
/// A file that is still unreadable after this long is broken, not half-written.
constexpr milliseconds kWritingMax{1'000};

EngineConnection with_overrides(EngineConnection connection, const EngineOptions& options) {
  if (!options.location.empty()) connection.location = options.location;
  if (connection.key.empty()) connection.key = options.session_key;
  if (!connection.curve_serverkey) connection.curve_serverkey = options.curve_server_key;
  return connection;
}

Error give_up(const Error& last, const std::filesystem::path& file, milliseconds waited) {
  if (last.code != ErrorCode::kNotFound) return last;
  return Error{ErrorCode::kNotFound,
               "The connection file " + file.string() + " did not appear within " +
                   std::to_string(waited.count()) +
                   " ms; start a controller for this profile, or name the file with --file."};
}

}  // namespace

Result<EngineConnection> wait_for_connection(const EngineOptions& options, const Clock& clock,
                                             SignalWatch& signals) {
  if (!options.connection_text.empty()) {
    auto parsed = parse_engine_connection(options.connection_text, "$IPP_CONNECTION_INFO");
    if (!parsed) return parsed.error();
    return with_overrides(std::move(*parsed), options);
  }
  const std::filesystem::path file = options.connection_file.empty()
                                         ? resolve_profile(options.profile).engine_file()
                                         : std::filesystem::path(options.connection_file);
  bool stopped = false;
  PollLoop loop;
  loop.watch_fd(signals.fd(), [&] { stopped = signals.take().has_value() || stopped; });
  const Instant give_up_at = clock.now().instant + options.wait_for_file;
  std::optional<Instant> broken_since;
  for (;;) {
    auto read = read_engine_connection(file);
    if (read) return with_overrides(std::move(*read), options);
    const Instant now = clock.now().instant;
    const bool broken = read.error().code == ErrorCode::kBadFormat;
    if (broken && !broken_since) broken_since = now;
    if (!broken) broken_since.reset();
    const bool hopeless = (broken && now - *broken_since >= kWritingMax) ||
                          (!broken && read.error().code != ErrorCode::kNotFound);
    if (hopeless || now >= give_up_at) return give_up(read.error(), file, options.wait_for_file);
    loop.wait(std::min(now + kRetryPeriod, give_up_at));
    if (stopped)
      return Error{ErrorCode::kClosed, "Asked to stop while waiting for " + file.string()};
  }
}

}  // namespace trireme
