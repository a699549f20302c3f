#include "db/sqlite_buffers.hpp"

#include "db/content_hash.hpp"

namespace trireme {

namespace {

constexpr int kTwinsMax = 4;

bool is_shared(const Frame& buffer) { return buffer.size() >= kSharedBufferBytesMin; }

/// Reads numbers and bytes off the front of a packed text.
class Unpacker {
 public:
  explicit Unpacker(std::string_view packed) : rest_(packed) {}

  bool is_empty() const { return rest_.empty(); }
  bool is_damaged() const { return is_damaged_; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    is_damaged_ = true;
    return 0;
  }
  std::string_view bytes(std::uint64_t size) {
    if (size > rest_.size()) {
      is_damaged_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view rest_;
  bool is_damaged_ = false;
};

}  // namespace

std::string pack_buffers(const Frames& buffers) {
  std::string packed;
  std::size_t bytes = 0;
  for (const Frame& buffer : buffers) bytes += 10 + (is_shared(buffer) ? 0 : buffer.size());
  packed.reserve(bytes);
  for (const Frame& buffer : buffers) {
    std::uint64_t number = std::uint64_t{buffer.size()} * 2 + (is_shared(buffer) ? 1 : 0);
    for (; number >= 0x80; number >>= 7) packed += static_cast<char>(0x80 | (number & 0x7f));
    packed += static_cast<char>(number);
    if (!is_shared(buffer)) packed += buffer.view();
  }
  return packed;
}

SqliteBuffers::SqliteBuffers(SqliteConnection& connection)
    : connection_(connection),
      insert_(
          connection.prepare("INSERT INTO buffers (message, position, content) VALUES (?, ?, ?)")),
      find_content_(connection.prepare("SELECT id, bytes FROM contents WHERE hash = ?")),
      insert_content_(connection.prepare("INSERT INTO contents (hash, bytes) VALUES (?, ?)")),
      read_(connection.prepare("SELECT contents.bytes FROM buffers"
                               " JOIN contents ON contents.id = buffers.content"
                               " WHERE buffers.message = ? AND buffers.position = ?")),
      note_loose_(connection.prepare("INSERT OR IGNORE INTO temp.loose"
                                     " SELECT content FROM buffers WHERE message = ?")),
      erase_(connection.prepare("DELETE FROM buffers WHERE message = ?")),
      note_loose_doomed_(connection.prepare(
          "INSERT OR IGNORE INTO temp.loose SELECT content FROM temp.doomed CROSS JOIN buffers"
          " ON message BETWEEN 2 * record AND 2 * record + 1")),
      erase_doomed_(connection.prepare(
          "DELETE FROM buffers WHERE message IN (SELECT 2 * record FROM temp.doomed"
          " UNION ALL SELECT 2 * record + 1 FROM temp.doomed)")),
      erase_loose_(connection.prepare(
          "DELETE FROM contents WHERE id IN (SELECT content FROM temp.loose)"
          " AND NOT EXISTS (SELECT 1 FROM buffers WHERE buffers.content = contents.id)")),
      forget_loose_(connection.prepare("DELETE FROM temp.loose")) {}

void SqliteBuffers::insert(std::int64_t message, const Frames& buffers) {
  std::int64_t position = 0;
  for (const Frame& buffer : buffers) {
    ++position;
    if (!is_shared(buffer)) continue;
    const std::int64_t content = content_id(buffer.view());
    insert_.start()
        .bind_integer(1, message)
        .bind_integer(2, position - 1)
        .bind_integer(3, content)
        .run();
  }
}

void SqliteBuffers::erase(std::int64_t message) {
  note_loose_.start().bind_integer(1, message).run();
  erase_.start().bind_integer(1, message).run();
  erase_loose_contents();
}

Frames SqliteBuffers::read(std::int64_t message, std::string_view packed) {
  Frames buffers;
  Unpacker unpacker(packed);
  while (!unpacker.is_empty() && !unpacker.is_damaged()) {
    const std::uint64_t number = unpacker.number();
    const auto position = static_cast<std::int64_t>(buffers.size());
    buffers.push_back((number & 1) != 0 ? read_shared(message, position)
                                        : Frame::copy_of(unpacker.bytes(number / 2)));
  }
  if (unpacker.is_damaged()) connection_.fail_as_damaged();
  return buffers;
}

Frame SqliteBuffers::read_shared(std::int64_t message, std::int64_t position) {
  read_.start().bind_integer(1, message).bind_integer(2, position);
  if (!read_.step()) {
    connection_.fail_as_damaged();
    return {};
  }
  Frame frame = Frame::copy_of(read_.blob(0));
  read_.start();
  return frame;
}

void SqliteBuffers::erase_doomed() {
  note_loose_doomed_.start().run();
  erase_doomed_.start().run();
  erase_loose_contents();
}

std::int64_t SqliteBuffers::content_id(std::string_view bytes) {
  const auto hash = static_cast<std::int64_t>(content_hash(bytes));
  find_content_.start().bind_integer(1, hash);
  // Others with this number are there by chance or by malice; few are worth a look.
  for (int seen = 0; seen < kTwinsMax && find_content_.step(); ++seen) {
    if (find_content_.blob(1) != bytes) continue;
    const std::int64_t id = find_content_.integer(0);
    find_content_.start();
    return id;
  }
  find_content_.start();
  insert_content_.start().bind_integer(1, hash).bind_blob(2, bytes).run();
  return connection_.last_insert_id();
}

void SqliteBuffers::erase_loose_contents() {
  erase_loose_.start().run();
  forget_loose_.start().run();
}

}  // namespace trireme
