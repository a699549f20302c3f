#include "bench/load_options.hpp"

#include <map>

#include <CLI/CLI.hpp>

namespace trireme::bench {
namespace {

struct RawOptions {
  double hold_ms = 0;
  std::int64_t churn_ms = 0;
  std::int64_t patience_s = 60;
};

void add_cluster_options(CLI::App& app, LoadOptions& options, RawOptions& raw) {
  app.add_option("--security-dir", options.security_dir, "folder of the connection files")
      ->required();
  app.add_option("--engines", options.engines, "null engines to start; 0: use those there are")
      ->capture_default_str();
  app.add_option("--clients", options.clients, "clients to start; 0: only serve")
      ->capture_default_str();
  app.add_option("--hold-ms", raw.hold_ms, "how long an engine takes for a task")
      ->capture_default_str();
  app.add_option("--churn-ms", raw.churn_ms, "an engine leaves and another joins this often")
      ->capture_default_str();
  app.add_flag("--all-channels", options.all_channels, "engines connect control and iopub too");
  app.add_option("--patience-s", raw.patience_s, "how long to wait for a reply at most")
      ->capture_default_str();
  app.add_flag("--json", options.json, "print the report as one JSON object");
}

void add_work_options(CLI::App& app, LoadOptions& options) {
  const std::map<std::string, LoadMode> modes{
      {"task", LoadMode::kTask}, {"mux", LoadMode::kMux}, {"broadcast", LoadMode::kBroadcast}};
  const std::map<std::string, LoadShape> shapes{{"independent", LoadShape::kIndependent},
                                                {"chains", LoadShape::kChains},
                                                {"fans", LoadShape::kFans}};
  app.add_option("--mode", options.mode, "task, mux or broadcast")
      ->transform(CLI::CheckedTransformer(modes));
  app.add_option("--tasks", options.tasks, "tasks to measure, over all clients")
      ->capture_default_str();
  app.add_option("--warm-up", options.warm_up_tasks, "tasks done first and not measured")
      ->capture_default_str();
  app.add_option("--window", options.window, "tasks a client has outstanding at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--request-bytes", options.request_bytes, "size of a request's buffer")
      ->capture_default_str();
  app.add_option("--reply-bytes", options.reply_bytes, "size of a reply's buffer")
      ->capture_default_str();
  app.add_flag("--distinct", options.distinct, "no two buffers are equal");
  app.add_option("--shape", options.shape, "independent, chains or fans")
      ->transform(CLI::CheckedTransformer(shapes));
  app.add_option("--shape-size", options.shape_size, "tasks of a chain, or of a fan's middle")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--gate", options.gate, "engines answer once everything is submitted");
  app.add_flag("--coalesce", options.coalesce, "broadcast: one reply for all engines");
}

}  // namespace

Result<std::optional<LoadOptions>> parse_load_options(int argc, char** argv) {
  LoadOptions options;
  RawOptions raw;
  CLI::App app("Loads a cluster through its wire protocol, with null engines and clients.");
  add_cluster_options(app, options, raw);
  add_work_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    app.exit(asked);
    return std::optional<LoadOptions>();
  } catch (const CLI::Error& error) {
    return Error{ErrorCode::kUsage, std::string(error.what()) + "; see --help"};
  }
  if (raw.hold_ms < 0 || raw.churn_ms < 0 || raw.patience_s <= 0) {
    return Error{ErrorCode::kUsage, "times must not be negative; see --help"};
  }
  options.hold = std::chrono::nanoseconds(static_cast<std::int64_t>(raw.hold_ms * 1e6));
  options.churn = std::chrono::milliseconds(raw.churn_ms);
  options.patience = std::chrono::seconds(raw.patience_s);
  return std::optional<LoadOptions>(std::move(options));
}

}  // namespace trireme::bench
