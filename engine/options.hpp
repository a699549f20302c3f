// The command line and environment of trireme-engine, in the spelling of ipengine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "session/profile.hpp"
#include "session/result.hpp"

namespace trireme {

/// Exit codes of trireme-engine.
inline constexpr int kExitOk = 0;
inline constexpr int kExitConfiguration = 1;  // files, plug-ins, keys that cannot be used
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRegistration = 255;  // the controller refused or did not answer

/// Everything an engine can be told. Each default is what ipengine does.
struct EngineOptions {
  ProfileChoice profile;
  std::string connection_file;  // --file; empty: the profile's
  std::string connection_text;  // $IPP_CONNECTION_INFO: JSON instead of a file
  std::string location;         // --location: host of the controller, instead of the file's
  std::string session_key;      // $IPP_SESSION_KEY: used when the file has no key
  std::optional<std::string> curve_server_key;  // $IPP_CURVE_SERVERKEY; the file's wins
  std::string uuid;                             // --ident; empty: a new one

  std::vector<std::filesystem::path> plugins;  // --load
  std::size_t threads = 1;                     // 1 to kThreadsMax tasks at once
  std::optional<int> id;                       // wanted engine id
  std::chrono::milliseconds timeout{5'000};    // of the registration
  std::chrono::milliseconds wait_for_file{10'000};
  int heartbeat_misses_max = 50;  // 0: never leave
  int log_level = 20;             // 10 debug, 20 info, 30 warning, 40 error, 50 nothing
  bool log_to_file = false;
  std::string work_folder;
  bool capture_output = true;
  bool in_process = false;                             // tasks run on threads of the engine itself
  std::optional<std::uint64_t> memory_limit;           // bytes, of the kernel process
  std::optional<std::chrono::milliseconds> cpu_limit;  // per task
  std::optional<std::chrono::milliseconds> task_timeout;  // per task, wall time
  std::chrono::milliseconds stop_grace{1'000};  // for interrupted tasks, until their kernel ends
  std::string language;                         // of cells without a magic; empty: the build's
  std::string kernel_file;                      // --kernel: be the Jupyter kernel of this file
  std::optional<int> kernel_link;               // this process is the kernel at the other end of it
  bool nanny = true;  // a second process tells the controller when this one dies
};
inline constexpr std::size_t kThreadsMax = 1024;

/// What the command line asks for.
struct EngineCommandLine {
  EngineOptions options;
  std::vector<std::string> warnings;      // one sentence each, to be logged
  std::optional<std::string> print_text;  // --help or --version: print it and exit 0
};

/// An environment variable, or nothing.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// Reads the words after the program's name. Words of the form --Class.trait=value and unknown
/// --name=value only warn. kUsage for everything that cannot be understood.
Result<EngineCommandLine> parse_engine_options(std::vector<std::string> words,
                                               const Environment& environment);

}  // namespace trireme
