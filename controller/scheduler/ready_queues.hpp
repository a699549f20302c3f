// Tasks that only lack an engine, kept so that an engine with room finds its next one at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/scheduler/engine_table.hpp"
#include "controller/scheduler/lazy_heap.hpp"
#include "controller/scheduler/task_table.hpp"

namespace trireme {

/// Whether a task with these bans may go to a registered engine. Never where its dependencies
/// are unmet; where it failed only if every engine registered is banned in one way or the other,
/// for then waiting for a better one could be for ever.
bool bans_permit(const BanList& bans, EngineSlot engine, const EngineTable& engines);
/// Whether some registered engine is not in the list at all.
bool has_engine_without_ban(const BanList& bans, const EngineTable& engines);

/// The queues of ready tasks, by submission. Tasks without restrictions stand in one queue. A
/// task that may go to some engines only stands in the queue of each of them. Tasks that may go
/// anywhere except where they failed share a queue with those that have exactly the same bans.
/// A task leaves all of its queues by making its next move: entries die with its ticket.
///
/// Borrows the two tables, which must outlive it.
class ReadyQueues {
 public:
  ReadyQueues(const TaskTable& tasks, const EngineTable& engines)
      : tasks_(tasks), engines_(engines) {}

  /// Queues a task in state Ready. The joining of an engine in `awaited` will change where it may
  /// go; only for Reach::kOnly.
  void push(const Task& task, std::span<const EngineUuid> awaited = {});

  /// The first task that may go to this registered engine, or null. Ignores whether it has room.
  Task* first_for(EngineSlot engine);

  /// Ready tasks whose place has to be found anew, by submission:
  /// those that awaited an engine, now that it joins,
  std::vector<TaskRef> take_waiting_for(const EngineUuid& engine);
  /// those that may go to this engine, now that it leaves,
  std::vector<TaskRef> take_queued_on(EngineSlot engine);
  /// and those with no engine to go to because none at all was registered.
  std::vector<TaskRef> take_homeless();

  /// The engines where tasks failed that have nowhere better to go now. For after a departure.
  std::vector<EngineSlot> fallback_engines() const;

 private:
  struct Entry {
    std::uint64_t sequence;
    TaskSlot slot;
    std::uint32_t ticket;
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };
  using Queue = LazyHeap<Entry>;
  struct Bucket {
    Queue queue;
    std::uint64_t front = 0;  // at most the first current entry's sequence; key in bucket_order_
  };
  using Buckets = std::map<BanList, Bucket>;
  struct BucketKey {
    std::uint64_t front;
    Buckets::iterator bucket;
    bool operator<(const BucketKey& other) const { return front < other.front; }
  };

  bool is_current(const Entry& entry) const;
  auto current() const {
    return [this](const Entry& entry) { return is_current(entry); };
  }
  void push_banned(const Task& task, const Entry& entry);
  void push_awaited(const Entry& entry, std::span<const EngineUuid> awaited);
  void rekey(Buckets::iterator bucket, std::uint64_t front);
  void drop_dead_buckets();
  const Entry* first_banned_for(EngineSlot engine);
  std::vector<TaskRef> current_by_submission(std::vector<Entry> entries) const;

  const TaskTable& tasks_;
  const EngineTable& engines_;
  Queue anywhere_;
  std::vector<Queue> by_engine_;  // by engine slot
  Queue homeless_;

  Buckets buckets_;
  std::multiset<BucketKey> bucket_order_;
  std::size_t buckets_sweep_at_ = 64;

  std::unordered_map<EngineUuid, std::vector<Entry>> awaited_;
  std::size_t awaited_count_ = 0;
  std::size_t awaited_sweep_at_ = 64;
};

}  // namespace trireme
