// The tables of the task database and how older files are brought up to date.
//
//   records   one row a task, `id` in order of insertion; small columns named as in db/column.hpp,
//             dates as microseconds since 1970 UTC; ended_ok is null until the task has ended
//   messages  the request of record r in row 2r and its result in row 2r + 1: JSON texts, and
//             buffers as pack_buffers() in db/sqlite_buffers.hpp writes them
//   buffers   large buffers of messages by position, and which contents they have
//   contents  bytes of large buffers, each once however many messages have them, found by a
//             number (db/content_hash.hpp);
//             what no buffer names any longer is deleted with the last record that did.
//             Where `segment` is not null, `bytes` is empty and the content lies in a segment
//             (db/content_segments.hpp): `size` bytes at `offset`
//   holes     room in segments that deleted contents had and that is yet to be given back
//   identity  one row: the id of this database, by which it knows its segments
//   outputs   pieces of stdout (stream 1) and stderr (stream 2) in order of `id`, so that output
//             is appended and never rewritten
//   attempts  attempts at tasks after which there was another one, in order of `id`: the engine,
//             when it ended and how; a task that ends with its first attempt has none
//
// A record is small so that looking through all of them is quick: the only indexes on records are
// those of its id, of its msg_id and of what has not been completed. Each other one would cost
// every task more than it gives the few questions that could use it.
//
// Versions before 4 were never released and are refused.
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
/// it is newer or older than the first migration, kBadFormat when it is another program's, else
/// what the database says.
Result<void> prepare_schema(SqliteConnection& connection,
                            std::span<const Migration> migrations = task_migrations());

}  // namespace trireme
