// How the latest tasks ended: a fixed amount of memory for what dependencies and twins ask most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "controller/scheduler/slots.hpp"
#include "session/ids.hpp"

namespace trireme {

/// How one task ended.
struct Outcome {
  bool ended_ok = false;
  std::optional<EngineRef> engine;  // where; none when it never ran to an end on an engine
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Remembers the outcomes of the last `capacity` tasks; the oldest goes first. Ids are kept as
/// 128-bit digests: 32 bytes an entry and 16 for the index, whatever the ids' length. Two ids of
/// one digest would be taken for one task; between honest ids that does not happen.
class OutcomeCache {
 public:
  static constexpr std::size_t kDefaultCapacity = 65536;

  /// `capacity` 0 remembers nothing.
  explicit OutcomeCache(std::size_t capacity = kDefaultCapacity) : capacity_(capacity) {}

  /// Remembers an outcome; a second outcome of one id replaces the first where it stands.
  void put(const MsgId& id, const Outcome& outcome);
  std::optional<Outcome> find(const MsgId& id) const;
  bool contains(const MsgId& id) const { return find(id).has_value(); }
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend bool operator==(const Digest&, const Digest&) = default;
  };
  struct Entry {
    Digest digest;
    EngineRef engine;
    bool ended_ok;
    bool has_engine;
  };
  /// Where an entry is, and enough of its digest to pass by without a look at it: entries are all
  /// over the memory.
  struct Pointer {
    std::uint32_t position = kEmpty;
    std::uint32_t tag = 0;
  };
  static constexpr std::uint32_t kEmpty = UINT32_MAX;

  static Digest digest_of(std::string_view id);
  static std::uint32_t tag_of(const Digest& digest) {
    return static_cast<std::uint32_t>(digest.low);
  }
  std::size_t home_of(std::uint32_t tag) const { return tag & (index_.size() - 1); }
  std::size_t find_place(const Digest& digest) const;  // of the entry, or of the gap for it
  void erase_place(std::size_t place);
  void grow_index();

  std::size_t capacity_;
  std::vector<Entry> entries_;  // a ring once it is full
  std::size_t oldest_ = 0;      // the ring's next victim
  std::vector<Pointer> index_;  // open addressing, a power of two, at most half full
};

}  // namespace trireme
