#include "db/sqlite_writer.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <utility>

namespace trireme {
namespace {

constexpr std::int64_t kStdoutStream = 1;
constexpr std::int64_t kStderrStream = 2;
constexpr std::size_t kUnfinishedMax = 65536;  // rows remembered
constexpr std::size_t kPendingKept = 8192;     // of a large group not all memory is kept

constexpr int kRecordColumns = 12;
constexpr const char* kInsertRecords =
    "INSERT OR IGNORE INTO records (id, msg_id, submitted, client_uuid, engine_uuid, started,"
    " completed, resubmitted, received, queue, label, ended_ok)";
constexpr int kMessageColumns = 5;
constexpr const char* kInsertMessages =
    "INSERT OR REPLACE INTO messages (id, header, metadata, content, buffers)";

std::int64_t number_of(Timestamp moment) { return moment.time_since_epoch().count(); }

}  // namespace

/// Where a record is and what it has.
struct SqliteWriter::Place {
  std::int64_t id = 0;      // 0: not in the database
  bool has_request = true;  // or may have
  bool has_result = true;   // or may have
};

/// What a group does to one record, before it is written.
struct SqliteWriter::Pending {
  const MsgId* msg_id = nullptr;  // of the first change
  std::size_t hash = 0;
  Place place;
  bool is_sought = false;  // unless it was found, the place is nowhere
  bool is_known = false;   // in the database, or made by this group
  bool is_new = false;     // made by this group, unless a twin turns up
  RecordPatch patch;
  Columns* columns = nullptr;  // while it is written
};

/// What a patch's messages say.
struct SqliteWriter::Columns {
  RequestColumns request;
  ResultColumns result;
};

/// A row of messages to be inserted; its texts lie in the changes.
struct SqliteWriter::NewMessage {
  std::int64_t id;
  std::optional<std::string_view> header;
  std::optional<std::string_view> metadata;
  std::optional<std::string_view> content;
  const Frames* buffers;
  std::string packed;
};

SqliteWriter::SqliteWriter(SqliteConnection& connection, SqliteBuffers& buffers)
    : connection_(connection),
      buffers_(buffers),
      find_(connection.prepare("SELECT id FROM records WHERE msg_id = ?")),
      last_id_(connection.prepare("SELECT max(id) FROM records")),
      insert_records_(connection, kInsertRecords, kRecordColumns),
      insert_messages_(connection, kInsertMessages, kMessageColumns),
      set_request_(connection.prepare("UPDATE records SET submitted = ?2, client_uuid = ?3,"
                                      " queue = ?4, label = ?5 WHERE id = ?1")),
      set_result_(
          connection.prepare("UPDATE records SET started = ?2, completed = ?3, received = ?4,"
                             " ended_ok = ?5, engine_uuid = coalesce(?6, engine_uuid)"
                             " WHERE id = ?1")),
      set_engine_(connection.prepare("UPDATE records SET engine_uuid = ?2 WHERE id = ?1")),
      set_replacement_(connection.prepare("UPDATE records SET resubmitted = ?2 WHERE id = ?1")),
      set_execute_input_(connection.prepare("UPDATE records SET execute_input = ?2 WHERE id = ?1")),
      set_execute_result_(
          connection.prepare("UPDATE records SET execute_result = ?2 WHERE id = ?1")),
      set_error_(connection.prepare("UPDATE records SET error = ?2 WHERE id = ?1")),
      append_output_(
          connection.prepare("INSERT INTO outputs (record, stream, text) VALUES (?, ?, ?)")),
      append_attempt_(connection.prepare(
          "INSERT INTO attempts (record, number, engine, ended, how) VALUES (?, ?, ?, ?, ?)")) {
  columns_.reserve(SqliteRows::kRowsMax);  // what a chunk points to stays where it is
}

SqliteWriter::~SqliteWriter() = default;

void SqliteWriter::apply(std::span<const RecordChange> changes) {
  fold(changes);
  next_id_ = 0;
  for (std::span<Pending*> rest(order_); !rest.empty();) {
    const std::size_t size = std::min(rest.size(), SqliteRows::kRowsMax);
    write(rest.first(size));
    rest = rest.subspan(size);
  }
  order_.clear();
  pending_.clear();
  if (pending_.capacity() > kPendingKept) pending_.shrink_to_fit();
}

void SqliteWriter::forget() { unfinished_.clear(); }

/// Gathers what the changes do to each record they may touch.
void SqliteWriter::fold(std::span<const RecordChange> changes) {
  const std::size_t slot_count = std::bit_ceil(changes.size() * 2 + 1);
  slots_.assign(slot_count, 0);
  pending_.reserve(changes.size());  // what order_ points to stays where it is
  for (const RecordChange& change : changes) {
    Pending& entry = pending_of(changed_record(change), slot_count - 1);
    if (!entry.is_known) {
      const bool creates = creates_record(change);
      if (!entry.is_sought) seek(entry, creates);
      if (entry.place.id == 0 && !creates) continue;
      entry.is_known = true;
      entry.is_new = entry.place.id == 0;
      order_.push_back(&entry);
    }
    add_change(entry.patch, change);
  }
}

SqliteWriter::Pending& SqliteWriter::pending_of(const MsgId& id, std::size_t mask) {
  const std::size_t hash = std::hash<std::string_view>{}(id.view());
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) {
      Pending& entry = pending_.emplace_back();
      slots_[at] = static_cast<std::uint32_t>(pending_.size());
      entry.msg_id = &id;
      entry.hash = hash;
      return entry;
    }
    Pending& entry = pending_[slots_[at] - 1];
    if (entry.hash == hash && *entry.msg_id == id) return entry;
  }
}

