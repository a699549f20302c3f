// Two queues of ids over one table.
#include "engine/reply_cache.hpp"

#include <utility>

#include "session/result.hpp"

namespace trireme {

std::size_t KeptReply::bytes() const {
  std::size_t sum = metadata_json.size() + content_json.size();
  for (const Frame& buffer : buffers) sum += buffer.size();
  return sum;
}

void ReplyCache::put(const MsgId& request, KeptReply reply) {
  const std::size_t size = reply.bytes();
  const auto [entry, inserted] = replies_.try_emplace(request, std::move(reply));
  if (!inserted) return;  // the first answer is the answer
  bytes_ += size;
  ids_.push_back(request);
  with_reply_.push_back(request);
  while (bytes_ > kBytesMax) drop_oldest_reply();
  if (ids_.size() > kIdsMax) {
    if (with_reply_.front() == ids_.front()) drop_oldest_reply();
    replies_.erase(ids_.front());
    ids_.pop_front();
  }
}

void ReplyCache::drop_oldest_reply() {
  std::optional<KeptReply>& oldest = replies_.at(with_reply_.front());
  bytes_ -= oldest->bytes();
  oldest.reset();
  with_reply_.pop_front();
}

ReplyCache::Found ReplyCache::find(const MsgId& request) const {
  const auto found = replies_.find(request);
  if (found == replies_.end()) return {Answer::kUnknown, nullptr};
  if (!found->second) return {Answer::kDropped, nullptr};
  return {Answer::kKept, &*found->second};
}

void ReplyCache::check_invariants() const {
  TRIREME_CHECK(ids_.size() <= kIdsMax && ids_.size() == replies_.size(),
                "invariant 1: ids are remembered once and within the limit");
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (const auto& [id, reply] : replies_) {
    if (!reply) continue;
    ++kept;
    bytes += reply->bytes();
  }
  TRIREME_CHECK(bytes == bytes_ && bytes_ <= kBytesMax && kept == with_reply_.size(),
                "invariant 2: replies are counted and within the limit");
}

}  // namespace trireme
