// Remembers what was answered, so that a request that comes again is answered and not run again.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "session/frame.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// The parts of a reply that stay the same when it is given again. They share their bytes with the
/// reply that was sent.
struct KeptReply {
  std::string msg_type;
  Frame parent_json;
  Frame metadata_json;
  Frame content_json;
  Frames buffers;

  std::size_t bytes() const;
};

/// The latest answers of an engine by the id of their request. A controller that was restarted may
/// ask again for what it never saw answered; the id makes that harmless.
///
/// Invariants: (1) at most kIdsMax requests are remembered, each once, oldest forgotten first;
/// (2) the replies kept have at most kBytesMax together, the oldest dropped first, so that an id
/// may be remembered without its reply.
class ReplyCache {
 public:
  static constexpr std::size_t kIdsMax = 16384;
  static constexpr std::size_t kBytesMax = 64u << 20;

  void put(const MsgId& request, KeptReply reply);

  enum class Answer { kUnknown, kKept, kDropped };
  struct Found {
    Answer answer;
    const KeptReply* reply;  // when kept; valid until the next put()
  };
  Found find(const MsgId& request) const;

  void check_invariants() const;

 private:
  void drop_oldest_reply();

  std::unordered_map<MsgId, std::optional<KeptReply>> replies_;  // empty: dropped
  std::deque<MsgId> ids_;                                        // oldest first
  std::deque<MsgId> with_reply_;                                 // oldest first
  std::size_t bytes_ = 0;                                        // of the replies kept
};

}  // namespace trireme