/// Finds out where the record is, unless it is about to be made: then that shows when its row is
/// inserted.
void SqliteWriter::seek(Pending& entry, bool is_about_to_be_made) {
  entry.is_sought = true;
  const auto remembered = unfinished_.find(entry.msg_id->str());
  if (remembered != unfinished_.end()) {
    entry.place = remembered->second;
  } else if (!is_about_to_be_made) {
    entry.place.id = find_id(*entry.msg_id);
  }
}

std::int64_t SqliteWriter::find_id(const MsgId& msg_id) {
  find_.start().bind_text(1, msg_id.view());
  if (!find_.step()) return 0;
  const std::int64_t id = find_.integer(0);
  find_.start();
  return id;
}

void SqliteWriter::write(std::span<Pending* const> chunk) {
  std::array<Pending*, SqliteRows::kRowsMax> fresh;
  std::size_t fresh_count = 0;
  columns_.clear();
  for (Pending* entry : chunk) {
    entry->columns = &columns_.emplace_back();
    if (entry->patch.request != nullptr) {
      entry->columns->request = read_request(*entry->patch.request);
    }
    if (entry->patch.result != nullptr) entry->columns->result = read_result(*entry->patch.result);
    if (entry->is_new) fresh[fresh_count++] = entry;
  }
  insert_records(std::span(fresh).first(fresh_count));
  for (Pending* entry : chunk) {
    if (!entry->is_new) update_record(*entry);
    set_rare_columns(*entry);
    note_messages(*entry);
  }
  insert_messages();
  for (const Pending* entry : chunk) {
    write_apart(*entry);
    remember(*entry);
  }
}

void SqliteWriter::insert_records(std::span<Pending* const> fresh) {
  if (fresh.empty()) return;
  if (next_id_ == 0) next_id_ = connection_.read_integer(last_id_) + 1;
  for (Pending* entry : fresh) entry->place = {next_id_++, false, false};
  insert_records_.write(
      fresh.size(), [&](SqliteRows::Row row, std::size_t i) { bind_record(row, *fresh[i]); },
      [&](std::size_t first, std::size_t end) {
        const auto inserted = static_cast<std::size_t>(connection_.changes());
        if (inserted != end - first) find_twins(fresh.subspan(first, end - first));
      });
}

/// Of records that were to be made, some are there already: changes go to those.
void SqliteWriter::find_twins(std::span<Pending* const> fresh) {
  for (Pending* entry : fresh) {
    const std::int64_t id = find_id(*entry->msg_id);
    if (id == entry->place.id) continue;
    entry->place = {id, true, true};
    entry->is_new = false;
  }
}

void SqliteWriter::bind_record(SqliteRows::Row row, const Pending& pending) {
  const RecordPatch& patch = pending.patch;
  row.integer(1, pending.place.id).text(2, pending.msg_id->view());
  if (patch.request != nullptr) {
    const RequestColumns& request = pending.columns->request;
    if (request.submitted) row.integer(3, number_of(*request.submitted));
    row.text(4, request.client_uuid);
    row.text(10, queue_name(patch.request->queue));
    row.text(11, request.label);
  }
  if (patch.engine != nullptr) row.text(5, patch.engine->view());
  if (patch.result != nullptr) {
    const ResultColumns& result = pending.columns->result;
    if (result.started) row.integer(6, number_of(*result.started));
    row.integer(7, number_of(result.completed));
    row.integer(9, number_of(patch.result->received));
    row.integer(12, result.ended_ok ? 1 : 0);
  }
  if (patch.replacement != nullptr) row.text(8, patch.replacement->view());
}

