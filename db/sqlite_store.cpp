#include "db/sqlite_store.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "db/answer_size.hpp"
#include "db/schema.hpp"
#include "db/sqlite_buffers.hpp"
#include "db/sqlite_column.hpp"
#include "db/sqlite_contents.hpp"
#include "db/sqlite_filter.hpp"
#include "db/sqlite_writer.hpp"

namespace trireme {
namespace {

constexpr std::int64_t kStdoutStream = 1;

/// Tables of the connection alone: which records a purge takes, which contents may be loose then.
constexpr const char* kWorkTables =
    "CREATE TEMP TABLE doomed (record INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE loose (content INTEGER PRIMARY KEY);";

/// Sets one column of a record from a row; buffers are read by who knows them.
struct ColumnReader {
  const SqliteStatement& row;
  int position;
  TaskRecord& record;

  void operator()(MsgId TaskRecord::*member) const { record.*member = MsgId(row.text(position)); }
  void operator()(std::optional<std::string> TaskRecord::*member) const {
    if (!row.is_null(position)) record.*member = std::string(row.text(position));
  }
  void operator()(std::optional<Timestamp> TaskRecord::*member) const {
    if (row.is_null(position)) return;
    record.*member = Timestamp(std::chrono::microseconds(row.integer(position)));
  }
  void operator()(std::string TaskRecord::*) const {}
  void operator()(Frames TaskRecord::*) const {}
};

/// The table that a column is read from, as find() names it; empty when it is read apart.
std::string_view table_of(SqliteHome home) {
  switch (home) {
    case SqliteHome::kRecord:
      return "records";
    case SqliteHome::kRequest:
      return "request";
    case SqliteHome::kResult:
      return "result";
    case SqliteHome::kOutput:
    case SqliteHome::kAttempts:
      break;
  }
  return {};
}

/// The columns that find() selects, in order.
std::vector<const ColumnInfo*> selected_columns(const Columns& needed) {
  std::vector<const ColumnInfo*> selected;
  for (const ColumnInfo& info : kColumns) {
    const bool lies_in_a_row = !table_of(sqlite_column(info.column).home).empty();
    if (needed.has(info.column) && lies_in_a_row) selected.push_back(&info);
  }
  return selected;
}

std::string select_sql(std::span<const ColumnInfo* const> selected, const SqliteFilter& filter) {
  std::string sql = "SELECT records.id";
  bool needs_request = false;
  bool needs_result = false;
  for (const ColumnInfo* info : selected) {
    const SqliteColumn place = sqlite_column(info->column);
    needs_request |= place.home == SqliteHome::kRequest;
    needs_result |= place.home == SqliteHome::kResult;
    sql += ", " + std::string(table_of(place.home)) + "." + std::string(place.name);
  }
  sql += " FROM records";
  if (needs_request) sql += " LEFT JOIN messages AS request ON request.id = 2 * records.id";
  if (needs_result) sql += " LEFT JOIN messages AS result ON result.id = 2 * records.id + 1";
  // The inner SELECT is free to use an index; the outer one then goes by id without sorting rows.
  if (!filter.where.empty()) {
    sql += " WHERE records.id IN (SELECT id FROM records WHERE " + filter.where + ")";
  }
  return sql + " ORDER BY records.id";
}

/// A purge in two halves: which records, and their end.
constexpr std::array kEraseDoomed{
    "DELETE FROM outputs WHERE record IN (SELECT record FROM temp.doomed)",
    "DELETE FROM attempts WHERE record IN (SELECT record FROM temp.doomed)",
    "DELETE FROM messages WHERE id IN (SELECT 2 * record FROM temp.doomed"
    " UNION ALL SELECT 2 * record + 1 FROM temp.doomed)",
    "DELETE FROM records WHERE id IN (SELECT record FROM temp.doomed)",
    "DELETE FROM temp.doomed",
};

}  // namespace

/// Everything that needs the open database, in the order it depends on each other.
struct SqliteStore::Parts {
  Parts(std::unique_ptr<SqliteConnection> opened, ContentDisk& disk)
      : connection(std::move(opened)),
        contents(*connection, disk),
        buffers(*connection, contents),
        writer(*connection, buffers),
        outputs(
            connection->prepare("SELECT stream, text FROM outputs WHERE record = ? ORDER BY id")),
        attempts(connection->prepare(
            "SELECT number, engine, ended, how FROM attempts WHERE record = ? ORDER BY id")),
        outcome(
            connection->prepare("SELECT ended_ok, engine_uuid FROM records"
                                " WHERE msg_id = ? AND queue = 'task' AND ended_ok IS NOT NULL")) {}

