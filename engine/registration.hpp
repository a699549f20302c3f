// How an engine joins the cluster: ask the hub, ask again, give up in time, say goodbye.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "engine/engine_outbox.hpp"
#include "session/clock.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// What the hub granted.
struct Membership {
  EngineId id;
  std::chrono::milliseconds heartbeat_period;
};

struct RegistrationOptions {
  std::optional<int> wanted_id;              // ask for this id; the hub may give another
  std::chrono::milliseconds timeout{5'000};  // from the first request until giving up
};

/// One engine's dealings with the hub's registration socket.
///
/// Rules, with their reasons:
/// - Halfway through the timeout the request is sent once more: the first may have gone to a
///   controller that was just being replaced. A second request is harmless, the hub refuses a uuid
///   that it already knows, and the first granting reply counts.
/// - A refusal before any grant ends it at once: asking again would be refused again.
/// - Giving up says goodbye, in case the grant is still on its way.
/// - A controller that came back may be one that knows nothing: check() asks the hub which engines
///   there are, and an engine that is not among them joins again, with its uuid and, if it can, its
///   id, for as long as it takes.
class Registration {
 public:
  enum class State { kIdle, kAsked, kJoined, kFailed, kLeft };

  Registration(EngineUuid uuid, MessageFactory factory, RegistrationOptions options);

  void start(Now now, EngineOutbox& out);
  /// A verified message from the registration socket.
  void on_message(const Message& message, EngineOutbox& out);
  void on_deadline(Now now, EngineOutbox& out);
  /// The controller may be another one than before: is this engine still known?
  void check(Now now, EngineOutbox& out);
  /// Tells the hub that this engine goes. Nothing is sent unless it joined.
  void leave(Now now, EngineOutbox& out);

  /// What leave() says, for somebody who says it in this engine's place. It must have joined.
  Message goodbye(Now now);

  /// When on_deadline is next due.
  std::optional<Instant> next_deadline() const;

  State state() const noexcept { return state_; }
  /// Set once joined; changes when joining again.
  const std::optional<Membership>& membership() const noexcept { return membership_; }
  /// One sentence for people; set once failed.
  const std::string& failure() const noexcept { return failure_; }

 private:
  void ask(Now now, EngineOutbox& out);
  void on_engines(const Message& message, EngineOutbox& out);
  void on_second_grant(const Message& message, EngineOutbox& out);
  void fail(std::string text);

  EngineUuid uuid_;
  MessageFactory factory_;
  RegistrationOptions options_;
  State state_ = State::kIdle;
  Instant give_up_at_{};
  std::optional<Instant> ask_again_at_;
  std::optional<Membership> membership_;
  bool joins_again_ = false;  // asked while joined
  std::string failure_;
};

}  // namespace trireme
