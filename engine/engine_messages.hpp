// Builds what an engine says: replies, outputs and states, exactly as clients and hub expect them.
#pragma once

#include <string>
#include <string_view>

#include "engine/reply_cache.hpp"
#include "engine/task_outcome.hpp"
#include "engine/task_request.hpp"
#include "session/ids.hpp"
#include "session/message.hpp"

namespace trireme {

/// Who an engine is, from its registration on.
struct EngineIdentity {
  EngineUuid uuid;
  EngineId id;
};

/// What a reply tells about the run besides its outcome.
struct RunFacts {
  Timestamp started;
  int execution_count = 0;     // of execute requests
  Frames route;                // identities that lead back to who asked last
  std::size_t printed = 0;     // bytes on standard output so far
  std::size_t complained = 0;  // bytes on standard error so far
};

/// Messages of one engine. Formats: docs/protocol.md. Not thread-safe.
class EngineMessages {
 public:
  /// `factory` must name the engine's uuid as its session.
  EngineMessages(EngineIdentity identity, MessageFactory factory);

  const EngineIdentity& identity() const noexcept { return identity_; }
  /// The hub knows this engine under another id now.
  void rename(EngineId id);

  // Outputs; `parent` is the complete header of the request they belong to, or empty.
  Message status(std::string_view state, const Frame& parent, Timestamp now);
  /// `offset`: how many bytes of this stream the task has printed before; by it a client knows when
  /// a piece has been lost on its way.
  Message stream(std::string_view name, std::string_view text, std::size_t offset,
                 const Frame& parent, Timestamp now);
  /// display_data, update_display_data or clear_output.
  Message shown(OutputPiece::Kind kind, std::string content_json, const Frame& parent,
                Timestamp now);
  Message execute_input(const TaskRequest& request, int execution_count, Timestamp now);
  Message execute_result(const TaskSuccess& success, int execution_count, const Frame& parent,
                         Timestamp now);
  Message error(const TaskFailure& failure, const Frame& parent, Timestamp now);
  Message shutdown_notice(const Frame& parent, Timestamp now);

  /// The reply to a request for work.
  Message success_reply(const TaskRequest& request, TaskSuccess success, const RunFacts& facts,
                        Timestamp now);
  Message failure_reply(const TaskRequest& request, const TaskFailure& failure,
                        const RunFacts& facts, Timestamp now);
  Message aborted_reply(const TaskRequest& request, const RunFacts& facts, Timestamp now);

  /// A question to whoever sent `request`.
  Message input_request(const TaskRequest& request, std::string_view prompt, bool is_password,
                        Timestamp now);

  /// A reply given before, to somebody who asks again.
  Message repeated_reply(const KeptReply& kept, const Frames& route, Timestamp now);

  /// The reply to any other request, back the way it came.
  Message plain_reply(const Message& request, std::string_view reply_type, std::string content_json,
                      Timestamp now);

 private:
  Message output(std::string_view type, std::string_view topic, std::string content_json,
                 const Frame& parent, Timestamp now, std::string metadata_json);
  Message task_reply(const TaskRequest& request, std::string content_json,
                     std::string metadata_json, const Frames& route, Timestamp now);
  std::string reply_metadata(const TaskRequest& request, const RunFacts& facts,
                             std::string_view status, bool dependencies_met) const;

  EngineIdentity identity_;
  MessageFactory factory_;
  std::string topic_prefix_;     // "engine.<id>.", "kernel.<uuid>." of one without an id
  std::string engine_metadata_;  // {"engine": "<uuid>"}
  std::string quoted_uuid_;
};

/// What of a reply is worth keeping.
KeptReply kept_reply(const Message& reply);

/// The error members of a content, without braces: "ename", "evalue", "traceback".
std::string error_members_json(const TaskFailure& failure);

/// `x_request` -> `x_reply`; anything else gets `_reply` appended.
std::string reply_type_of(std::string_view request_type);

}  // namespace trireme
