#include "examples/text/file_bundles.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <system_error>

namespace text {

namespace fs = std::filesystem;

std::vector<File> list_files(const std::string& folder) {
  std::error_code failure;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied,
                                        failure);
  if (failure) throw std::runtime_error("cannot read " + folder + ": " + failure.message());
  std::vector<File> files;
  for (const fs::directory_entry& entry : walk) {
    if (entry.is_symlink(failure) || !entry.is_regular_file(failure)) continue;
    const std::uint64_t bytes = entry.file_size(failure);
    std::string path = entry.path().lexically_relative(folder).string();
    if (failure || path.find_first_of("\n\\") != std::string::npos) continue;
    files.push_back({std::move(path), bytes});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
  });
  return files;
}

std::vector<Bundle> pack(const std::vector<File>& files, std::uint64_t bytes_min) {
  std::vector<Bundle> bundles;
  for (const File& file : files) {
    if (bundles.empty() || bundles.back().bytes >= bytes_min) bundles.emplace_back();
    bundles.back().files.push_back(file);
    bundles.back().bytes += file.bytes;
  }
  return bundles;
}

std::uint64_t fair_bundle_bytes(const std::vector<File>& files, std::size_t engines) {
  constexpr std::uint64_t kTasksPerEngine = 20;
  const std::uint64_t total =
      std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const File& file) { return sum + file.bytes; });
  return std::max<std::uint64_t>(total / (kTasksPerEngine * std::max<std::size_t>(engines, 1)), 1);
}

}  // namespace text
