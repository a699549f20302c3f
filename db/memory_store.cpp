#include "db/memory_store.hpp"

#include <algorithm>

#include "db/answer_size.hpp"

namespace trireme {

MemoryStore::MemoryStore(MemoryStoreLimits limits) : limits_(limits) {
  TRIREME_CHECK(limits_.cull_fraction > 0 && limits_.cull_fraction <= 1,
                "the fraction to cull must be within (0, 1]");
}

Result<void> MemoryStore::apply(std::span<const RecordChange> changes) {
  for (const RecordChange& change : changes) apply_one(change);
  cull();
  return {};
}

void MemoryStore::apply_one(const RecordChange& change) {
  const MsgId& id = changed_record(change);
  auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    if (!creates_record(change)) return;
    const auto entry = entries_.insert(entries_.end(), Entry{{}, {}, next_sequence_++});
    entry->record.msg_id = id;
    found = by_id_.emplace(id, entry).first;
    attach(entry);
  }
  const Entries::iterator entry = found->second;
  detach(entry);
  RecordPatch patch;
  add_change(patch, change);
  if (const auto ended_ok = apply_patch(entry->record, patch)) entry->ended_ok = ended_ok;
  attach(entry);
}

Result<std::optional<TaskRecord>> MemoryStore::get(const MsgId& msg_id) {
  const auto found = by_id_.find(msg_id);
  if (found == by_id_.end()) return std::optional<TaskRecord>();
  return std::optional<TaskRecord>(found->second->record);
}

Result<std::vector<TaskRecord>> MemoryStore::find(const Query& query, const Columns& columns,
                                                  std::uint64_t bytes_max) {
  std::vector<TaskRecord> found;
  AnswerSize size(bytes_max);
  for (const Entry& entry : entries_) {
    if (!matches(query, entry.record)) continue;
    found.push_back(entry.record);
    keep_columns(found.back(), columns);
    if (Result<void> fits = size.add(found.back()); !fits) return fits.error();
  }
  return found;
}

Result<std::vector<MsgId>> MemoryStore::history() {
  std::vector<std::pair<Timestamp, const MsgId*>> submitted;
  for (const Entry& entry : entries_) {
    if (entry.record.submitted)
      submitted.emplace_back(*entry.record.submitted, &entry.record.msg_id);
  }
  std::stable_sort(submitted.begin(), submitted.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<MsgId> ids;
  ids.reserve(submitted.size());
  for (const auto& [date, id] : submitted) ids.push_back(*id);
  return ids;
}

Result<std::vector<TaskOutcome>> MemoryStore::outcomes(std::span<const MsgId> ids) {
  std::vector<TaskOutcome> found;
  for (const MsgId& id : ids) {
    const auto at = by_id_.find(id);
    if (at == by_id_.end()) continue;
    const Entry& entry = *at->second;
    if (!entry.ended_ok || entry.record.queue != "task") continue;
    TaskOutcome outcome{id, *entry.ended_ok, std::nullopt};
    if (entry.record.engine_uuid) outcome.engine = EngineUuid(*entry.record.engine_uuid);
    found.push_back(std::move(outcome));
  }
  return found;
}

Result<void> MemoryStore::purge_completed() {
  erase_if([](const TaskRecord& record) { return record.completed.has_value(); });
  return {};
}

Result<void> MemoryStore::purge(std::span<const MsgId> ids) {
  for (const MsgId& id : ids) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) erase(found->second);
  }
  return {};
}

Result<void> MemoryStore::purge_engine(const EngineUuid& engine) {
  erase_if([&engine](const TaskRecord& record) {
    return record.completed && record.engine_uuid == engine.str();
  });
  return {};
}

bool MemoryStore::is_cullable(const Entry& entry) {
  return entry.record.completed || !entry.record.header;
}

MemoryStore::CullKey MemoryStore::cull_key(const Entry& entry) {
  return {entry.record.submitted, entry.sequence};
}

std::uint64_t MemoryStore::buffer_bytes_of(const TaskRecord& record) {
  std::uint64_t bytes = 0;
  for (const Frame& buffer : record.buffers) bytes += buffer.size();
  for (const Frame& buffer : record.result_buffers) bytes += buffer.size();
  return bytes;
}

void MemoryStore::attach(Entries::iterator entry) {
  if (!is_cullable(*entry)) return;
  cullable_bytes_ += buffer_bytes_of(entry->record);
  cullable_.emplace(cull_key(*entry), entry->record.msg_id);
}

void MemoryStore::detach(Entries::iterator entry) {
  if (!is_cullable(*entry)) return;
  cullable_bytes_ -= buffer_bytes_of(entry->record);
  cullable_.erase({cull_key(*entry), entry->record.msg_id});
}

void MemoryStore::erase(Entries::iterator entry) {
  detach(entry);
  by_id_.erase(entry->record.msg_id);
  entries_.erase(entry);
}

template <class Condition>
void MemoryStore::erase_if(Condition condition) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (condition(entry->record)) erase(entry);
    entry = next;
  }
}

void MemoryStore::cull() {
  const double kept = 1 - limits_.cull_fraction;
  if (cullable_.size() > limits_.records_max) {
    const double records_kept = kept * static_cast<double>(limits_.records_max);
    while (static_cast<double>(cullable_.size()) > records_kept) cull_oldest();
  }
  if (cullable_bytes_ > limits_.buffer_bytes_max) {
    const double bytes_kept = kept * static_cast<double>(limits_.buffer_bytes_max);
    while (static_cast<double>(cullable_bytes_) > bytes_kept) cull_oldest();
  }
}

void MemoryStore::cull_oldest() { erase(by_id_.at(cullable_.begin()->second)); }

void MemoryStore::check_invariants() const {
  TRIREME_CHECK(by_id_.size() == entries_.size(), "invariant 1: as many ids as records");
  std::uint64_t bytes = 0;
  std::size_t cullable = 0;
  for (const Entry& entry : entries_) {
    const auto found = by_id_.find(entry.record.msg_id);
    TRIREME_CHECK(found != by_id_.end() && &*found->second == &entry,
                  "invariant 1: every record is found by its id");
    if (!is_cullable(entry)) continue;
    ++cullable;
    bytes += buffer_bytes_of(entry.record);
    TRIREME_CHECK(cullable_.contains({cull_key(entry), entry.record.msg_id}),
                  "invariant 2: every cullable record is known as such");
  }
  TRIREME_CHECK(cullable == cullable_.size(), "invariant 2: nothing else is cullable");
  TRIREME_CHECK(bytes == cullable_bytes_, "invariant 3: the bytes of buffers add up");
}

}  // namespace trireme
