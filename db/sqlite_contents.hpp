// The contents of large buffers: the table `contents`, and segments beside the database for those
// that are too large to be written twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "db/content_disk.hpp"
#include "db/content_segments.hpp"
#include "db/sqlite_connection.hpp"
#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

/// Contents from this size on lie in segments. It is that of a page: larger ones would take pages
/// of their own, and cost more than twice as much.
inline constexpr std::size_t kSegmentContentBytesMin = std::size_t{16} << 10;

/// The folder of a database's segments.
std::filesystem::path contents_folder(const std::filesystem::path& database);

/// Stores each content once, found by a number (db/content_hash.hpp) and compared. Within the
/// caller's transactions, whose ends it must be told; failures stick to the connection.
///
/// A row never names bytes that were not written: they are before the commit. Bytes of which no
/// row speaks (after a crash) are cut off or deleted when the database is opened next. Room of
/// contents that went is noted in the table `holes` by the transaction that deletes them, and given
/// back when that transaction is on the disk for certain: in steps, since a hole may cost
/// milliseconds (on disks that are told of free blocks at once).
class SqliteContents {
 public:
  explicit SqliteContents(SqliteConnection& connection, ContentDisk& disk = ContentDisk::system());
  /// Synchronises the segments.
  ~SqliteContents();

  /// The row that has these bytes, made when there is none.
  std::int64_t id_of(std::string_view bytes);
  /// The bytes of a row. kBadFormat or kIo when a segment cannot give them; that does not stick.
  Result<Frame> read(std::int64_t id);
  /// Deletes those in the table `loose` that no buffer names.
  void erase_loose();

  /// To be called when all is written: the segments are on the disk before a commit that is to be.
  void before_commit();
  /// How the transaction ended.
  void committed();
  void rolled_back();

  /// Between transactions: takes the log over into the database when it has grown long, and the
  /// segments first; gives back some of the room that is to be given back.
  void maintain();
  /// The same after a purge, with more patience.
  void maintain_after_purge();
  /// Gives back some of the room that is left to give; true when there is more.
  bool use_pause();

 private:
  void give_more_room_back(std::size_t holes_max);
  bool take_log_over();
  void give_room_back(std::size_t holes_max);
  void remove_empty_segments();
  void make_holes(std::size_t holes_max);
  void clean_up();
  std::int64_t insert(std::int64_t hash, std::string_view bytes);
  static ContentPlace place_in(const SqliteStatement& row, int first);
  bool is_empty(std::int64_t segment);

  SqliteConnection& connection_;
  SqliteStatement find_;
  SqliteStatement insert_;
  SqliteStatement read_;
  SqliteStatement note_holes_;
  SqliteStatement erase_loose_;
  SqliteStatement forget_loose_;
  SqliteStatement any_in_segment_;
  SqliteStatement holes_;
  SqliteStatement forget_holes_;
  SqliteStatement next_with_holes_;
  std::unique_ptr<ContentSegments> segments_;
  bool has_holes_ = false;           // may have
  bool holes_may_come_back_ = true;  // what made them is not on the disk for certain
  bool has_empty_segments_ = true;   // may have
};

}  // namespace trireme
