// Reads a folder on all engines at once: word and line statistics, and SHA-256 of each file.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <trireme/client.hpp>

#include "examples/text/digest_check.hpp"
#include "examples/text/file_bundles.hpp"
#include "examples/text/text_report.hpp"
#include "examples/text/text_tasks.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double busy_seconds(const trireme::TaskInfo& task) {
  if (!task.started || !task.completed) return 0;
  return std::chrono::duration<double>(*task.completed - *task.started).count();
}

std::vector<std::vector<std::string>> paths_of(const std::vector<text::Bundle>& bundles) {
  std::vector<std::vector<std::string>> lists;
  for (const text::Bundle& bundle : bundles) {
    std::vector<std::string>& paths = lists.emplace_back();
    for (const text::File& file : bundle.files) paths.push_back(file.path);
  }
  return lists;
}

void draw_progress(std::size_t done, std::size_t total) {
  if (::isatty(STDERR_FILENO) != 1) return;
  std::fprintf(stderr, "\r%s", text::describe_progress(done, total).c_str());
  if (done == total) std::fprintf(stderr, "\r\033[K");
}

/// One task per bundle, results as they come.
text::Report read_on_engines(const trireme::LoadBalancedView& view, const std::string& folder,
                             const std::vector<text::Bundle>& bundles) {
  const std::vector<std::string> folders(bundles.size(), folder);
  const auto results = view.map(text::read_files, folders, paths_of(bundles));
  text::Report report;
  std::size_t done = 0;
  draw_progress(done, bundles.size());
  const auto finished = results.as_completed();
  for (auto result = finished.begin(); result != finished.end(); ++result) {
    const trireme::TaskInfo task = results.task(result.task_index());
    report.add(*result, task.engine_id, busy_seconds(task));
    draw_progress(++done, bundles.size());
  }
  return report;
}

int run(const std::string& folder) {
  const trireme::Client client;
  const std::size_t engines = client.ids().size();
  if (engines == 0) throw std::runtime_error("the cluster has no engines");

  const std::vector<text::File> files = text::list_files(folder);
  const auto bundles = text::pack(files, text::fair_bundle_bytes(files, engines));
  std::printf("%zu files in %zu tasks of about the same size, largest first.\n\n", files.size(),
              bundles.size());

  const Clock::time_point start = Clock::now();
  const text::Report report = read_on_engines(client.load_balanced_view(), folder, bundles);
  const double seconds = seconds_since(start);
  std::printf("%s\n%s\n", report.describe_files().c_str(),
              report.describe_engines(seconds).c_str());
  if (report.failed_files() > 0) {
    std::printf("%zu files could not be read.\n", report.failed_files());
  }

  std::fflush(stdout);
  if (!text::sha256sum_agrees(folder, report.files())) {
    std::printf("sha256sum disagrees.\n");
    return 1;
  }
  std::printf("sha256sum agrees on all %zu digests.\n",
              report.files().size() - report.failed_files());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: text_demo FOLDER\n");
    return 2;
  }
  try {
    return run(std::filesystem::absolute(argv[1]).lexically_normal().string());
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "text_demo: %s\n", failure.what());
    return 1;
  }
}
