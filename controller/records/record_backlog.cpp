#include "controller/records/record_backlog.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "db/answer_size.hpp"
#include "db/record_patch.hpp"

namespace trireme {
namespace {

constexpr std::size_t kChangeOverheadBytes = 256;

struct PayloadBytes {
  std::size_t operator()(const TaskSubmitted& change) const {
    return change.header_json.size() + change.metadata_json.size() + change.content_json.size() +
           memory_bytes(change.buffers);
  }
  std::size_t operator()(const TaskFinished& change) const {
    return change.header_json.size() + change.metadata_json.size() + change.content_json.size() +
           memory_bytes(change.buffers);
  }
  std::size_t operator()(const TaskOutput& change) const { return change.text.size(); }
  std::size_t operator()(const TaskDisplay& change) const { return change.content_json.size(); }
  std::size_t operator()(const TaskAssigned&) const { return 0; }
  std::size_t operator()(const TaskResubmitted&) const { return 0; }
  std::size_t operator()(const AttemptEnded& change) const { return change.end.size(); }
};

/// The buffers a change carries, if its kind has any.
Frames* buffers_of(RecordChange& change) {
  if (auto* submitted = std::get_if<TaskSubmitted>(&change)) return &submitted->buffers;
  if (auto* finished = std::get_if<TaskFinished>(&change)) return &finished->buffers;
  return nullptr;
}

}  // namespace

std::size_t change_bytes(const RecordChange& change) {
  return kChangeOverheadBytes + std::visit(PayloadBytes{}, change);
}

void RecordBacklog::push(std::vector<RecordChange> changes, ShedCounts& shed) {
  end_ += changes.size();
  if (changes.empty()) return;
  Batch batch{std::move(changes), 0, end_};
  for (const RecordChange& change : batch.changes) batch.bytes += change_bytes(change);
  count_ += batch.changes.size();
  bytes_ += batch.bytes;
  batches_.push_back(std::move(batch));
  if (bytes_ <= bytes_max_) return;
  if (!search_is_vain_ || refused_bytes_ > bytes_max_ / 8) shed_all(shed);
  if (bytes_ <= bytes_max_ || batches_.size() == 1) return;
  refused_bytes_ += batches_.back().bytes;
  shed.refused += batches_.back().changes.size();
  count_ -= batches_.back().changes.size();
  bytes_ -= batches_.back().bytes;
  batches_.pop_back();
}

void RecordBacklog::shed_all(ShedCounts& shed) {
  shed_outputs(shed);
  if (!is_relieved()) shed_tasks(shed);
  if (!is_relieved()) strip_buffers(shed);
  search_is_vain_ = !is_relieved();
  refused_bytes_ = 0;
}

std::vector<RecordChange> RecordBacklog::take(std::size_t count_max, std::uint64_t until) {
  std::vector<RecordChange> group;
  if (batches_.size() > 1)
    group.reserve(std::min(count_, count_max + batches_.back().changes.size()));
  while (has_before(until) && (group.empty() || group.size() < count_max)) {
    Batch& batch = batches_.front();
    count_ -= batch.changes.size();
    bytes_ -= batch.bytes;
    if (group.empty() && group.capacity() < batch.changes.size()) {
      group = std::move(batch.changes);
    } else {
      group.insert(group.end(), std::make_move_iterator(batch.changes.begin()),
                   std::make_move_iterator(batch.changes.end()));
    }
    batches_.pop_front();
  }
  return group;
}

bool RecordBacklog::has_before(std::uint64_t position) const {
  return !batches_.empty() && batches_.front().end <= position;
}

void RecordBacklog::shed_outputs(ShedCounts& shed) {
  shed.outputs += erase_if([](const RecordChange& change) {
    return std::holds_alternative<TaskOutput>(change) ||
           std::holds_alternative<TaskDisplay>(change);
  });
}

void RecordBacklog::shed_tasks(ShedCounts& shed) {
  std::unordered_map<std::string_view, std::size_t> begun;  // bytes of what begins here
  std::unordered_set<std::string> whole;                    // copies: what they come from goes
  std::size_t freed = 0;
  for (const Batch& batch : batches_) {
    for (const RecordChange& change : batch.changes) {
      if (bytes_ - freed <= bytes_max_ / 2) break;
      const MsgId& id = changed_record(change);
      if (std::holds_alternative<TaskSubmitted>(change)) begun.try_emplace(id.view(), 0);
      const auto found = begun.find(id.view());
      if (found == begun.end()) continue;
      found->second += change_bytes(change);
      if (!std::holds_alternative<TaskFinished>(change)) continue;
      freed += std::exchange(found->second, 0);
      whole.insert(id.str());
    }
  }
  shed.tasks += whole.size();
  erase_if([&whole](const RecordChange& change) {
    return whole.contains(changed_record(change).str());
  });
}

void RecordBacklog::strip_buffers(ShedCounts& shed) {
  for (Batch& batch : batches_) {
    for (RecordChange& change : batch.changes) {
      if (is_relieved()) return;
      Frames* buffers = buffers_of(change);
      if (buffers == nullptr || buffers->empty()) continue;
      const std::size_t freed = memory_bytes(*buffers);
      buffers->clear();
      batch.bytes -= freed;
      bytes_ -= freed;
      ++shed.stripped;
    }
  }
}

template <class Condition>
std::uint64_t RecordBacklog::erase_if(Condition condition) {
  std::uint64_t erased = 0;
  for (Batch& batch : batches_) {
    erased += std::erase_if(batch.changes, [&](const RecordChange& change) {
      if (!condition(change)) return false;
      const std::size_t bytes = change_bytes(change);
      batch.bytes -= bytes;
      bytes_ -= bytes;
      --count_;
      return true;
    });
  }
  std::erase_if(batches_, [](const Batch& batch) { return batch.changes.empty(); });
  return erased;
}

}  // namespace trireme
