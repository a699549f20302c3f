#include "bench/load_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include <nlohmann/json.hpp>

namespace trireme::bench {
namespace {

struct Summary {
  double seconds;
  double tasks_per_s;
  double payload_bytes_per_s;
  double median_us;
  double p99_us;
  double mean_us;
  double max_us;
};

double quantile_us(const std::vector<std::uint32_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at =
      static_cast<std::size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)));
  return sorted[at] / 10.0;
}

Summary summarise(LoadFigures& figures) {
  auto& times = figures.round_trips_us10;
  std::sort(times.begin(), times.end());
  const double seconds = std::chrono::duration<double>(figures.elapsed).count();
  const double per_s = seconds > 0 ? 1 / seconds : 0;
  const double sum = std::accumulate(times.begin(), times.end(), 0.0) / 10;
  return {seconds,
          static_cast<double>(figures.tasks) * per_s,
          static_cast<double>(figures.payload_bytes) * per_s,
          quantile_us(times, 0.5),
          quantile_us(times, 0.99),
          times.empty() ? 0 : sum / static_cast<double>(times.size()),
          quantile_us(times, 1)};
}

const char* name_of(LoadMode mode) {
  switch (mode) {
    case LoadMode::kTask:
      return "task";
    case LoadMode::kMux:
      return "mux";
    case LoadMode::kBroadcast:
      return "broadcast";
  }
  return "";
}

}  // namespace

std::string report_text(const LoadOptions& options, LoadFigures& figures) {
  const Summary summary = summarise(figures);
  char line[512];
  std::snprintf(line, sizeof line,
                "%s: %llu tasks on %zu engines, window %zu: %.0f tasks/s, %.1f MB/s, round trip "
                "median %.0f us, p99 %.0f us; %llu errors, %llu lost; registration %.3f s\n",
                name_of(options.mode), static_cast<unsigned long long>(figures.tasks),
                figures.engines_known, options.window, summary.tasks_per_s,
                summary.payload_bytes_per_s / 1e6, summary.median_us, summary.p99_us,
                static_cast<unsigned long long>(figures.errors),
                static_cast<unsigned long long>(figures.lost),
                std::chrono::duration<double>(figures.registration).count());
  return line;
}

std::string report_json(const LoadOptions& options, LoadFigures& figures) {
  const Summary summary = summarise(figures);
  const nlohmann::ordered_json json{
      {"mode", name_of(options.mode)},
      {"engines", figures.engines_known},
      {"clients", options.clients},
      {"window", options.window},
      {"request_bytes", options.request_bytes},
      {"reply_bytes", options.reply_bytes},
      {"registration_s", std::chrono::duration<double>(figures.registration).count()},
      {"tasks", figures.tasks},
      {"replies", figures.replies},
      {"errors", figures.errors},
      {"lost", figures.lost},
      {"seconds", summary.seconds},
      {"tasks_per_s", summary.tasks_per_s},
      {"payload_bytes_per_s", summary.payload_bytes_per_s},
      {"median_us", summary.median_us},
      {"p99_us", summary.p99_us},
      {"mean_us", summary.mean_us},
      {"max_us", summary.max_us}};
  return json.dump() + "\n";
}

}  // namespace trireme::bench
