#include "db/schema.hpp"

#include <array>
#include <string>

namespace trireme {
namespace {

constexpr const char* kVersion4 = R"sql(
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  msg_id TEXT NOT NULL UNIQUE,
  submitted INTEGER,
  client_uuid TEXT,
  engine_uuid TEXT,
  started INTEGER,
  completed INTEGER,
  resubmitted TEXT,
  received INTEGER,
  queue TEXT,
  label TEXT,
  ended_ok INTEGER,
  execute_input TEXT,
  execute_result TEXT,
  error TEXT
);
CREATE INDEX records_unfinished ON records (id) WHERE completed IS NULL;

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  header TEXT,
  metadata TEXT,
  content TEXT,
  buffers BLOB
);

CREATE TABLE contents (
  id INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  bytes BLOB NOT NULL
);
CREATE INDEX contents_hash ON contents (hash);

CREATE TABLE buffers (
  message INTEGER NOT NULL,
  position INTEGER NOT NULL,
  content INTEGER NOT NULL,
  PRIMARY KEY (message, position)
) WITHOUT ROWID;
CREATE INDEX buffers_content ON buffers (content);

CREATE TABLE outputs (
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX outputs_record ON outputs (record);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  record INTEGER NOT NULL,
  number INTEGER NOT NULL,
  engine TEXT NOT NULL,
  ended INTEGER NOT NULL,
  how TEXT NOT NULL
);
CREATE INDEX attempts_record ON attempts (record);
)sql";

// Contents are not moved: those that lie in the database are read there for as long as they live.
constexpr const char* kVersion5 = R"sql(
ALTER TABLE contents ADD COLUMN segment INTEGER;
ALTER TABLE contents ADD COLUMN offset INTEGER;
ALTER TABLE contents ADD COLUMN size INTEGER;
CREATE INDEX contents_segment ON contents (segment, offset) WHERE segment IS NOT NULL;

CREATE TABLE holes (
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (segment, offset)
) WITHOUT ROWID;

CREATE TABLE identity (id TEXT NOT NULL);
INSERT INTO identity VALUES (lower(hex(randomblob(6))));
)sql";

constexpr std::array kMigrations{Migration{4, kVersion4}, Migration{5, kVersion5}};

Error not_ours(const SqliteConnection& connection) {
  return {ErrorCode::kBadFormat, "the file " + connection.file().string() +
                                     " is a database of another program; choose another file for "
                                     "the task records"};
}

Error too_new(const SqliteConnection& connection, std::int64_t version, std::int64_t known) {
  return {ErrorCode::kVersion,
          "the task database " + connection.file().string() + " has version " +
              std::to_string(version) + " and this program knows versions up to " +
              std::to_string(known) + "; use a newer Trireme or choose another file"};
}

Error too_old(const SqliteConnection& connection, std::int64_t version) {
  return {ErrorCode::kVersion, "the task database " + connection.file().string() + " has version " +
                                   std::to_string(version) +
                                   ", written before the first release, which this program " +
                                   "does not read; move it away and a new one will be made"};
}

/// What the file says of itself.
struct Stamp {
  std::int64_t application_id;
  std::int64_t version;
  std::int64_t tables;
};

Stamp read_stamp(SqliteConnection& connection) {
  return {connection.read_integer("PRAGMA application_id"),
          connection.read_integer("PRAGMA user_version"),
          connection.read_integer("SELECT count(*) FROM sqlite_schema")};
}

Result<void> check_stamp(const SqliteConnection& connection, const Stamp& stamp, std::int64_t known,
                         std::int64_t oldest) {
  const bool is_empty = stamp.application_id == 0 && stamp.version == 0 && stamp.tables == 0;
  if (!is_empty && stamp.application_id != kTaskDatabaseId) return not_ours(connection);
  if (stamp.version > known) return too_new(connection, stamp.version, known);
  if (!is_empty && stamp.version < oldest) return too_old(connection, stamp.version);
  return {};
}

}  // namespace

std::span<const Migration> task_migrations() { return kMigrations; }

Result<void> prepare_schema(SqliteConnection& connection, std::span<const Migration> migrations) {
  const std::int64_t known = migrations.back().to;
  const std::int64_t oldest = migrations.front().to;
  Stamp stamp = read_stamp(connection);
  if (Result<void> read = connection.take_failure(); !read) return read;
  if (Result<void> checked = check_stamp(connection, stamp, known, oldest); !checked)
    return checked;
  if (stamp.version == known) return {};

  connection.begin();
  stamp = read_stamp(connection);  // another process may have been faster
  if (Result<void> checked = check_stamp(connection, stamp, known, oldest); !checked) {
    connection.roll_back();
    return checked;
  }
  for (const Migration& migration : migrations) {
    if (migration.to > stamp.version) connection.execute(migration.sql);
  }
  connection.execute(("PRAGMA application_id = " + std::to_string(kTaskDatabaseId)).c_str());
  connection.execute(("PRAGMA user_version = " + std::to_string(known)).c_str());
  return connection.finish();
}

}  // namespace trireme
