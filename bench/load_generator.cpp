// load-generator: null engines and clients in one process, to load and measure any controller of
// the protocol. The options are in load_options.hpp; docs/benchmarks.md says how it is used.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "bench/load_options.hpp"
#include "bench/load_report.hpp"
#include "bench/load_run.hpp"

namespace trireme::bench {
namespace {

void raise_limit_on_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int fail(const Error& error) {
  std::fprintf(stderr, "load-generator: %s\n", error.text.c_str());
  return error.code == ErrorCode::kUsage ? 2 : 1;
}

int run(int argc, char** argv) {
  const Result<std::optional<LoadOptions>> options = parse_load_options(argc, argv);
  if (!options) return fail(options.error());
  if (!options->has_value()) return 0;
  raise_limit_on_open_files();
  SignalWatch signals({SIGINT, SIGTERM});
  LoadRun run(**options);
  Result<LoadFigures> figures = run.run(signals);
  if (!figures) return fail(figures.error());
  const std::string text =
      (*options)->json ? report_json(**options, *figures) : report_text(**options, *figures);
  std::fputs(text.c_str(), stdout);
  return figures->lost == 0 ? 0 : 1;
}

}  // namespace
}  // namespace trireme::bench

int main(int argc, char** argv) { return trireme::bench::run(argc, argv); }
