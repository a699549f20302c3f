// The buffers of messages in SQLite: small ones lie with their message, the same large bytes are
// stored once, however many tasks carry them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "db/sqlite_connection.hpp"
#include "db/sqlite_contents.hpp"
#include "session/frame.hpp"

namespace trireme {

/// Buffers below this size lie in the row of their message: that costs less than an entry of
/// their own, and rarely more room.
inline constexpr std::size_t kSharedBufferBytesMin = 1024;

/// The column `buffers` of a message: for each buffer a number of 7-bit groups, lowest first, which
/// is twice its size, plus one when its bytes lie elsewhere; else they follow. Empty for none.
std::string pack_buffers(const Frames& buffers);

/// Reads and writes the table buffers (db/schema.hpp) within the caller's
/// transaction; failures stick to the connection. Contents that nothing names any longer go in
/// the same transaction as their last name.
class SqliteBuffers {
 public:
  SqliteBuffers(SqliteConnection& connection, SqliteContents& contents);

  /// Stores what pack_buffers() leaves out, of a message that has nothing here yet.
  void insert(std::int64_t message, const Frames& buffers);
  /// Deletes what the message has here.
  void erase(std::int64_t message);
  /// All buffers of a message whose column is `packed`; kBadFormat sticks when it is damaged. A
  /// buffer that cannot be read is empty, and the first failure of that kind goes to `damage`.
  Frames read(std::int64_t message, std::string_view packed, std::optional<std::string>& damage);

  /// Deletes what the messages of the records in the table `doomed` have here.
  void erase_doomed();

 private:
  Frame read_shared(std::int64_t message, std::int64_t position,
                    std::optional<std::string>& damage);

  SqliteConnection& connection_;
  SqliteContents& contents_;
  SqliteStatement insert_;
  SqliteStatement find_;
  SqliteStatement note_loose_;
  SqliteStatement erase_;
  SqliteStatement note_loose_doomed_;
  SqliteStatement erase_doomed_;
};

}  // namespace trireme
