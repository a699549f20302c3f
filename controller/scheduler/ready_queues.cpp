// Keeps ready tasks where an engine with room looks for them.
#include "controller/scheduler/ready_queues.hpp"

#include <algorithm>

namespace trireme {

bool has_engine_without_ban(const BanList& bans, const EngineTable& engines) {
  std::size_t banned = 0;
  for (const Ban& ban : bans.entries()) banned += engines.is_registered(ban.engine);
  return engines.registered_count() > banned;
}

bool bans_permit(const BanList& bans, EngineSlot engine, const EngineTable& engines) {
  const Ban* ban = bans.find(engines.ref(engine));
  if (ban == nullptr) return true;
  return ban->kind == BanKind::kAvoid && !has_engine_without_ban(bans, engines);
}

bool ReadyQueues::is_current(const Entry& entry) const {
  const Task* task = tasks_.current({entry.slot, entry.sequence});
  return task != nullptr && task->ticket() == entry.ticket;
}

void ReadyQueues::push(const Task& task, std::span<const EngineUuid> awaited) {
  const auto& ready = *task.get<task_state::Ready>();
  const Entry entry{task.ref.sequence, task.ref.slot, task.ticket()};
  if (ready.reach == Reach::kAnywhere) return anywhere_.push(entry, current());
  if (ready.reach == Reach::kAnywhereBut) return push_banned(task, entry);
  if (ready.only.empty()) return homeless_.push(entry, current());
  for (EngineSlot engine : ready.only) {
    if (engine >= by_engine_.size()) by_engine_.resize(engine + 1);
    by_engine_[engine].push(entry, current());
  }
  push_awaited(entry, awaited);
}

void ReadyQueues::push_banned(const Task& task, const Entry& entry) {
  if (buckets_.size() >= buckets_sweep_at_) drop_dead_buckets();
  auto [bucket, is_new] = buckets_.try_emplace(task.bans);
  if (is_new) {
    bucket->second.front = entry.sequence;
    bucket_order_.insert({entry.sequence, bucket});
  } else if (entry.sequence < bucket->second.front) {
    rekey(bucket, entry.sequence);
  }
  bucket->second.queue.push(entry, current());
}

void ReadyQueues::push_awaited(const Entry& entry, std::span<const EngineUuid> awaited) {
  if (awaited.empty()) return;
  if (awaited_count_ >= awaited_sweep_at_) {
    awaited_count_ = 0;
    for (auto item = awaited_.begin(); item != awaited_.end();) {
      std::erase_if(item->second, [this](const Entry& dead) { return !is_current(dead); });
      awaited_count_ += item->second.size();
      item = item->second.empty() ? awaited_.erase(item) : std::next(item);
    }
    awaited_sweep_at_ = 2 * awaited_count_ + 64;
  }
  for (const EngineUuid& engine : awaited) awaited_[engine].push_back(entry);
  awaited_count_ += awaited.size();
}

/// Moves a bucket to its right place in the order.
void ReadyQueues::rekey(Buckets::iterator bucket, std::uint64_t front) {
  auto [first, last] = bucket_order_.equal_range({bucket->second.front, bucket});
  auto place =
      std::find_if(first, last, [&](const BucketKey& key) { return key.bucket == bucket; });
  bucket_order_.erase(place);
  bucket->second.front = front;
  bucket_order_.insert({front, bucket});
}

void ReadyQueues::drop_dead_buckets() {
  for (auto key = bucket_order_.begin(); key != bucket_order_.end();) {
    if (key->bucket->second.queue.top(current()) == nullptr) {
      buckets_.erase(key->bucket);
      key = bucket_order_.erase(key);
    } else {
      ++key;
    }
  }
  buckets_sweep_at_ = 2 * buckets_.size() + 64;
}

/// Walks the buckets by their first task; those before the right one are dead, wrongly placed
/// (and put right), or ban the engine.
const ReadyQueues::Entry* ReadyQueues::first_banned_for(EngineSlot engine) {
  for (auto key = bucket_order_.begin(); key != bucket_order_.end();) {
    auto bucket = key->bucket;
    const Entry* front = bucket->second.queue.top(current());
    if (front == nullptr) {
      key = bucket_order_.erase(key);
      buckets_.erase(bucket);
    } else if (front->sequence != key->front) {
      ++key;
      const bool is_next = key == bucket_order_.end() || front->sequence < key->front;
      rekey(bucket, front->sequence);
      if (is_next) key = bucket_order_.lower_bound({front->sequence, bucket});
    } else if (bans_permit(bucket->first, engine, engines_)) {
      return front;
    } else {
      ++key;
    }
  }
  return nullptr;
}

Task* ReadyQueues::first_for(EngineSlot engine) {
  const Entry* first = anywhere_.top(current());
  if (engine < by_engine_.size()) {
    const Entry* own = by_engine_[engine].top(current());
    if (own != nullptr && (first == nullptr || own->sequence < first->sequence)) first = own;
  }
  const Entry* banned = first_banned_for(engine);
  if (banned != nullptr && (first == nullptr || banned->sequence < first->sequence)) {
    first = banned;
  }
  return first == nullptr ? nullptr : tasks_.current({first->slot, first->sequence});
}

std::vector<TaskRef> ReadyQueues::current_by_submission(std::vector<Entry> entries) const {
  std::erase_if(entries, [this](const Entry& entry) { return !is_current(entry); });
  std::sort(entries.begin(), entries.end());
  std::vector<TaskRef> tasks;
  tasks.reserve(entries.size());
  for (const Entry& entry : entries) tasks.push_back({entry.slot, entry.sequence});
  return tasks;
}

std::vector<TaskRef> ReadyQueues::take_waiting_for(const EngineUuid& engine) {
  auto node = awaited_.extract(engine);
  if (node.empty()) return {};
  awaited_count_ -= node.mapped().size();
  return current_by_submission(std::move(node.mapped()));
}

std::vector<TaskRef> ReadyQueues::take_queued_on(EngineSlot engine) {
  if (engine >= by_engine_.size()) return {};
  return current_by_submission(by_engine_[engine].take_all());
}

std::vector<TaskRef> ReadyQueues::take_homeless() {
  return current_by_submission(homeless_.take_all());
}

std::vector<EngineSlot> ReadyQueues::fallback_engines() const {
  std::vector<EngineSlot> fallback;
  for (const auto& [bans, bucket] : buckets_) {
    if (has_engine_without_ban(bans, engines_)) continue;
    for (const Ban& ban : bans.entries()) {
      if (ban.kind == BanKind::kAvoid && engines_.is_registered(ban.engine)) {
        fallback.push_back(ban.engine.slot);
      }
    }
  }
  std::sort(fallback.begin(), fallback.end());
  fallback.erase(std::unique(fallback.begin(), fallback.end()), fallback.end());
  return fallback;
}

}  // namespace trireme
