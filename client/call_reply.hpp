// What became of one task of a call, as the client keeps it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <trireme/errors.hpp>
#include <trireme/value.hpp>

#include "session/clock.hpp"
#include "session/message.hpp"
#include "session/result.hpp"

namespace trireme {

/// Which exception a failure becomes.
enum class CallFailureKind {
  kNone,
  kRemote,      // RemoteError
  kAborted,     // TaskAborted
  kEngineDied,  // EngineDied
  kImpossible,  // ImpossibleDependency
  kInvalid,     // InvalidDependency
  kTimeout,     // TaskTimeout
  kConnection,  // ConnectionError
  kFormat,      // FormatError: the reply cannot be understood
  kQuery,       // QueryError: the hub refused
};

/// The end of one task.
struct CallReply {
  CallFailureKind failure_kind = CallFailureKind::kNone;
  RemoteFailure failure;  // ename and evalue are set for every kind but kNone
  Value value;            // of a task that succeeded
  std::string engine_uuid;
  int engine_id = -1;
  std::optional<Timestamp> started;
  std::optional<Timestamp> completed;
  std::optional<Timestamp> received;
  /// Nothing more is to come on iopub: it was aborted, or no engine ever ran it.
  bool output_is_complete = false;
};

/// Something a task showed while it ran.
struct CallOutput {
  enum class Kind { kStdout, kStderr, kResult, kDisplay, kIdle };
  Kind kind;
  std::string text;  // of a stream
  Value content;     // of a result or display
  /// How many bytes of its stream came before `text`, where the engine tells it (ours do).
  std::optional<std::size_t> offset = {};
};

/// A failure of our own making.
CallReply make_failed_reply(CallFailureKind kind, std::string ename, std::string evalue);

/// Reads the reply of an engine, of the scheduler or of the hub. Never fails: what cannot be
/// understood is a reply of kind kFormat.
CallReply read_call_reply(const Message& message, Timestamp received);

/// Reads the one reply to a coalescing broadcast: the ends of `engines` tasks, in the order in
/// which their results lie in its buffers. Their engines are left out.
std::vector<CallReply> read_joined_reply(const Message& message, Timestamp received,
                                         std::size_t engines);

/// The content of a hub's reply and its buffers, as {"content": ..., "buffers": [Bytes]}; error
/// contents become kQuery.
CallReply read_hub_reply(const Message& message, Timestamp received);

/// A task's end from the hub's records: `id` is looked up in the content of a result_reply that was
/// asked for it alone.
CallReply read_recorded_reply(const Message& message, const MsgId& id, Timestamp received);

/// What the task printed, from the same reply.
std::vector<CallOutput> read_recorded_output(const Message& message, const MsgId& id);

/// Reads an iopub message; empty when it says nothing a call keeps.
std::optional<CallOutput> read_call_output(const Message& message);

/// Throws the exception this failure stands for. `reply.failure_kind` must not be kNone.
[[noreturn]] void throw_failure(const CallReply& reply);

}  // namespace trireme
