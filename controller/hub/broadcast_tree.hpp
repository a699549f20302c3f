// One request to many engines, and the way back: fan-out, and replies gathered into one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/hub/outbox.hpp"
#include "controller/hub/task_log.hpp"
#include "session/clock.hpp"
#include "session/frame.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// The broadcast channel: a tree with a single leaf, which is all that peers can see of any tree.
/// Pure; one thread.
///
/// Rules, and their reasons:
/// - Each target gets the request under an id of its own, `<original>_<uuid>`: clients match
///   replies by it. Content and buffers go by reference, only header and metadata are new.
/// - Without coalescing each engine's reply goes to the client untouched.
/// - With coalescing the client gets one reply when all targets have answered, built on the last
///   reply to come, or on the first that is an error: a client reads either results or an error,
///   and an error must not be hidden by luck.
/// - Results stand in the order in which the request named its targets.
/// - When a target that has not answered leaves, the gathering is dropped and nothing more is
///   sent: the client fails the request itself as soon as it hears that the engine is gone, and
///   would take a later reply for a stale one. The same holds for a target that is not here.
/// - A target's id that is still pending is not sent twice, so a repeated request runs once.
///
/// Invariants, for each gathering:
/// 1. `missing` is the number of slots without a reply, and is not 0;
/// 2. it has a base reply exactly when some slot has one.
class BroadcastTree {
 public:
  /// Both must outlive the tree.
  BroadcastTree(const EngineRegistry& engines, TaskLog& log) : engines_(engines), log_(log) {}

  /// Replies to parts of a broadcast that ended before it was sent again, by the part's id, each
  /// addressed to the client and with its engine as second identity.
  using PastReplies = std::unordered_map<MsgId, Message>;

  /// A verified request from a client; its identities lead back to the client. Parts that have
  /// ended are answered at once, from `past`.
  void on_request(const Message& request, Outbox& out, const PastReplies& past = {});
  /// One target's part of a coalescing broadcast that a former controller sent, as the records
  /// have it. A reply's identities are the engine's and then the client's.
  struct PastPart {
    EngineUuid engine;
    std::size_t index = 0;  // among `count` parts
    std::size_t count = 0;
    std::optional<Message> reply;
  };
  /// Goes on with a broadcast of which all parts are known. Gives the answer to the client when all
  /// have replies; does nothing when a part is missing.
  std::optional<Message> restore(const MsgId& original, std::vector<PastPart> parts);
  /// The ids under which its targets get a request.
  std::vector<MsgId> part_ids(const Message& request) const;
  /// A verified reply from an engine: frames as they came, and the same parsed. The identities
  /// are the engine's and then the client's.
  void on_reply(Frames frames, Message&& reply, Now now, Outbox& out);
  void on_engine_left(const EngineUuid& engine, Outbox& out);

  std::size_t gathering_count() const noexcept { return gatherings_.size(); }
  void check_invariants() const;

 private:
  struct Target {
    EngineUuid uuid;
    std::int64_t id;
  };
  struct Slot {
    Target target;
    bool has_reply = false;
    Frames buffers;
  };
  struct Gathering {
    std::vector<Slot> slots;
    std::size_t missing = 0;
    std::optional<Message> base;  // the reply that the answer is built on
    bool base_is_error = false;
  };
  struct Request;  // what the metadata says, and texts to build each target's message from

  static std::optional<Request> read_request(const Message& request, const EngineRegistry& engines);
  bool send_to(std::size_t index, const Message& request, const Request& parts, Outbox& out);
  void gather(const MsgId& original, const Message& reply, Outbox& out);
  static void take_reply(Gathering& gathering, Slot& slot, const Message& reply);
  static Message coalesced(const MsgId& original, Gathering gathering);

  const EngineRegistry& engines_;
  TaskLog& log_;
  std::unordered_map<MsgId, Gathering> gatherings_;
};

}  // namespace trireme
