// The tables of the task database and how older files are brought up to date.
//
// Version 1:
//   records   one row a task, `id` in order of insertion; columns named and ordered as in
//             db/column.hpp, dict columns as JSON text, dates as microseconds since 1970 UTC;
//             ended_ok is null until the task has ended
//   outputs   pieces of stdout (stream 1) and stderr (stream 2) in order of `id`, so that output
//             is appended and never rewritten
//   buffers   the buffers of requests (side 0) and results (side 1) by position; small ones lie
//             here in `bytes`, the others in contents
//   contents  bytes of buffers, each once however many buffers have them, found by SHA-256; what
//             no buffer names any longer is deleted with the last record that did
//
// Version 2 adds:
//   attempts  attempts at tasks after which there was another one, in order of `id`: the engine,
//             when it ended and how; a task that ends with its first attempt has none
//
// The file names its kind and version itself: application_id and user_version.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "db/sqlite_connection.hpp"
#include "session/result.hpp"

namespace trireme {

inline constexpr std::int64_t kTaskDatabaseId = 0x54524952;  // "TRIR"

/// Statements that turn a database of version `to` - 1 into one of version `to`.
struct Migration {
  std::int64_t to;
  const char* sql;
};

/// All migrations, oldest first; the last one gives the version this program writes.
std::span<const Migration> task_migrations();

/// Brings the database to the version of the last migration, or leaves it as it is. kVersion when
/// it is newer, kBadFormat when it is another program's, else what the database says.
Result<void> prepare_schema(SqliteConnection& connection,
                            std::span<const Migration> migrations = task_migrations());

}  // namespace trireme