void SqliteWriter::update_record(const Pending& pending) {
  const RecordPatch& patch = pending.patch;
  const std::int64_t id = pending.place.id;
  if (patch.request != nullptr) {
    const RequestColumns& request = pending.columns->request;
    set_request_.start().bind_integer(1, id);
    if (request.submitted) set_request_.bind_integer(2, number_of(*request.submitted));
    if (request.client_uuid) set_request_.bind_text(3, *request.client_uuid);
    set_request_.bind_text(4, queue_name(patch.request->queue));
    if (request.label) set_request_.bind_text(5, *request.label);
    set_request_.run();
  }
  if (patch.result != nullptr) {
    const ResultColumns& result = pending.columns->result;
    set_result_.start().bind_integer(1, id);
    if (result.started) set_result_.bind_integer(2, number_of(*result.started));
    set_result_.bind_integer(3, number_of(result.completed))
        .bind_integer(4, number_of(patch.result->received))
        .bind_integer(5, result.ended_ok ? 1 : 0);
    if (patch.engine != nullptr) set_result_.bind_text(6, patch.engine->view());
    set_result_.run();
  } else if (patch.engine != nullptr) {
    set_engine_.start().bind_integer(1, id).bind_text(2, patch.engine->view()).run();
  }
  if (patch.replacement != nullptr) {
    set_replacement_.start().bind_integer(1, id).bind_text(2, patch.replacement->view()).run();
  }
}

void SqliteWriter::set_rare_columns(const Pending& pending) {
  const auto set = [&](SqliteStatement& statement, const TaskDisplay* display) {
    if (display == nullptr) return;
    const std::optional<std::string> value = read_display(*display);
    statement.start().bind_integer(1, pending.place.id);
    if (value) statement.bind_text(2, *value);
    statement.run();
  };
  set(set_execute_input_, pending.patch.execute_input);
  set(set_execute_result_, pending.patch.execute_result);
  set(set_error_, pending.patch.error);
}

void SqliteWriter::note_messages(const Pending& pending) {
  const std::int64_t request = 2 * pending.place.id;
  if (pending.patch.request != nullptr) {
    if (pending.place.has_request) buffers_.erase(request);
    const RequestColumns& columns = pending.columns->request;
    messages_.push_back({request,
                         columns.header,
                         columns.metadata,
                         columns.content,
                         &pending.patch.request->buffers,
                         {}});
  }
  if (pending.patch.result != nullptr) {
    if (pending.place.has_result) buffers_.erase(request + 1);
    const ResultColumns& columns = pending.columns->result;
    messages_.push_back({request + 1,
                         columns.header,
                         columns.metadata,
                         columns.content,
                         &pending.patch.result->buffers,
                         {}});
  }
}

void SqliteWriter::insert_messages() {
  for (NewMessage& message : messages_) message.packed = pack_buffers(*message.buffers);
  insert_messages_.write(
      messages_.size(),
      [&](SqliteRows::Row row, std::size_t i) {
        const NewMessage& message = messages_[i];
        row.integer(1, message.id)
            .text(2, message.header)
            .text(3, message.metadata)
            .text(4, message.content);
        if (!message.packed.empty()) row.blob(5, message.packed);
      },
      [](std::size_t, std::size_t) {});
  for (const NewMessage& message : messages_) buffers_.insert(message.id, *message.buffers);
  messages_.clear();
}

void SqliteWriter::write_apart(const Pending& pending) {
  const std::int64_t record = pending.place.id;
  const auto append = [&](std::int64_t stream, const std::string& text) {
    if (text.empty()) return;
    append_output_.start().bind_integer(1, record).bind_integer(2, stream).bind_text(3, text).run();
  };
  append(kStdoutStream, pending.patch.stdout_text);
  append(kStderrStream, pending.patch.stderr_text);
  for (const AttemptEnded* attempt : pending.patch.attempts) {
    append_attempt_.start()
        .bind_integer(1, record)
        .bind_integer(2, attempt->number)
        .bind_text(3, attempt->engine.view())
        .bind_integer(4, number_of(attempt->ended))
        .bind_text(5, attempt->end)
        .run();
  }
}

/// Keeps in mind where a record is whose task has not ended, and forgets it when it has.
void SqliteWriter::remember(const Pending& pending) {
  const bool has_ended = pending.patch.result != nullptr;
  if (has_ended) {
    if (!unfinished_.empty()) unfinished_.erase(pending.msg_id->str());
    return;
  }
  // What was not made here and is not remembered may have ended long ago.
  const bool is_certain = pending.is_new || !pending.place.has_result;
  if (!is_certain || unfinished_.size() >= kUnfinishedMax) return;
  Place& place = unfinished_[pending.msg_id->str()];
  place = pending.place;
  if (pending.patch.request != nullptr) place.has_request = true;
}

}  // namespace trireme
