// Queries as SQL: what SQLite can decide exactly is compiled, the rest is left to matches().
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "db/query.hpp"
#include "db/sqlite_connection.hpp"

namespace trireme {

/// The condition of a SELECT over the table records, and what it leaves open. A record matches
/// the query when the SQL lets it through and matches(rest, record) holds.
struct SqliteFilter {
  std::string where;  // an expression with `?` for each value; empty: every record
  std::vector<std::variant<std::int64_t, std::string>> values;
  Query rest;

  /// Binds the values from position 1 on; the filter must outlive the run.
  void bind(SqliteStatement& statement) const;
};

SqliteFilter compile_filter(const Query& query);

}  // namespace trireme
