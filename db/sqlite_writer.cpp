#include "db/sqlite_writer.hpp"

#include <string_view>
#include <unordered_map>
#include <vector>

namespace trireme {
namespace {

constexpr std::int64_t kStdoutStream = 1;
constexpr std::int64_t kStderrStream = 2;

/// Binds one column of a record to a statement.
struct ColumnBinder {
  SqliteStatement& statement;
  int position;
  const TaskRecord& record;

  void operator()(MsgId TaskRecord::*member) const {
    statement.bind_text(position, (record.*member).view());
  }
  void operator()(std::optional<std::string> TaskRecord::*member) const {
    const auto& value = record.*member;
    if (value) statement.bind_text(position, *value);
  }
  void operator()(std::optional<Timestamp> TaskRecord::*member) const {
    const auto& value = record.*member;
    if (value) statement.bind_integer(position, value->time_since_epoch().count());
  }
  void operator()(std::string TaskRecord::*) const {}
  void operator()(Frames TaskRecord::*) const {}
};

std::string insert_sql() {
  std::string names;
  std::string values;
  for (const ColumnInfo& info : kColumns) {
    if (!is_row_column(info)) continue;
    names += std::string(info.name) + ", ";
    values += "?, ";
  }
  return "INSERT INTO records (" + names + "ended_ok) VALUES (" + values + "?)";
}

void bind_ended(SqliteStatement& statement, int position, const RecordPatch& patch) {
  if (patch.ended_ok) statement.bind_integer(position, *patch.ended_ok ? 1 : 0);
}

}  // namespace

bool is_row_column(const ColumnInfo& column) {
  return column.kind != ColumnKind::kBuffers && column.column != Column::kStdout &&
         column.column != Column::kStderr && column.column != Column::kAttempts;
}

/// What a group does to one record, before it is written.
struct SqliteWriter::Pending {
  std::int64_t record = 0;  // 0: not in the database yet
  bool is_known = false;    // in the database, or made by this group
  RecordPatch patch;
};

SqliteWriter::SqliteWriter(SqliteConnection& connection, SqliteBuffers& buffers)
    : connection_(connection),
      buffers_(buffers),
      find_(connection.prepare("SELECT id FROM records WHERE msg_id = ?")),
      insert_(connection.prepare(insert_sql())),
      append_(connection.prepare("INSERT INTO outputs (record, stream, text) VALUES (?, ?, ?)")),
      append_attempt_(connection.prepare(
          "INSERT INTO attempts (record, number, engine, ended, how) VALUES (?, ?, ?, ?, ?)")) {}

void SqliteWriter::apply(std::span<const RecordChange> changes) {
  std::unordered_map<std::string_view, Pending> pending;  // keys live in `changes`
  std::vector<Pending*> order;                            // in which records were first known
  for (const RecordChange& change : changes) {
    const MsgId& id = changed_record(change);
    const auto [at, is_new] = pending.try_emplace(id.view());
    Pending& entry = at->second;
    if (is_new) {
      entry.record = find_record(id);
      entry.is_known = entry.record != 0;
      if (entry.is_known) order.push_back(&entry);
    }
    if (!entry.is_known && creates_record(change)) {
      entry.is_known = true;
      order.push_back(&entry);
    }
    if (entry.is_known) add_change(entry.patch, change);
  }
  for (const Pending* entry : order) write(*entry);
}

std::int64_t SqliteWriter::find_record(const MsgId& msg_id) {
  find_.start().bind_text(1, msg_id.view());
  if (!find_.step()) return 0;
  const std::int64_t id = find_.integer(0);
  find_.start();
  return id;
}

void SqliteWriter::write(const Pending& pending) {
  const RecordPatch& patch = pending.patch;
  const bool is_new = pending.record == 0;
  const std::int64_t record = is_new ? insert_row(patch) : pending.record;
  if (!is_new) update_row(record, patch);
  const auto write_buffers = [&](Column column, BufferSide side, const Frames& frames) {
    if (!patch.columns.has(column)) return;
    if (is_new) {
      buffers_.insert(record, side, frames);
    } else {
      buffers_.replace(record, side, frames);
    }
  };
  write_buffers(Column::kBuffers, BufferSide::kRequest, patch.values.buffers);
  write_buffers(Column::kResultBuffers, BufferSide::kResult, patch.values.result_buffers);
  append_output(record, kStdoutStream, patch.values.stdout_text);
  append_output(record, kStderrStream, patch.values.stderr_text);
  for (const AttemptEnded& attempt : patch.attempts) append_attempt(record, attempt);
}

std::int64_t SqliteWriter::insert_row(const RecordPatch& patch) {
  insert_.start();
  int position = 1;
  for (const ColumnInfo& info : kColumns) {
    if (!is_row_column(info)) continue;
    std::visit(ColumnBinder{insert_, position++, patch.values}, info.member);
  }
  bind_ended(insert_, position, patch);
  insert_.run();
  return connection_.last_insert_id();
}

void SqliteWriter::update_row(std::int64_t record, const RecordPatch& patch) {
  if (patch.columns.empty()) return;
  SqliteStatement& statement = update_statement(patch);
  statement.start().bind_integer(1, record);
  bind_ended(statement, 2, patch);
  int position = 3;
  for (const ColumnInfo& info : kColumns) {
    if (!is_row_column(info) || !patch.columns.has(info.column)) continue;
    std::visit(ColumnBinder{statement, position++, patch.values}, info.member);
  }
  statement.run();
  if (connection_.failed()) updates_.clear();  // a statement may have failed to be prepared
}

SqliteStatement& SqliteWriter::update_statement(const RecordPatch& patch) {
  std::string sql = "UPDATE records SET ended_ok = coalesce(?2, ended_ok)";
  int position = 3;
  for (const ColumnInfo& info : kColumns) {
    if (!is_row_column(info) || !patch.columns.has(info.column)) continue;
    sql += ", " + std::string(info.name) + " = ?" + std::to_string(position++);
  }
  sql += " WHERE id = ?1";
  const auto found = updates_.find(sql);
  if (found != updates_.end()) return found->second;
  SqliteStatement statement = connection_.prepare(sql);
  return updates_.emplace(std::move(sql), std::move(statement)).first->second;
}

void SqliteWriter::append_output(std::int64_t record, std::int64_t stream,
                                 const std::string& text) {
  if (text.empty()) return;
  append_.start().bind_integer(1, record).bind_integer(2, stream).bind_text(3, text).run();
}

void SqliteWriter::append_attempt(std::int64_t record, const AttemptEnded& attempt) {
  append_attempt_.start()
      .bind_integer(1, record)
      .bind_integer(2, attempt.number)
      .bind_text(3, attempt.engine.view())
      .bind_integer(4, attempt.ended.time_since_epoch().count())
      .bind_text(5, attempt.end)
      .run();
}

}  // namespace trireme
