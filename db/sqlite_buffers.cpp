#include "db/sqlite_buffers.hpp"

#include <openssl/evp.h>

#include <array>

namespace trireme {

/// SHA-256, with everything OpenSSL wants to look up looked up once.
class SqliteBuffers::Hasher {
 public:
  using Digest = std::array<char, 32>;

  Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
    TRIREME_CHECK(algorithm_ != nullptr && context_ != nullptr, "OpenSSL has no SHA-256");
  }
  ~Hasher() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Digest hash(std::string_view bytes) {
    Digest digest;
    const bool done =
        EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1 &&
        EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1 &&
        EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1;
    TRIREME_CHECK(done, "SHA-256 of bytes in memory cannot fail");
    return digest;
  }

 private:
  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

SqliteBuffers::SqliteBuffers(SqliteConnection& connection)
    : connection_(connection),
      hasher_(std::make_unique<Hasher>()),
      insert_small_(connection.prepare(
          "INSERT INTO buffers (record, side, position, bytes) VALUES (?, ?, ?, ?)")),
      insert_shared_(connection.prepare(
          "INSERT INTO buffers (record, side, position, content) VALUES (?, ?, ?, ?)")),
      find_content_(connection.prepare("SELECT id FROM contents WHERE hash = ?")),
      insert_content_(connection.prepare("INSERT INTO contents (hash, bytes) VALUES (?, ?)")),
      read_(connection.prepare(
          "SELECT coalesce(contents.bytes, buffers.bytes) FROM buffers"
          " LEFT JOIN contents ON contents.id = buffers.content"
          " WHERE buffers.record = ? AND buffers.side = ? ORDER BY buffers.position")),
      note_loose_(connection.prepare("INSERT OR IGNORE INTO temp.loose SELECT content FROM buffers"
                                     " WHERE record = ? AND side = ? AND content IS NOT NULL")),
      erase_(connection.prepare("DELETE FROM buffers WHERE record = ? AND side = ?")),
      note_loose_doomed_(connection.prepare(
          "INSERT OR IGNORE INTO temp.loose SELECT content FROM buffers"
          " WHERE record IN (SELECT record FROM temp.doomed) AND content IS NOT NULL")),
      erase_doomed_(connection.prepare(
          "DELETE FROM buffers WHERE record IN (SELECT record FROM temp.doomed)")),
      erase_loose_(connection.prepare(
          "DELETE FROM contents WHERE id IN (SELECT content FROM temp.loose)"
          " AND NOT EXISTS (SELECT 1 FROM buffers WHERE buffers.content = contents.id)")),
      forget_loose_(connection.prepare("DELETE FROM temp.loose")) {}

SqliteBuffers::~SqliteBuffers() = default;

void SqliteBuffers::insert(std::int64_t record, BufferSide side, const Frames& buffers) {
  std::int64_t position = 0;
  for (const Frame& buffer : buffers) {
    const bool is_shared = buffer.size() >= kSharedBufferBytesMin;
    SqliteStatement& statement = is_shared ? insert_shared_ : insert_small_;
    const std::int64_t content = is_shared ? content_id(buffer.view()) : 0;
    statement.start()
        .bind_integer(1, record)
        .bind_integer(2, static_cast<std::int64_t>(side))
        .bind_integer(3, position++);
    if (is_shared) {
      statement.bind_integer(4, content);
    } else {
      statement.bind_blob(4, buffer.view());
    }
    statement.run();
  }
}

void SqliteBuffers::replace(std::int64_t record, BufferSide side, const Frames& buffers) {
  const auto bind = [&](SqliteStatement& statement) -> SqliteStatement& {
    return statement.start().bind_integer(1, record).bind_integer(2,
                                                                  static_cast<std::int64_t>(side));
  };
  bind(note_loose_).run();
  bind(erase_).run();
  insert(record, side, buffers);
  erase_loose_contents();
}

Frames SqliteBuffers::read(std::int64_t record, BufferSide side) {
  Frames buffers;
  read_.start().bind_integer(1, record).bind_integer(2, static_cast<std::int64_t>(side));
  while (read_.step()) buffers.push_back(Frame::copy_of(read_.blob(0)));
  return buffers;
}

void SqliteBuffers::erase_doomed() {
  note_loose_doomed_.start().run();
  erase_doomed_.start().run();
  erase_loose_contents();
}

std::int64_t SqliteBuffers::content_id(std::string_view bytes) {
  const Hasher::Digest digest = hasher_->hash(bytes);
  const std::string_view hash(digest.data(), digest.size());
  find_content_.start().bind_blob(1, hash);
  if (find_content_.step()) {
    const std::int64_t id = find_content_.integer(0);
    find_content_.start();
    return id;
  }
  insert_content_.start().bind_blob(1, hash).bind_blob(2, bytes).run();
  return connection_.last_insert_id();
}

void SqliteBuffers::erase_loose_contents() {
  erase_loose_.start().run();
  forget_loose_.start().run();
}

}  // namespace trireme
