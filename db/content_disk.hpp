// The calls by which contents reach the disk, so that tests can make each of them fail.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace trireme {

/// The system's own calls. Those that return an int give 0 or the errno of what went wrong.
class ContentDisk {
 public:
  virtual ~ContentDisk() = default;

  /// Makes a file that is not there yet, readable by its owner only: a descriptor, or -errno.
  virtual int make_file(const std::filesystem::path& file);
  /// Writes all of the bytes.
  virtual int write(int descriptor, std::string_view bytes, std::int64_t offset);
  /// Returns when what was written to the file is on the disk.
  virtual int sync(int descriptor);

  static ContentDisk& system();
};

}  // namespace trireme
