// One SQLite database file and its statements, with failures that stick until they are taken.
//
// Code above reads as if nothing could fail: after the first failure every further step does
// nothing and returns no row, and who began the work asks take_failure() once, at its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "session/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace trireme {

class SqliteConnection;

/// A prepared statement. Bound texts and blobs are not copied: they must live until the statement
/// is stepped to its end or started again. Positions of bindings count from 1, of columns from 0.
class SqliteStatement {
 public:
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) noexcept;
  ~SqliteStatement();

  /// Forgets rows and bindings of the run before. Call it first in every run.
  SqliteStatement& start();
  SqliteStatement& bind_null(int position);
  SqliteStatement& bind_integer(int position, std::int64_t value);
  SqliteStatement& bind_text(int position, std::string_view text);
  SqliteStatement& bind_blob(int position, std::string_view bytes);

  /// Goes to the next row; false at the end, which also resets the statement, and after failures.
  bool step();
  /// Runs a statement that gives no rows, to its end.
  void run() {
    while (step()) {
    }
  }

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  /// Valid until the next step.
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

 private:
  friend class SqliteConnection;
  SqliteStatement(SqliteConnection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}

  SqliteConnection* connection_;
  sqlite3_stmt* statement_;
};

struct SqliteConnectionOptions {
  std::chrono::milliseconds busy_timeout{2000};  // how long to wait for another program's lock
  bool sync_commits = false;  // true: a commit survives loss of power, not only of the process
};

/// An open database. Used by one thread at a time; statements must go before it.
class SqliteConnection {
 public:
  /// Opens or creates (mode 0600) the file and checks that it can be read and written. kNotFound
  /// (no such folder), kPermission, kBusy, kBadFormat or kIo.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::filesystem::path& file,
                                                        const SqliteConnectionOptions& options);
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  /// Lets readers read while a transaction is written. Changes the file: first make sure it is
  /// ours.
  Result<void> use_write_ahead_log();

  SqliteStatement prepare(std::string_view sql);
  /// Runs statements that take nothing and give nothing.
  void execute(const char* sql);
  /// The single integer a statement gives; 0 after failures and without a row.
  std::int64_t read_integer(std::string_view sql);
  std::int64_t read_integer(SqliteStatement& statement);

  void begin();  // takes the write lock at once
  void commit();
  /// Ends the transaction, if one is open, without a trace; works after failures.
  void roll_back();

  bool failed() const noexcept { return failure_.has_value(); }
  /// The first failure since the last call, and forgets it.
  Result<void> take_failure();
  /// Commits, or rolls back when something failed meanwhile or the commit does.
  Result<void> finish();

  std::int64_t last_insert_id() const;
  /// Rows that the last statement inserted, changed or deleted.
  std::int64_t changes() const;
  /// Makes the failure stick that what was read cannot be right.
  void fail_as_damaged();
  /// Makes a failure outside the database stick, unless there is one already.
  void fail(Error error);

  /// Whether a commit is on the disk when it returns.
  bool syncs_commits() const noexcept { return syncs_commits_; }
  /// Pages that lie in the log and not yet in the file, after the last commit. Nobody takes them
  /// over unless asked to.
  int log_pages() const noexcept { return log_pages_; }
  /// Takes the log over into the file, both synchronised, as far as no reader is in the way. False
  /// when the disk refuses; that does not stick.
  bool take_log_over();
  const std::filesystem::path& file() const noexcept { return file_; }

 private:
  friend class SqliteStatement;
  SqliteConnection(sqlite3* database, std::filesystem::path file);
  /// Keeps the failure of a call that returned `code`, unless there is one already.
  void fail(int code);
  Error describe(int code) const;
  Result<void> configure(const SqliteConnectionOptions& options);

  sqlite3* database_;
  std::filesystem::path file_;
  bool syncs_commits_ = false;
  int log_pages_ = 0;
  std::optional<Error> failure_;
};

}  // namespace trireme
