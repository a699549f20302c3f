// Large contents in files of their own beside the task database, so that their bytes are written
// once: through the database they would go to its log first and then to itself.
//
// A segment is a file `<database id>-<number>` in the folder `<database>-contents`. Contents lie
// in it one after the other, each beginning at a multiple of kContentAlignment; what lies where is
// known to the database alone. A segment is written by the store that made it and by no other, and
// never again after that store has ended, so stores that share a database stay out of each
// other's way: as long as a store may write to a segment it holds a lock (flock) on it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/content_disk.hpp"
#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

inline constexpr std::int64_t kContentAlignment = 4096;  // of file systems; holes come in these

/// Where the bytes of a content lie.
struct ContentPlace {
  std::int64_t segment = 0;
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

struct ContentSegmentsOptions {
  std::int64_t segment_bytes_max = std::int64_t{256} << 20;  // unless one content is larger
  std::size_t unsynced_files_max = 4;  // an older one is synchronised when it is passed
};

/// The segments of one database. Used by one thread at a time.
///
/// What is appended belongs to the caller's transaction until keep() or take_back() ends it. After
/// take_back() the same bytes go to the same places again, so that nothing that a commit of
/// doubtful outcome has named is ever overwritten by others.
///
/// Errors name the file: kIo (no room, or the disk fails), kPermission, and kBadFormat when bytes
/// that should be there are not.
class ContentSegments {
 public:
  using Options = ContentSegmentsOptions;

  /// Nothing is made before something is appended. Numbers from `first` on are free.
  ContentSegments(std::filesystem::path folder, std::string database_id, std::int64_t first,
                  ContentDisk& disk = ContentDisk::system(), Options options = {});
  /// Synchronises what was kept.
  ~ContentSegments();
  ContentSegments(const ContentSegments&) = delete;
  ContentSegments& operator=(const ContentSegments&) = delete;

  Result<ContentPlace> append(std::string_view bytes);
  /// What was appended is on the disk.
  Result<void> sync();
  /// The transaction was committed.
  void keep();
  /// The transaction was rolled back.
  void take_back();

  Result<Frame> read(const ContentPlace& place);
  /// Whether exactly these bytes lie there; false also when they cannot be read.
  bool holds(const ContentPlace& place, std::string_view bytes);

  /// Gives room back to the system where the file system can do that.
  void free_room(const ContentPlace& place);
  /// Deletes a segment in which nothing lives, unless another store may write to it.
  void remove(std::int64_t segment);
  /// Cuts off what lies behind `end` in a segment of a store that was killed; nothing lives there.
  void cut(std::int64_t segment, std::int64_t end);
  /// The segments in the folder that no store writes to.
  std::vector<std::int64_t> abandoned();

  std::filesystem::path file_of(std::int64_t segment) const;

 private:
  struct Segment {
    std::int64_t number;
    int descriptor;
    std::int64_t end = 0;
    std::int64_t kept_end = 0;
    bool is_synced = true;
  };

  Result<Segment*> segment_with_room(std::int64_t bytes);
  Result<void> add_segment();
  Result<void> sync_folder();
  void close(std::size_t position);
  int reading_descriptor(std::int64_t segment);
  void forget_reading(std::int64_t segment);
  Result<void> read_into(const ContentPlace& place, std::span<char> bytes);

  std::filesystem::path folder_;
  std::string prefix_;
  std::int64_t next_number_;
  ContentDisk& disk_;
  Options options_;
  std::vector<Segment> open_;  // ours, in the order in which they are filled
  std::size_t current_ = 0;    // the one to append to; may be one past the last
  std::size_t kept_current_ = 0;
  bool folder_is_synced_ = true;
  std::int64_t reading_number_ = 0;  // the segment read last
  int reading_ = -1;
  std::string scratch_;  // for comparing
};

}  // namespace trireme
