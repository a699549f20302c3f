// A ring of outcomes with an open-addressing index over it.
#include "controller/scheduler/outcome_cache.hpp"

#include <bit>
#include <cstring>

namespace trireme {
namespace {

constexpr std::size_t kFirstIndexSize = 64;
constexpr std::uint64_t kMixHigh = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kMixLow = 0xC2B2AE3D27D4EB4F;

/// Spreads every input bit over the whole word.
std::uint64_t finish(std::uint64_t word) {
  word ^= word >> 32;
  word *= 0xD6E8FEB86659FD93;
  word ^= word >> 29;
  word *= 0xA24BAED4963EE407;
  word ^= word >> 32;
  return word;
}

}  // namespace

OutcomeCache::Digest OutcomeCache::digest_of(std::string_view id) {
  std::uint64_t high = kMixHigh ^ id.size();
  std::uint64_t low = kMixLow + id.size();
  while (!id.empty()) {
    std::uint64_t chunk = 0;
    const std::size_t count = id.size() < sizeof chunk ? id.size() : sizeof chunk;
    std::memcpy(&chunk, id.data(), count);
    high = std::rotl((high ^ chunk) * kMixHigh, 29);
    low = std::rotl((low + chunk) * kMixLow, 37) ^ high;
    id.remove_prefix(count);
  }
  return {finish(high), finish(low + high)};
}

std::size_t OutcomeCache::find_place(const Digest& digest) const {
  const std::uint32_t tag = tag_of(digest);
  std::size_t place = home_of(tag);
  while (index_[place].position != kEmpty &&
         (index_[place].tag != tag || entries_[index_[place].position].digest != digest)) {
    place = (place + 1) & (index_.size() - 1);
  }
  return place;
}

std::optional<Outcome> OutcomeCache::find(const MsgId& id) const {
  if (entries_.empty()) return std::nullopt;
  const std::uint32_t position = index_[find_place(digest_of(id.view()))].position;
  if (position == kEmpty) return std::nullopt;
  const Entry& entry = entries_[position];
  return Outcome{entry.ended_ok,
                 entry.has_engine ? std::optional<EngineRef>(entry.engine) : std::nullopt};
}

void OutcomeCache::put(const MsgId& id, const Outcome& outcome) {
  if (capacity_ == 0) return;
  if (entries_.size() < capacity_ && 2 * (entries_.size() + 1) > index_.size()) grow_index();
  const Entry entry{digest_of(id.view()), outcome.engine.value_or(EngineRef{}), outcome.ended_ok,
                    outcome.engine.has_value()};
  const std::uint32_t known = index_[find_place(entry.digest)].position;
  if (known != kEmpty) {
    entries_[known] = entry;
    return;
  }
  std::size_t position = entries_.size();
  if (position == capacity_) {
    position = oldest_;
    oldest_ = (oldest_ + 1) % capacity_;
    erase_place(find_place(entries_[position].digest));
    entries_[position] = entry;
  } else {
    entries_.push_back(entry);
  }
  index_[find_place(entry.digest)] = {static_cast<std::uint32_t>(position), tag_of(entry.digest)};
}

/// Closes the gap, so that every entry is still reached from its home without crossing a gap.
void OutcomeCache::erase_place(std::size_t place) {
  const std::size_t mask = index_.size() - 1;
  std::size_t gap = place;
  index_[gap] = {};
  for (std::size_t next = (gap + 1) & mask; index_[next].position != kEmpty;
       next = (next + 1) & mask) {
    const std::size_t home = home_of(index_[next].tag);
    if (((next - home) & mask) >= ((next - gap) & mask)) {
      index_[gap] = index_[next];
      index_[next] = {};
      gap = next;
    }
  }
}

void OutcomeCache::grow_index() {
  index_.assign(index_.empty() ? kFirstIndexSize : 2 * index_.size(), {});
  for (std::size_t position = 0; position < entries_.size(); ++position) {
    const Digest& digest = entries_[position].digest;
    index_[find_place(digest)] = {static_cast<std::uint32_t>(position), tag_of(digest)};
  }
}

}  // namespace trireme
