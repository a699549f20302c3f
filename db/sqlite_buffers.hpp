// The buffers of messages in SQLite: small ones lie with their message, the same large bytes are
// stored once, however many tasks carry them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "db/sqlite_connection.hpp"
#include "session/frame.hpp"

namespace trireme {

/// Buffers below this size lie in the row of their message: that costs less than an entry of
/// their own, and rarely more room.
inline constexpr std::size_t kSharedBufferBytesMin = 1024;

/// The column `buffers` of a message: for each buffer a number of 7-bit groups, lowest first, which
/// is twice its size, plus one when its bytes lie elsewhere; else they follow. Empty for none.
std::string pack_buffers(const Frames& buffers);

/// Reads and writes the tables buffers and contents (db/schema.hpp) within the caller's
/// transaction; failures stick to the connection. Contents that nothing names any longer go in
/// the same transaction as their last name.
class SqliteBuffers {
 public:
  explicit SqliteBuffers(SqliteConnection& connection);

  /// Stores what pack_buffers() leaves out, of a message that has nothing here yet.
  void insert(std::int64_t message, const Frames& buffers);
  /// Deletes what the message has here.
  void erase(std::int64_t message);
  /// All buffers of a message whose column is `packed`; kBadFormat sticks when it is damaged.
  Frames read(std::int64_t message, std::string_view packed);

  /// Deletes what the messages of the records in the table `doomed` have here.
  void erase_doomed();

 private:
  std::int64_t content_id(std::string_view bytes);
  Frame read_shared(std::int64_t message, std::int64_t position);
  void erase_loose_contents();

  SqliteConnection& connection_;
  SqliteStatement insert_;
  SqliteStatement find_content_;
  SqliteStatement insert_content_;
  SqliteStatement read_;
  SqliteStatement note_loose_;
  SqliteStatement erase_;
  SqliteStatement note_loose_doomed_;
  SqliteStatement erase_doomed_;
  SqliteStatement erase_loose_;
  SqliteStatement forget_loose_;
};

}  // namespace trireme