  /// Reads the columns that do not lie in the row.
  void read_apart(std::int64_t id, const Columns& columns, TaskRecord& record);
  std::optional<std::string> read_attempts(std::int64_t id);
  /// Deletes the records in the table `doomed` and ends the transaction.
  Result<void> finish_purge();
  /// Commits what was written, or rolls it back.
  Result<void> finish_writing();

  std::unique_ptr<SqliteConnection> connection;
  SqliteContents contents;
  SqliteBuffers buffers;
  SqliteWriter writer;
  SqliteStatement outputs;
  SqliteStatement attempts;
  SqliteStatement outcome;
};

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& file,
                                                       const SqliteConnectionOptions& options,
                                                       ContentDisk& disk) {
  Result<std::unique_ptr<SqliteConnection>> opened = SqliteConnection::open(file, options);
  if (!opened) return opened.error();
  SqliteConnection& connection = **opened;
  if (Result<void> prepared = prepare_schema(connection); !prepared) return prepared.error();
  if (Result<void> logging = connection.use_write_ahead_log(); !logging) return logging.error();
  connection.execute(kWorkTables);
  auto parts = std::make_unique<Parts>(std::move(*opened), disk);
  if (Result<void> made = parts->connection->take_failure(); !made) return made.error();
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SqliteStore::~SqliteStore() = default;

Result<void> SqliteStore::apply(std::span<const RecordChange> changes) {
  parts_->connection->begin();
  parts_->writer.apply(changes);
  Result<void> finished = parts_->finish_writing();
  if (finished) parts_->contents.maintain();
  return finished;
}

Result<void> SqliteStore::Parts::finish_writing() {
  contents.before_commit();
  Result<void> finished = connection->finish();
  if (!finished) {
    writer.forget();
    contents.rolled_back();
    return finished;
  }
  contents.committed();
  return finished;
}

Result<std::optional<TaskRecord>> SqliteStore::get(const MsgId& msg_id) {
  Result<std::vector<TaskRecord>> found =
      find(Query::with_ids(std::span(&msg_id, 1)), Columns::all());
  if (!found) return found.error();
  if (found->empty()) return std::optional<TaskRecord>();
  return std::optional<TaskRecord>(std::move(found->front()));
}

Result<std::vector<TaskRecord>> SqliteStore::find(const Query& query, const Columns& columns,
                                                  std::uint64_t bytes_max) {
  const SqliteFilter filter = compile_filter(query);
  const Columns needed = columns | filter.rest.columns() | Columns::of({Column::kMsgId});
  const std::vector<const ColumnInfo*> selected = selected_columns(needed);
  std::vector<TaskRecord> found;
  AnswerSize size(bytes_max);
  Result<void> fits;
  SqliteConnection& connection = *parts_->connection;
  connection.execute("BEGIN");  // one snapshot for the rows and what lies apart
  {
    SqliteStatement rows = connection.prepare(select_sql(selected, filter));
    rows.start();
    filter.bind(rows);
    while (fits && rows.step()) {
      TaskRecord record;
      const std::int64_t id = rows.integer(0);
      for (int position = 1; const ColumnInfo* info : selected) {
        if (info->kind == ColumnKind::kBuffers) {
          const bool is_request = info->column == Column::kBuffers;
          (is_request ? record.buffers : record.result_buffers) = parts_->buffers.read(
              2 * id + (is_request ? 0 : 1), rows.blob(position), record.damage);
        } else {
          std::visit(ColumnReader{rows, position, record}, info->member);
        }
        ++position;
      }
      parts_->read_apart(id, needed, record);
      if (!matches(filter.rest, record)) continue;
      keep_columns(record, columns);
      fits = size.add(record);
      found.push_back(std::move(record));
    }
  }
  if (Result<void> finished = connection.finish(); !finished) return finished.error();
  if (!fits) return fits.error();
  return found;
}

void SqliteStore::Parts::read_apart(std::int64_t id, const Columns& columns, TaskRecord& record) {
  if (columns.has(Column::kAttempts)) record.attempts = read_attempts(id);
  if (!columns.has(Column::kStdout) && !columns.has(Column::kStderr)) return;
  outputs.start().bind_integer(1, id);
  while (outputs.step()) {
    const bool is_stdout = outputs.integer(0) == kStdoutStream;
    (is_stdout ? record.stdout_text : record.stderr_text) += outputs.text(1);
  }
}

std::optional<std::string> SqliteStore::Parts::read_attempts(std::int64_t id) {
  std::optional<std::string> list;
  attempts.start().bind_integer(1, id);
  while (attempts.step()) {
    append_attempt(list, {{},
                          static_cast<std::uint32_t>(attempts.integer(0)),
                          EngineUuid(attempts.text(1)),
                          Timestamp(std::chrono::microseconds(attempts.integer(2))),
                          std::string(attempts.text(3))});
  }
  return list;
}

Result<std::vector<MsgId>> SqliteStore::history() {
  std::vector<MsgId> ids;
  SqliteConnection& connection = *parts_->connection;
  {
    SqliteStatement rows = connection.prepare(
        "SELECT msg_id FROM records WHERE submitted IS NOT NULL ORDER BY submitted, id");
    while (rows.step()) ids.emplace_back(rows.text(0));
  }
  if (Result<void> read = connection.take_failure(); !read) return read.error();
  return ids;
}

Result<std::vector<TaskOutcome>> SqliteStore::outcomes(std::span<const MsgId> ids) {
  std::vector<TaskOutcome> found;
  SqliteStatement& row = parts_->outcome;
  for (const MsgId& id : ids) {
    row.start().bind_text(1, id.view());
    if (!row.step()) continue;
    TaskOutcome outcome{id, row.integer(0) != 0, std::nullopt};
    if (!row.is_null(1)) outcome.engine = EngineUuid(row.text(1));
    found.push_back(std::move(outcome));
    row.start();
  }
  if (Result<void> read = parts_->connection->take_failure(); !read) return read.error();
  return found;
}

Result<void> SqliteStore::purge_completed() {
  parts_->connection->begin();
  parts_->connection->execute(
      "INSERT INTO temp.doomed SELECT id FROM records WHERE completed IS NOT NULL");
  return parts_->finish_purge();
}

Result<void> SqliteStore::purge(std::span<const MsgId> ids) {
  parts_->connection->begin();
  SqliteStatement choose = parts_->connection->prepare(
      "INSERT OR IGNORE INTO temp.doomed SELECT id FROM records WHERE msg_id = ?");
  for (const MsgId& id : ids) choose.start().bind_text(1, id.view()).run();
  return parts_->finish_purge();
}

Result<void> SqliteStore::purge_engine(const EngineUuid& engine) {
  parts_->connection->begin();
  parts_->connection
      ->prepare(
          "INSERT INTO temp.doomed SELECT id FROM records"
          " WHERE engine_uuid = ? AND completed IS NOT NULL")
      .start()
      .bind_text(1, engine.view())
      .run();
  return parts_->finish_purge();
}

Result<void> SqliteStore::Parts::finish_purge() {
  buffers.erase_doomed();
  writer.forget();
  for (const char* sql : kEraseDoomed) connection->execute(sql);
  Result<void> finished = finish_writing();
  if (finished) contents.maintain_after_purge();
  return finished;
}

bool SqliteStore::use_pause() {
  const bool has_more = parts_->contents.use_pause();
  // What failed is tried again with the next group, which tells of it if it fails as well.
  return parts_->connection->take_failure() && has_more;
}

Result<std::uint64_t> SqliteStore::count() {
  const std::int64_t count = parts_->connection->read_integer("SELECT count(*) FROM records");
  if (Result<void> read = parts_->connection->take_failure(); !read) return read.error();
  return static_cast<std::uint64_t>(count);
}

}  // namespace trireme
