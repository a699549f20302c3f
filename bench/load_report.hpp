// What a load run measured, for people and for scripts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load_options.hpp"

namespace trireme::bench {

/// The figures of the measured part of a run.
struct LoadFigures {
  std::chrono::nanoseconds registration{};  // from the first engine's start to all known
  std::size_t engines_known = 0;
  std::chrono::nanoseconds elapsed{};           // from the first request to the last reply
  std::uint64_t tasks = 0;                      // answered
  std::uint64_t replies = 0;                    // messages that answered them
  std::uint64_t errors = 0;                     // replies that say so
  std::uint64_t lost = 0;                       // tasks without an answer
  std::uint64_t payload_bytes = 0;              // buffers, both ways
  std::vector<std::uint32_t> round_trips_us10;  // of each task, in tenths of a microsecond
};

/// The report; sorts the round trips.
std::string report_text(const LoadOptions& options, LoadFigures& figures);
std::string report_json(const LoadOptions& options, LoadFigures& figures);

}  // namespace trireme::bench
