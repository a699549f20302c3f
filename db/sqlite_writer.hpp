// Groups of changes into SQLite: every record that a group touches is written once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "db/record_change.hpp"
#include "db/record_patch.hpp"
#include "db/sqlite_buffers.hpp"
#include "db/sqlite_connection.hpp"

namespace trireme {

/// Columns that lie in the table records: all but buffers, output and attempts.
bool is_row_column(const ColumnInfo& column);

/// Writes within the caller's transaction; failures stick to the connection.
class SqliteWriter {
 public:
  SqliteWriter(SqliteConnection& connection, SqliteBuffers& buffers);

  void apply(std::span<const RecordChange> changes);

 private:
  struct Pending;

  std::int64_t find_record(const MsgId& msg_id);
  void write(const Pending& pending);
  std::int64_t insert_row(const RecordPatch& patch);
  void update_row(std::int64_t record, const RecordPatch& patch);
  void append_output(std::int64_t record, std::int64_t stream, const std::string& text);
  void append_attempt(std::int64_t record, const AttemptEnded& attempt);
  SqliteStatement& update_statement(const RecordPatch& patch);

  SqliteConnection& connection_;
  SqliteBuffers& buffers_;
  SqliteStatement find_;
  SqliteStatement insert_;
  SqliteStatement append_;
  SqliteStatement append_attempt_;
  std::map<std::string, SqliteStatement> updates_;  // by their SQL; few sets of columns occur
};

}  // namespace trireme
