// The files that tell peers where to connect and with which key (docs/protocol.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "session/result.hpp"

namespace trireme {

/// What both files say.
struct ConnectionCommon {
  std::string ssh;                            // ssh server for this side, empty if none
  std::string interface = "tcp://127.0.0.1";  // as bound; may be tcp://* or ipc://<prefix>
  int registration = 0;                       // ports (or ipc suffixes)
  int control = 0;
  int mux = 0;
  int task = 0;
  int iopub = 0;
  std::string key;                             // HMAC key, empty = unsigned
  std::optional<std::string> curve_serverkey;  // Z85; empty without CURVE
  std::string location;                        // host of the controller
  std::string pack = "json";
  std::string unpack = "json";
  std::string signature_scheme = "hmac-sha256";
};

/// ipcontroller-client.json
struct ClientConnection : ConnectionCommon {
  std::string task_scheme = "leastload";
  int notification = 0;
  int broadcast = 0;  // 0 when a 6.x file has none
};

/// ipcontroller-engine.json
struct EngineConnection : ConnectionCommon {
  int hb_ping = 0;
  int hb_pong = 0;
  std::vector<int> broadcast;  // one per leaf; empty when a 6.x file has none
};

/// Reads a file written by any controller from 6.x to 9.x or by ours. kNotFound, kPermission,
/// kBadFormat (with the file and the missing or wrong key named).
Result<ClientConnection> read_client_connection(const std::filesystem::path& file);
Result<EngineConnection> read_engine_connection(const std::filesystem::path& file);
/// The same from JSON text; `origin` names it in errors.
Result<ClientConnection> parse_client_connection(std::string_view json, std::string_view origin);
Result<EngineConnection> parse_engine_connection(std::string_view json, std::string_view origin);

/// Writes mode 0600 to a temporary name beside the target and renames it, so that no reader ever
/// sees half a file. kPermission or kIo.
Result<void> write_connection(const ClientConnection& info, const std::filesystem::path& file);
Result<void> write_connection(const EngineConnection& info, const std::filesystem::path& file);

/// The address of a port of this side as a peer must write it: wildcard addresses are replaced
/// through `location`; ipc urls are joined with '-'.
std::string peer_url(const ConnectionCommon& info, int port);

/// Writes `text` mode `mode` to a temporary name and renames it over `file`. kPermission or kIo.
Result<void> write_file_atomically(const std::filesystem::path& file, std::string_view text,
                                   unsigned mode);

}  // namespace trireme
