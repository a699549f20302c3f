// Groups of changes into SQLite: every record that a group touches is written once, many by one
// statement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "db/record_change.hpp"
#include "db/record_patch.hpp"
#include "db/sqlite_buffers.hpp"
#include "db/sqlite_connection.hpp"
#include "db/sqlite_rows.hpp"

namespace trireme {

/// Writes within the caller's transaction; failures stick to the connection.
///
/// Most records are made and ended within a group. Such a task costs one row of records, two of
/// messages, and one entry in the index of msg_ids; that its id is new, that very entry shows. The
/// rows of records that have not ended are remembered, up to a limit, so that their end need not
/// look for them.
class SqliteWriter {
 public:
  SqliteWriter(SqliteConnection& connection, SqliteBuffers& buffers);
  ~SqliteWriter();

  void apply(std::span<const RecordChange> changes);
  /// To be called when records went away: after a purge, and after a transaction that failed.
  void forget();

 private:
  struct Place;
  struct Pending;
  struct Columns;
  struct NewMessage;

  void fold(std::span<const RecordChange> changes);
  Pending& pending_of(const MsgId& id, std::size_t mask);
  void seek(Pending& entry, bool is_about_to_be_made);
  std::int64_t find_id(const MsgId& msg_id);
  void write(std::span<Pending* const> chunk);
  void insert_records(std::span<Pending* const> fresh);
  void find_twins(std::span<Pending* const> fresh);
  static void bind_record(SqliteRows::Row row, const Pending& pending);
  void update_record(const Pending& pending);
  void set_rare_columns(const Pending& pending);
  void note_messages(const Pending& pending);
  void insert_messages();
  void write_apart(const Pending& pending);
  void remember(const Pending& pending);

  SqliteConnection& connection_;
  SqliteBuffers& buffers_;
  SqliteStatement find_;
  SqliteStatement last_id_;
  SqliteRows insert_records_;
  SqliteRows insert_messages_;
  SqliteStatement set_request_;
  SqliteStatement set_result_;
  SqliteStatement set_engine_;
  SqliteStatement set_replacement_;
  SqliteStatement set_execute_input_;
  SqliteStatement set_execute_result_;
  SqliteStatement set_error_;
  SqliteStatement append_output_;
  SqliteStatement append_attempt_;

  std::unordered_map<std::string, Place> unfinished_;  // by msg_id

  // The present group; kept for the memory.
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> slots_;  // hash table: index into pending_ plus one
  std::vector<Pending*> order_;       // in which records were first known
  std::vector<Columns> columns_;      // of the present chunk
  std::vector<NewMessage> messages_;  // of the present chunk
  std::int64_t next_id_ = 0;          // 0: not known yet
};

}  // namespace trireme
