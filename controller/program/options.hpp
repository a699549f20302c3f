// What the controller is told at start: every option with its unit, default and bounds.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "session/profile.hpp"
#include "session/result.hpp"

namespace trireme {

enum class StoreKind { kSqlite, kMemory, kNone };

/// What a controller that is killed has promised (docs/durability.md).
enum class Durability {
  kNone,    // nothing: its tasks are lost
  kBatch,   // what was recorded goes on; records follow within milliseconds
  kStrict,  // what anybody was shown was recorded before
};

/// One side's address: how and where its sockets are bound, and the ports to draw from first.
struct SideOptions {
  std::string transport = "tcp";  // tcp or ipc
  std::string ip = "127.0.0.1";   // address to bind; "*" and "0.0.0.0" are all interfaces
  std::deque<int> ports;          // drawn from the front; empty: random free ports
  std::string ssh;                // written to this side's connection file
};

struct ControllerOptions {
  ProfileChoice profile;
  std::string work_dir;  // empty: stay

  SideOptions engines;
  SideOptions clients;
  std::deque<int> shared_ports;  // what either side draws from once its own ports are used up
  std::string location;          // host peers on other machines use; empty: this host's name

  std::chrono::milliseconds heartbeat_period{3000};  // at least 10 ms
  int heartbeats_missed_max = 10;                    // consecutive; more unregister an engine
  std::optional<std::chrono::milliseconds> registration_timeout;  // default max(30 s, 10 beats)

  std::string scheme = "leastload";
  int hwm = 1;  // tasks an engine has at once; 0: no limit

  StoreKind store = StoreKind::kSqlite;
  std::string store_file;                       // default trireme[-<cluster id>].db
  std::string store_location;                   // folder; default the profile folder
  std::uint64_t memory_records_max = 1024;      // memory store only
  std::uint64_t memory_bytes_max = 1ULL << 30;  // buffers in the memory store
  double memory_cull_fraction = 0.1;            // share of the records dropped beyond a limit

  Durability durability = Durability::kBatch;
  bool recover = true;           // go on where a controller that was killed stopped
  bool reuse_files = false;      // keep key and ports of the connection files found
  bool restore_engines = false;  // and take up the engines and tasks of the former run

  std::optional<std::string> key;  // empty optional: a new random one; empty text: unsigned
  std::string key_file;            // read the key from here
  std::string packer = "json";
  std::string signature_scheme = "hmac-sha256";
  std::uint64_t digest_history = 65536;
  std::string session;   // default: random
  std::string username;  // default: the user running the program
  bool curve = false;
  std::string curve_secret_key;
  std::string curve_public_key;

  std::uint64_t message_bytes_max = 1ULL << 32;  // larger tasks are refused
  std::uint64_t queue_bytes_max = 1ULL << 32;    // tasks beyond it are refused
  std::uint64_t answer_bytes_max = 1ULL << 31;   // records asked for at once beyond it, too

  int log_level = 20;  // 10 debug, 20 info, 30 warning, 40 error, 50 nothing but the end
  bool log_to_file = false;
  bool clean_logs = false;

  std::chrono::milliseconds registration_timeout_or_default() const;
};

/// What a command line asked for.
struct ControllerCommand {
  enum class Action { kRun, kHelp, kHelpAll, kVersion } action = Action::kRun;
  ControllerOptions options;
  std::vector<std::string> warnings;  // arguments taken note of and ignored
};

/// Reads the arguments (without the program's name) in ipcontroller's syntax, then the files
/// ipcontroller_config.json and ipcontroller_config.py of the profile, over which arguments win,
/// and the environment. kUsage for an unknown flag or a missing value, kConfiguration for a value
/// that cannot be used.
Result<ControllerCommand> parse_controller_command(const std::vector<std::string>& arguments);

/// The help text; `all` lists every configurable value too.
std::string controller_help(bool all);

}  // namespace trireme
