// A disk for segments that fails together with SQLite's, and knows what a loss of power would cost.
#pragma once

#include <cerrno>
#include <map>

#include "db/content_disk.hpp"
#include "tests/support/faulty_vfs.hpp"

namespace trireme::testing {

/// Its calls count among those of the FaultyVfs: the Nth of them all goes wrong.
class FaultyDisk final : public ContentDisk {
 public:
  explicit FaultyDisk(FaultyVfs& vfs) : vfs_(vfs) {}

  int make_file(const std::filesystem::path& file) override {
    if (const int reason = next(); reason != 0) return -reason;
    return ContentDisk::make_file(file);
  }
  int write(int descriptor, std::string_view bytes, std::int64_t offset) override {
    unsynced_[descriptor] += bytes.size();
    // Half of the bytes are written when the process is killed, and when the disk is full.
    if (const int reason =
            ContentDisk::write(descriptor, bytes.substr(0, bytes.size() / 2), offset);
        reason != 0) {
      return reason;
    }
    if (const int reason = next(); reason != 0) return reason;
    return ContentDisk::write(descriptor, bytes, offset);
  }
  int sync(int descriptor) override {
    if (const int reason = next(); reason != 0) return reason;
    unsynced_.erase(descriptor);
    return 0;  // of a disk that is not there nothing can be lost
  }

  /// Bytes that were written and never synchronised.
  std::size_t unsynced_bytes() const {
    std::size_t total = 0;
    for (const auto& [descriptor, bytes] : unsynced_) total += bytes;
    return total;
  }

 private:
  int next() {
    switch (vfs_.next() & 0xff) {
      case SQLITE_OK:
        return 0;
      case SQLITE_FULL:
        return ENOSPC;
      default:
        return EIO;
    }
  }

  FaultyVfs& vfs_;
  std::map<int, std::size_t> unsynced_;  // by descriptor
};

}  // namespace trireme::testing
