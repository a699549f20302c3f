#include "db/sqlite_rows.hpp"

#include <algorithm>
#include <bit>

namespace trireme {

SqliteRows::SqliteRows(SqliteConnection& connection, const std::string& insert, int columns)
    : connection_(connection), insert_(insert), columns_(columns) {
  for (std::size_t size = 1; size <= kRowsMax; size *= 2) statement_for(size);
}

std::size_t SqliteRows::size_for(std::size_t count) {
  return std::bit_floor(std::min(count, kRowsMax));
}

SqliteStatement& SqliteRows::statement_for(std::size_t size) {
  std::optional<SqliteStatement>& statement =
      statements_[static_cast<std::size_t>(std::countr_zero(size))];
  if (statement) return *statement;
  std::string row = " (?";
  for (int column = 1; column < columns_; ++column) row += ",?";
  row += ')';
  std::string sql = insert_ + " VALUES" + row;
  for (std::size_t i = 1; i < size; ++i) sql += "," + row;
  statement.emplace(connection_.prepare(sql));
  return *statement;
}

}  // namespace trireme
