// Many rows into one table by few statements: what a statement costs is paid once for them all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "db/sqlite_connection.hpp"

namespace trireme {

/// Inserts rows of one shape. Add rows until it is full, then write; what is bound must live until
/// then. Rows are written in the order in which they were added.
class SqliteRows {
 public:
  static constexpr std::size_t kRowsMax = 32;

  /// `insert` is the statement up to VALUES, `columns` the number of values of a row.
  SqliteRows(SqliteConnection& connection, const std::string& insert, int columns);

  /// A row to bind values to, positions counting from 1; what is not bound is null.
  class Row {
   public:
    Row(SqliteStatement& statement, int offset) : statement_(statement), offset_(offset) {}
    Row& integer(int position, std::int64_t value) {
      statement_.bind_integer(offset_ + position, value);
      return *this;
    }
    Row& text(int position, std::optional<std::string_view> value) {
      if (value) statement_.bind_text(offset_ + position, *value);
      return *this;
    }
    Row& blob(int position, std::string_view value) {
      statement_.bind_blob(offset_ + position, value);
      return *this;
    }

   private:
    SqliteStatement& statement_;
    int offset_;
  };

  /// Calls bind(row, i) for i from 0 to count - 1 and inserts the rows; `after(first, end)` is
  /// called when those from `first` up to `end` are inserted.
  template <class Bind, class After>
  void write(std::size_t count, const Bind& bind, const After& after) {
    for (std::size_t first = 0; first < count && !connection_.failed();) {
      const std::size_t size = size_for(count - first);
      SqliteStatement& statement = statement_for(size).start();
      for (std::size_t i = 0; i < size; ++i) {
        bind(Row(statement, static_cast<int>(i) * columns_), first + i);
      }
      statement.run();
      after(first, first + size);
      first += size;
    }
  }

 private:
  static constexpr std::size_t kSizes = 6;  // 1, 2, 4, ... kRowsMax rows

  static std::size_t size_for(std::size_t count);
  SqliteStatement& statement_for(std::size_t size);

  SqliteConnection& connection_;
  std::string insert_;
  int columns_;
  std::array<std::optional<SqliteStatement>, kSizes> statements_;
};

}  // namespace trireme
