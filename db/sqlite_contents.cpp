#include "db/sqlite_contents.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "db/content_hash.hpp"

namespace trireme {
namespace {

constexpr int kTwinsMax = 4;
constexpr int kJournalPages = 1024;  // then the log is taken over into the file

// Holes made at once: some milliseconds where that is slow.
constexpr std::size_t kHolesPerCommit = 4;
constexpr std::size_t kHolesPerPurge = 100;
constexpr std::int64_t kEverything = std::numeric_limits<std::int64_t>::max();

// Nothing that is deleted is named by a buffer.
constexpr const char* kLoose =
    " WHERE id IN (SELECT content FROM temp.loose)"
    " AND NOT EXISTS (SELECT 1 FROM buffers WHERE buffers.content = contents.id)";

}  // namespace

std::filesystem::path contents_folder(const std::filesystem::path& database) {
  return database.string() + "-contents";
}

SqliteContents::SqliteContents(SqliteConnection& connection, ContentDisk& disk)
    : connection_(connection),
      find_(connection.prepare(
          "SELECT id, bytes, segment, offset, size FROM contents WHERE hash = ?")),
      insert_(connection.prepare("INSERT INTO contents (hash, bytes, segment, offset, size)"
                                 " VALUES (?, ?, ?, ?, ?)")),
      read_(connection.prepare(
          "SELECT bytes, hash, segment, offset, size FROM contents WHERE id = ?")),
      note_holes_(connection.prepare("INSERT OR REPLACE INTO holes (segment, offset, size)"
                                     " SELECT segment, offset, size FROM contents" +
                                     std::string(kLoose) + " AND segment IS NOT NULL")),
      erase_loose_(connection.prepare("DELETE FROM contents" + std::string(kLoose))),
      forget_loose_(connection.prepare("DELETE FROM temp.loose")),
      any_in_segment_(connection.prepare("SELECT 1 FROM contents WHERE segment = ? LIMIT 1")),
      holes_(connection.prepare("SELECT segment, offset, size FROM holes"
                                " ORDER BY segment, offset")),
      forget_holes_(connection.prepare("DELETE FROM holes WHERE segment = ? AND offset < ?")),
      next_with_holes_(connection.prepare("SELECT min(segment) FROM holes WHERE segment > ?")) {
  SqliteStatement identity = connection.prepare("SELECT id FROM identity");
  const std::string id(identity.step() ? identity.text(0) : "");
  const std::int64_t last = connection.read_integer(
      "SELECT max(coalesce((SELECT max(segment) FROM contents WHERE segment IS NOT NULL), 0),"
      " coalesce((SELECT max(segment) FROM holes), 0))");
  segments_ =
      std::make_unique<ContentSegments>(contents_folder(connection.file()), id, last + 1, disk);
  if (!connection.failed()) clean_up();
}

SqliteContents::~SqliteContents() = default;

std::int64_t SqliteContents::id_of(std::string_view bytes) {
  const auto hash = static_cast<std::int64_t>(content_hash(bytes));
  find_.start().bind_integer(1, hash);
  // Others with this number are there by chance or by malice; few are worth a look.
  for (int seen = 0; seen < kTwinsMax && find_.step(); ++seen) {
    const bool is_same =
        find_.is_null(2) ? find_.blob(1) == bytes : segments_->holds(place_in(find_, 2), bytes);
    if (!is_same) continue;
    const std::int64_t id = find_.integer(0);
    find_.start();
    return id;
  }
  find_.start();
  return insert(hash, bytes);
}

std::int64_t SqliteContents::insert(std::int64_t hash, std::string_view bytes) {
  if (connection_.failed()) return 0;
  insert_.start().bind_integer(1, hash);
  if (bytes.size() < kSegmentContentBytesMin) {
    insert_.bind_blob(2, bytes).run();
    return connection_.last_insert_id();
  }
  const Result<ContentPlace> place = segments_->append(bytes);
  if (!place) {
    connection_.fail(place.error());
    return 0;
  }
  insert_.bind_blob(2, {})
      .bind_integer(3, place->segment)
      .bind_integer(4, place->offset)
      .bind_integer(5, place->size)
      .run();
  return connection_.last_insert_id();
}

Result<Frame> SqliteContents::read(std::int64_t id) {
  read_.start().bind_integer(1, id);
  if (!read_.step()) {
    connection_.fail_as_damaged();
    return Frame();
  }
  if (read_.is_null(2)) {
    Frame frame = Frame::copy_of(read_.blob(0));
    read_.start();
    return frame;
  }
  const std::int64_t hash = read_.integer(1);
  const ContentPlace place = place_in(read_, 2);
  read_.start();
  Result<Frame> frame = segments_->read(place);
  if (frame && static_cast<std::int64_t>(content_hash(frame->view())) != hash) {
    return Error{ErrorCode::kBadFormat,
                 "the file " + segments_->file_of(place.segment).string() +
                     " of large buffers is damaged: " + std::to_string(place.size) + " bytes at " +
                     std::to_string(place.offset) +
                     " are not those that were stored; restore it from a "
                     "backup or purge the task's record"};
  }
  return frame;
}

void SqliteContents::erase_loose() {
  note_holes_.start().run();
  if (connection_.changes() > 0) {
    has_holes_ = holes_may_come_back_ = has_empty_segments_ = true;
  }
  erase_loose_.start().run();
  forget_loose_.start().run();
}

void SqliteContents::before_commit() {
  if (connection_.failed() || !connection_.syncs_commits()) return;
  if (const Result<void> synced = segments_->sync(); !synced) connection_.fail(synced.error());
}

void SqliteContents::committed() { segments_->keep(); }

void SqliteContents::rolled_back() { segments_->take_back(); }

void SqliteContents::maintain() {
  if (connection_.log_pages() >= kJournalPages) take_log_over();
  give_room_back(kHolesPerCommit);
}

void SqliteContents::maintain_after_purge() { give_more_room_back(kHolesPerPurge); }

bool SqliteContents::use_pause() {
  give_more_room_back(kHolesPerCommit);
  return has_holes_ && !holes_may_come_back_;
}

/// Does not wait for the log to grow long: what was deleted is made certain here.
void SqliteContents::give_more_room_back(std::size_t holes_max) {
  if (has_holes_ && holes_may_come_back_) take_log_over();
  give_room_back(holes_max);
}

/// What the database itself holds is on the disk, so what it names must be before.
bool SqliteContents::take_log_over() {
  if (!segments_->sync() || !connection_.take_log_over()) return false;
  holes_may_come_back_ = false;
  return true;
}

void SqliteContents::give_room_back(std::size_t holes_max) {
  // A deletion that a loss of power undoes must find its bytes.
  if (!has_holes_ || holes_may_come_back_) return;
  connection_.begin();
  if (has_empty_segments_) remove_empty_segments();
  make_holes(holes_max);
  // When this fails the same room is given back once more; nothing else can lie there.
  if (!connection_.finish()) has_holes_ = true;
}

void SqliteContents::remove_empty_segments() {
  for (std::int64_t segment = 0;;) {
    next_with_holes_.start().bind_integer(1, segment);
    if (!next_with_holes_.step() || next_with_holes_.is_null(0)) break;
    segment = next_with_holes_.integer(0);
    next_with_holes_.start();
    if (!is_empty(segment)) continue;
    segments_->remove(segment);
    forget_holes_.start().bind_integer(1, segment).bind_integer(2, kEverything).run();
  }
  next_with_holes_.start();
  has_empty_segments_ = connection_.failed();
}

void SqliteContents::make_holes(std::size_t holes_max) {
  std::vector<ContentPlace> holes;
  holes_.start();
  has_holes_ = false;
  while (holes_.step()) {
    const ContentPlace hole = place_in(holes_, 0);
    const bool is_of_last = !holes.empty() && holes.back().segment == hole.segment;
    const std::int64_t gap = is_of_last ? hole.offset - holes.back().offset - holes.back().size : 0;
    if (is_of_last && gap < kContentAlignment) {
      holes.back().size += gap + hole.size;
      continue;
    }
    has_holes_ = holes.size() == holes_max;
    if (has_holes_) break;
    holes.push_back(hole);
  }
  holes_.start();
  for (const ContentPlace& hole : holes) {
    segments_->free_room(hole);
    forget_holes_.start()
        .bind_integer(1, hole.segment)
        .bind_integer(2, hole.offset + hole.size)
        .run();
  }
}

/// What a store that was killed left: bytes that no row names, and room not given back.
void SqliteContents::clean_up() {
  SqliteStatement end = connection_.prepare(
      "SELECT max(coalesce((SELECT offset + size FROM contents WHERE segment = ?1"
      " ORDER BY offset DESC LIMIT 1), 0), coalesce((SELECT offset + size FROM holes"
      " WHERE segment = ?1 ORDER BY offset DESC LIMIT 1), 0))");
  for (const std::int64_t segment : segments_->abandoned()) {
    end.start().bind_integer(1, segment);
    const std::int64_t size = end.step() ? end.integer(0) : 0;
    end.start();
    if (connection_.failed()) return;
    size == 0 ? segments_->remove(segment) : segments_->cut(segment, size);
  }
  has_holes_ = connection_.read_integer("SELECT EXISTS (SELECT 1 FROM holes)") != 0;
}

bool SqliteContents::is_empty(std::int64_t segment) {
  any_in_segment_.start().bind_integer(1, segment);
  const bool has_any = any_in_segment_.step();
  any_in_segment_.start();
  return !has_any && !connection_.failed();
}

ContentPlace SqliteContents::place_in(const SqliteStatement& row, int first) {
  return {row.integer(first), row.integer(first + 1), row.integer(first + 2)};
}

}  // namespace trireme
