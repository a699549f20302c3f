#include "db/content_disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace trireme {

int ContentDisk::make_file(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return descriptor >= 0 ? descriptor : -errno;
}

int ContentDisk::write(int descriptor, std::string_view bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
  return 0;
}

int ContentDisk::sync(int descriptor) { return ::fdatasync(descriptor) == 0 ? 0 : errno; }

ContentDisk& ContentDisk::system() {
  static ContentDisk disk;
  return disk;
}

}  // namespace trireme
