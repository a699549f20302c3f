#include "examples/text/digest_check.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace text {
namespace {

/// A file of its own that is gone when this is.
class TemporaryFile {
 public:
  TemporaryFile() {
    const int file = ::mkstemp(name_.data());
    if (file < 0) throw std::runtime_error("cannot make a temporary file");
    ::close(file);
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(name_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& name() const { return name_; }

 private:
  std::string name_ = std::filesystem::temp_directory_path() / "trireme-digests-XXXXXX";
};

}  // namespace

bool sha256sum_agrees(const std::string& folder, const std::vector<FileReport>& files) {
  const TemporaryFile list;
  std::ofstream digests(list.name());
  for (const FileReport& file : files) {
    if (file.error.empty()) digests << file.sha256 << "  " << folder << "/" << file.path << "\n";
  }
  digests.close();
  if (!digests) throw std::runtime_error("cannot write " + list.name());
  const std::string command = "sha256sum --check --quiet --strict '" + list.name() + "'";
  return std::system(command.c_str()) == 0;
}

}  // namespace text
