#include "db/sqlite_buffers.hpp"

namespace trireme {

namespace {

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

SqliteBuffers::SqliteBuffers(SqliteConnection& connection, SqliteContents& contents)
    : connection_(connection),
      contents_(contents),
      insert_(
          connection.prepare("INSERT INTO buffers (message, position, content) VALUES (?, ?, ?)")),
      find_(connection.prepare("SELECT content FROM buffers WHERE message = ? AND position = ?")),
      note_loose_(connection.prepare("INSERT OR IGNORE INTO temp.loose"
                                     " SELECT content FROM buffers WHERE message = ?")),
      erase_(connection.prepare("DELETE FROM buffers WHERE message = ?")),
      note_loose_doomed_(connection.prepare(
          "INSERT OR IGNORE INTO temp.loose SELECT content FROM temp.doomed CROSS JOIN buffers"
          " ON message BETWEEN 2 * record AND 2 * record + 1")),
      erase_doomed_(connection.prepare(
          "DELETE FROM buffers WHERE message IN (SELECT 2 * record FROM temp.doomed"
          " UNION ALL SELECT 2 * record + 1 FROM temp.doomed)")) {}

void SqliteBuffers::insert(std::int64_t message, const Frames& buffers) {
  std::int64_t position = 0;
  for (const Frame& buffer : buffers) {
    ++position;
    if (!is_shared(buffer)) continue;
    const std::int64_t content = contents_.id_of(buffer.view());
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
  contents_.erase_loose();
}

Frames SqliteBuffers::read(std::int64_t message, std::string_view packed,
                           std::optional<std::string>& damage) {
  Frames buffers;
  Unpacker unpacker(packed);
  while (!unpacker.is_empty() && !unpacker.is_damaged()) {
    const std::uint64_t number = unpacker.number();
    const auto position = static_cast<std::int64_t>(buffers.size());
    buffers.push_back((number & 1) != 0 ? read_shared(message, position, damage)
                                        : Frame::copy_of(unpacker.bytes(number / 2)));
  }
  if (unpacker.is_damaged()) connection_.fail_as_damaged();
  return buffers;
}

Frame SqliteBuffers::read_shared(std::int64_t message, std::int64_t position,
                                 std::optional<std::string>& damage) {
  find_.start().bind_integer(1, message).bind_integer(2, position);
  if (!find_.step()) {
    connection_.fail_as_damaged();
    return {};
  }
  const std::int64_t content = find_.integer(0);
  find_.start();
  Result<Frame> frame = contents_.read(content);
  if (frame) return *std::move(frame);
  if (!damage) damage = frame.error().text;
  return {};
}

void SqliteBuffers::erase_doomed() {
  note_loose_doomed_.start().run();
  erase_doomed_.start().run();
  contents_.erase_loose();
}

}  // namespace trireme
