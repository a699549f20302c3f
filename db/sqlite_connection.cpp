#include "db/sqlite_connection.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace trireme {
namespace {

constexpr int kPageBytes = 16384;  // of a new file
constexpr int kCacheKibibytes = 8192;
constexpr std::int64_t kJournalBytesKept = std::int64_t{64} << 20;

std::string sentence(const std::filesystem::path& file, std::string_view what) {
  return "the task database " + file.string() + " " + std::string(what);
}

/// Makes the file when there is none, readable by its owner only: records hold what tasks hold. A
/// file that is there is not opened: closing it would drop the locks of this process on it.
Result<void> ensure_file(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    ::close(descriptor);
    return {};
  }
  const int reason = errno;
  const std::string why = std::string("(") + std::strerror(reason) + ")";
  switch (reason) {
    case ENOENT:
      return Error{ErrorCode::kNotFound,
                   sentence(file, "is in a folder that does not exist; make it first")};
    case EACCES:
    case EPERM:
    case EROFS:
      return Error{ErrorCode::kPermission,
                   sentence(file, "cannot be written " + why +
                                      "; change its permissions or choose another place")};
    case EEXIST: {
      std::error_code ignored;
      if (!std::filesystem::is_directory(file, ignored)) return {};
      return Error{ErrorCode::kBadFormat, sentence(file, "is a folder; choose another name")};
    }
    default:
      return Error{ErrorCode::kIo, sentence(file, "cannot be opened " + why)};
  }
}

}  // namespace

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement& SqliteStatement::operator=(SqliteStatement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(statement_, other.statement_);
  return *this;
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::start() {
  sqlite3_reset(statement_);  // repeats an earlier failure, which is known already
  if (statement_ != nullptr) sqlite3_clear_bindings(statement_);
  return *this;
}

SqliteStatement& SqliteStatement::bind_null(int position) {
  if (!connection_->failed()) connection_->fail(sqlite3_bind_null(statement_, position));
  return *this;
}

SqliteStatement& SqliteStatement::bind_integer(int position, std::int64_t value) {
  if (!connection_->failed()) connection_->fail(sqlite3_bind_int64(statement_, position, value));
  return *this;
}

SqliteStatement& SqliteStatement::bind_text(int position, std::string_view text) {
  if (connection_->failed()) return *this;
  const char* data = text.data() == nullptr ? "" : text.data();  // null would bind NULL
  connection_->fail(
      sqlite3_bind_text64(statement_, position, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

SqliteStatement& SqliteStatement::bind_blob(int position, std::string_view bytes) {
  if (connection_->failed()) return *this;
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  connection_->fail(sqlite3_bind_blob64(statement_, position, data, bytes.size(), SQLITE_STATIC));
  return *this;
}

bool SqliteStatement::step() {
  if (connection_->failed()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_->fail(code);
  sqlite3_reset(statement_);
  return false;
}

bool SqliteStatement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view SqliteStatement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view SqliteStatement::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

namespace {

// Nobody asks SQLite how much memory it uses, and counting costs a lock at every allocation. Can be
// told only before its first use in the process; later it is refused, which is no harm.
void stop_counting_memory() {
  [[maybe_unused]] static const int told = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

}  // namespace

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(
    const std::filesystem::path& file, const SqliteConnectionOptions& options) {
  stop_counting_memory();
  if (Result<void> ensured = ensure_file(file); !ensured) return ensured.error();
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(database, file));
  connection->fail(code);
  if (Result<void> configured = connection->configure(options); !configured) {
    return configured.error();
  }
  return connection;
}

SqliteConnection::SqliteConnection(sqlite3* database, std::filesystem::path file)
    : database_(database), file_(std::move(file)) {}

SqliteConnection::~SqliteConnection() { sqlite3_close_v2(database_); }

Result<void> SqliteConnection::configure(const SqliteConnectionOptions& options) {
  if (failed()) return take_failure();
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, static_cast<int>(options.busy_timeout.count()));
  read_integer("PRAGMA schema_version");  // the first look into the file
  if (!failed() && sqlite3_db_readonly(database_, "main") == 1) fail(SQLITE_READONLY);
  syncs_commits_ = options.sync_commits;
  execute(options.sync_commits ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  execute(("PRAGMA page_size = " + std::to_string(kPageBytes)).c_str());
  execute(("PRAGMA cache_size = -" + std::to_string(kCacheKibibytes)).c_str());
  execute(("PRAGMA journal_size_limit = " + std::to_string(kJournalBytesKept)).c_str());
  // Instead of SQLite's own hook, which would take the log over in the midst of a commit.
  sqlite3_wal_hook(
      database_,
      [](void* connection, sqlite3*, const char*, int pages) {
        static_cast<SqliteConnection*>(connection)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return take_failure();
}

bool SqliteConnection::take_log_over() {
  if (failed()) return false;
  log_pages_ = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(database_, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  return code == SQLITE_OK || code == SQLITE_BUSY;
}

SqliteStatement SqliteConnection::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (!failed()) {
    fail(sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                            SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  }
  return {this, statement};
}

void SqliteConnection::execute(const char* sql) {
  if (!failed()) fail(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr));
}

std::int64_t SqliteConnection::read_integer(std::string_view sql) {
  SqliteStatement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::int64_t SqliteConnection::read_integer(SqliteStatement& statement) {
  if (!statement.start().step()) return 0;
  const std::int64_t value = statement.integer(0);
  statement.start();
  return value;
}

Result<void> SqliteConnection::use_write_ahead_log() {
  execute("PRAGMA journal_mode = WAL");
  return take_failure();
}

void SqliteConnection::begin() { execute("BEGIN IMMEDIATE"); }

void SqliteConnection::commit() { execute("COMMIT"); }

void SqliteConnection::roll_back() {
  if (sqlite3_get_autocommit(database_) == 0) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> SqliteConnection::take_failure() {
  if (!failure_) return {};
  return *std::exchange(failure_, std::nullopt);
}

Result<void> SqliteConnection::finish() {
  commit();
  roll_back();
  return take_failure();
}

std::int64_t SqliteConnection::last_insert_id() const {
  return sqlite3_last_insert_rowid(database_);
}

std::int64_t SqliteConnection::changes() const { return sqlite3_changes64(database_); }

void SqliteConnection::fail_as_damaged() { fail(SQLITE_CORRUPT); }

void SqliteConnection::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
}

void SqliteConnection::fail(int code) {
  if (code != SQLITE_OK && !failure_) failure_ = describe(code);
}

Error SqliteConnection::describe(int code) const {
  const bool has_detail =
      database_ != nullptr && (sqlite3_errcode(database_) & 0xff) == (code & 0xff);
  const std::string why =
      std::string("(") + (has_detail ? sqlite3_errmsg(database_) : sqlite3_errstr(code)) + ")";
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kBusy, sentence(file_, "is locked by another program " + why +
                                                    "; close it or choose another file")};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::kBadFormat,
              sentence(file_, "is damaged or no database " + why +
                                  "; move it away and a new one will be made")};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return {ErrorCode::kPermission,
              sentence(file_, "cannot be written " + why +
                                  "; change the permissions of it and its folder")};
    case SQLITE_FULL:
      return {ErrorCode::kIo, sentence(file_, "cannot grow " + why + "; make room on the disk")};
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_PROTOCOL:
      return {ErrorCode::kIo, sentence(file_, "cannot be read or written " + why)};
    case SQLITE_TOOBIG:
      return {ErrorCode::kTooLarge, sentence(file_, "cannot hold so large a value " + why)};
    default:
      return {ErrorCode::kInternal, sentence(file_, "refused a statement " + why)};
  }
}

}  // namespace trireme
