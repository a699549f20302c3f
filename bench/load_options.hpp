// What one run of the load generator does: the engines, the clients and the work between them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "session/result.hpp"

namespace trireme::bench {

enum class LoadMode { kTask, kMux, kBroadcast };

/// How tasks depend on each other.
enum class LoadShape {
  kIndependent,
  kChains,  // each task waits for the one before it; a chain has `shape_size` tasks
  kFans     // a root, `shape_size` tasks after it, and one task after all of those
};

struct LoadOptions {
  std::filesystem::path security_dir;  // where the connection files are
  LoadMode mode = LoadMode::kTask;

  std::size_t engines = 4;  // null engines of this process; 0: the work goes to those of others
  std::size_t clients = 1;  // 0: only serve, until a signal arrives
  std::uint64_t tasks = 10'000;
  std::uint64_t warm_up_tasks = 0;  // done first and not measured
  std::size_t window = 256;         // tasks each client has outstanding at once

  std::size_t request_bytes = 256;  // one buffer; 0: none
  std::size_t reply_bytes = 32;
  bool distinct = false;              // no two buffers are equal, so nothing is stored once for all
  std::chrono::nanoseconds hold{0};   // how long an engine takes for a task, one at a time
  std::chrono::milliseconds churn{};  // every so often an engine leaves and another joins; 0: never

  LoadShape shape = LoadShape::kIndependent;
  std::size_t shape_size = 100;
  bool gate = false;          // no engine answers before every task was submitted
  bool coalesce = false;      // broadcast: one reply for all engines
  bool all_channels = false;  // engines connect control and iopub too, as real ones do

  std::chrono::seconds patience{60};  // without any reply: what is outstanding counts as lost
  bool json = false;
};

/// The options, or empty when the text asked for was printed. kUsage for a wrong command line.
Result<std::optional<LoadOptions>> parse_load_options(int argc, char** argv);

}  // namespace trireme::bench
