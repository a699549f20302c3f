#include "db/content_segments.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

namespace trireme {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kComparedAtOnce = std::size_t{128} << 10;  // stays in the processor's cache
constexpr std::size_t kDigits = 6;

std::int64_t aligned(std::int64_t offset) {
  return (offset + kContentAlignment - 1) / kContentAlignment * kContentAlignment;
}

Error cannot_write(const fs::path& file, int reason) {
  const std::string what = "the file " + file.string() + " of large buffers ";
  const std::string why = std::string(" (") + std::strerror(reason) + ")";
  switch (reason) {
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorCode::kPermission,
              what + "cannot be written" + why + "; change the permissions of it and its folder"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {ErrorCode::kIo, what + "cannot grow" + why + "; make room on the disk"};
    default:
      return {ErrorCode::kIo, what + "cannot be written" + why};
  }
}

Error cannot_read(const fs::path& file, const std::string& why) {
  return {ErrorCode::kBadFormat, "the file " + file.string() +
                                     " of large buffers cannot give what the task database says " +
                                     "lies in it (" + why + "); restore it from a backup"};
}

/// An open file of this function alone, closed at its end.
class OpenFile {
 public:
  OpenFile(const fs::path& file, int flags)
      : descriptor_(::open(file.c_str(), flags | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return descriptor_; }
  /// Whether no store writes to it; none can begin to.
  bool is_abandoned() const {
    return descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0;
  }

 private:
  int descriptor_;
};

}  // namespace

ContentSegments::ContentSegments(fs::path folder, std::string database_id, std::int64_t first,
                                 ContentDisk& disk, Options options)
    : folder_(std::move(folder)),
      prefix_(std::move(database_id) + "-"),
      next_number_(first),
      disk_(disk),
      options_(options) {}

ContentSegments::~ContentSegments() {
  take_back();
  if (!sync()) {
    // A damaged disk: what is missing shows when it is read.
  }
  for (const Segment& segment : open_) {
    if (segment.kept_end == 0) ::unlink(file_of(segment.number).c_str());
    ::close(segment.descriptor);
  }
  if (reading_ >= 0) ::close(reading_);
}

fs::path ContentSegments::file_of(std::int64_t segment) const {
  std::string digits = std::to_string(segment);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return folder_ / (prefix_ + digits);
}

// --- writing -----------------------------------------------------------------------------------

Result<ContentPlace> ContentSegments::append(std::string_view bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  const Result<Segment*> found = segment_with_room(size);
  if (!found) return found.error();
  Segment& segment = **found;
  const ContentPlace place{segment.number, aligned(segment.end), size};
  segment.is_synced = false;
  if (const int reason = disk_.write(segment.descriptor, bytes, place.offset); reason != 0) {
    return cannot_write(file_of(segment.number), reason);
  }
  segment.end = place.offset + size;
  return place;
}

Result<ContentSegments::Segment*> ContentSegments::segment_with_room(std::int64_t bytes) {
  for (;; ++current_) {
    if (current_ == open_.size()) {
      if (Result<void> added = add_segment(); !added) return added.error();
    }
    Segment& segment = open_[current_];
    const bool fits = aligned(segment.end) + bytes <= options_.segment_bytes_max;
    if (fits || segment.end == 0) return &segment;
  }
}

Result<void> ContentSegments::add_segment() {
  for (;; ++next_number_) {
    const fs::path file = file_of(next_number_);
    int descriptor = disk_.make_file(file);
    if (descriptor == -ENOENT) {
      if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return cannot_write(file, errno);
      descriptor = disk_.make_file(file);
    }
    if (descriptor == -EEXIST) continue;
    if (descriptor < 0) return cannot_write(file, -descriptor);
    // Without locks (some network file systems) there is one store for a database at a time.
    ::flock(descriptor, LOCK_EX | LOCK_NB);
    open_.push_back({next_number_++, descriptor});
    folder_is_synced_ = false;
    return {};
  }
}

Result<void> ContentSegments::sync() {
  for (Segment& segment : open_) {
    if (segment.is_synced) continue;
    if (const int reason = disk_.sync(segment.descriptor); reason != 0) {
      return cannot_write(file_of(segment.number), reason);
    }
    segment.is_synced = true;
  }
  return sync_folder();
}

/// The names of new segments are on the disk, too.
Result<void> ContentSegments::sync_folder() {
  if (folder_is_synced_) return {};
  for (const fs::path& folder : {folder_, folder_.parent_path()}) {
    const OpenFile opened(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    // Some file systems cannot do this for folders and need not.
    if (opened.get() >= 0 && ::fsync(opened.get()) != 0 && errno == EIO) {
      return cannot_write(folder, errno);
    }
  }
  folder_is_synced_ = true;
  return {};
}

void ContentSegments::keep() {
  for (Segment& segment : open_) segment.kept_end = segment.end;
  // What is full need not stay open once it is on the disk.
  for (std::size_t position = 0; position < current_ && position < open_.size();) {
    Segment& segment = open_[position];
    const bool is_due = current_ - position > options_.unsynced_files_max;
    if (!segment.is_synced && is_due) segment.is_synced = disk_.sync(segment.descriptor) == 0;
    if (segment.is_synced || is_due) {
      close(position);
    } else {
      ++position;
    }
  }
  kept_current_ = current_;
}

void ContentSegments::take_back() {
  for (Segment& segment : open_) segment.end = segment.kept_end;
  current_ = kept_current_;
}

/// Ends the writing to an open segment.
void ContentSegments::close(std::size_t position) {
  ::close(open_[position].descriptor);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(position));
  if (position < current_) --current_;
  if (position < kept_current_) --kept_current_;
}

// --- reading -----------------------------------------------------------------------------------

int ContentSegments::reading_descriptor(std::int64_t segment) {
  for (const Segment& open : open_) {
    if (open.number == segment) return open.descriptor;
  }
  if (reading_number_ == segment && reading_ >= 0) return reading_;
  const int opened = ::open(file_of(segment).c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) return -1;
  if (reading_ >= 0) ::close(reading_);
  reading_ = opened;
  reading_number_ = segment;
  return reading_;
}

void ContentSegments::forget_reading(std::int64_t segment) {
  if (reading_number_ != segment || reading_ < 0) return;
  ::close(std::exchange(reading_, -1));
}

Result<void> ContentSegments::read_into(const ContentPlace& place, std::span<char> bytes) {
  const int descriptor = reading_descriptor(place.segment);
  if (descriptor < 0) return cannot_read(file_of(place.segment), std::strerror(errno));
  std::int64_t offset = place.offset;
  while (!bytes.empty()) {
    const ssize_t got = ::pread(descriptor, bytes.data(), bytes.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(file_of(place.segment), std::strerror(errno));
    if (got == 0) return cannot_read(file_of(place.segment), "it is too short");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
  return {};
}

Result<Frame> ContentSegments::read(const ContentPlace& place) {
  const int descriptor = reading_descriptor(place.segment);
  struct stat facts {};
  if (descriptor < 0 || ::fstat(descriptor, &facts) != 0) {
    return cannot_read(file_of(place.segment), std::strerror(errno));
  }
  // A size that cannot be right must not be asked of the heap.
  const bool is_inside = place.offset >= 0 && place.size >= 0 && place.offset <= facts.st_size &&
                         place.size <= facts.st_size - place.offset;
  if (!is_inside) return cannot_read(file_of(place.segment), "it is too short");
  std::string bytes(static_cast<std::size_t>(place.size), '\0');
  if (Result<void> done = read_into(place, bytes); !done) return done.error();
  return Frame(std::move(bytes));
}

bool ContentSegments::holds(const ContentPlace& place, std::string_view bytes) {
  if (place.size != static_cast<std::int64_t>(bytes.size())) return false;
  scratch_.resize(kComparedAtOnce);
  std::int64_t offset = place.offset;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), scratch_.size());
    const ContentPlace piece{place.segment, offset, static_cast<std::int64_t>(size)};
    if (!read_into(piece, std::span(scratch_.data(), size))) return false;
    if (std::memcmp(scratch_.data(), bytes.data(), size) != 0) return false;
    bytes.remove_prefix(size);
    offset += piece.size;
  }
  return true;
}

