#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <trireme/plugin.hpp>

#include "examples/text/text_statistics.hpp"
#include "examples/text/text_tasks.hpp"

namespace {

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error(std::strerror(errno));
  std::string bytes(static_cast<std::size_t>(file.tellg()), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    throw std::runtime_error("the file became shorter while it was read");
  }
  return bytes;
}

text::BundleReport read_files(trireme::TaskContext& context, const std::string& folder,
                              const std::vector<std::string>& paths) {
  text::BundleReport bundle;
  text::WordTable words;
  for (const std::string& path : paths) {
    context.throw_if_stopped();
    text::FileReport& report = bundle.files.emplace_back();
    report.path = path;
    try {
      text::examine(read_whole(std::filesystem::path(folder) / path), report, words);
    } catch (const std::exception& error) {
      report.error = error.what();
    }
  }
  bundle.word_counts.insert(words.begin(), words.end());
  return bundle;
}

}  // namespace

TRIREME_PLUGIN(registry) { registry.add(text::read_files, read_files); }
