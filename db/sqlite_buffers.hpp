// The buffers of records in SQLite: the same bytes are stored once, however many tasks carry them.
#pragma once

#include <cstdint>
#include <memory>

#include "db/sqlite_connection.hpp"
#include "session/frame.hpp"

namespace trireme {

/// Whose buffers.
enum class BufferSide : std::int64_t { kRequest = 0, kResult = 1 };

/// Buffers below this size lie in the row that names them: an entry in contents would be larger.
inline constexpr std::size_t kSharedBufferBytesMin = 256;

/// Reads and writes the tables buffers and contents (db/schema.hpp) within the caller's
/// transaction; failures stick to the connection. Contents that nothing names any longer go in
/// the same transaction as their last name.
class SqliteBuffers {
 public:
  explicit SqliteBuffers(SqliteConnection& connection);
  ~SqliteBuffers();

  /// Stores buffers of a record that has none on this side.
  void insert(std::int64_t record, BufferSide side, const Frames& buffers);
  /// Stores buffers in place of those the record has.
  void replace(std::int64_t record, BufferSide side, const Frames& buffers);
  Frames read(std::int64_t record, BufferSide side);

  /// Deletes what the records in the table `doomed` have.
  void erase_doomed();

 private:
  class Hasher;

  std::int64_t content_id(std::string_view bytes);
  void erase_loose_contents();

  SqliteConnection& connection_;
  std::unique_ptr<Hasher> hasher_;
  SqliteStatement insert_small_;
  SqliteStatement insert_shared_;
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