// --- giving back -------------------------------------------------------------------------------

void ContentSegments::free_room(const ContentPlace& place) {
  const OpenFile file(file_of(place.segment), O_RDWR);
  if (file.get() < 0) return;
  // Refused by some file systems; the room is then given back with the whole segment.
  static_cast<void>(::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                place.offset, aligned(place.offset + place.size) - place.offset));
}

void ContentSegments::remove(std::int64_t segment) {
  const auto ours = std::find_if(open_.begin(), open_.end(),
                                 [&](const Segment& open) { return open.number == segment; });
  if (ours != open_.end()) {
    close(static_cast<std::size_t>(ours - open_.begin()));
  }
  forget_reading(segment);
  const fs::path file = file_of(segment);
  const OpenFile opened(file, O_RDWR);
  if (opened.is_abandoned()) ::unlink(file.c_str());
}

void ContentSegments::cut(std::int64_t segment, std::int64_t end) {
  const OpenFile file(file_of(segment), O_RDWR);
  struct stat facts {};
  if (!file.is_abandoned() || ::fstat(file.get(), &facts) != 0 || facts.st_size <= end) return;
  static_cast<void>(::ftruncate(file.get(), end));
}

std::vector<std::int64_t> ContentSegments::abandoned() {
  std::vector<std::int64_t> numbers;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder_, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix_)) continue;
    std::int64_t number = 0;
    const char* last = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix_.size(), last, number);
    if (parsed.ec != std::errc() || parsed.ptr != last || entry->path() != file_of(number))
      continue;
    if (OpenFile(entry->path(), O_RDWR).is_abandoned()) numbers.push_back(number);
  }
  return numbers;
}

}  // namespace trireme
