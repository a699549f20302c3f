// What an engine and its kernel process say to each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/engine_outbox.hpp"
#include "engine/interactive_context.hpp"
#include "engine/kernel/link_frame.hpp"
#include "engine/task_outcome.hpp"
#include "session/log.hpp"

namespace trireme {

// --- from the engine to its kernel ---

/// Who the engine is; the first message. Runs may be started after it.
struct LinkJoined {
  int engine_id = -1;
  std::string engine_uuid;
};
/// Run this request.
struct LinkStart {
  RunNumber run{};
  std::string msg_id;
  std::string msg_type;
  int execution_count = 0;
  Frame content_json;
  Frames buffers;
};
/// Ask a run to stop.
struct LinkStop {
  RunNumber run{};
  StopReason reason{};
};
/// Forget all names.
struct LinkClear {};
/// Start what cells of this language need.
struct LinkPrepare {
  std::string language;
};
/// What a run waits for, or nothing when there is nobody to give it.
struct LinkAnswer {
  RunNumber run{};
  std::optional<std::string> text;
};

// --- from the kernel to its engine ---

/// Everything is loaded.
struct LinkReady {
  std::uint64_t functions = 0;  // number of registered ones
  std::string language;         // of cells without a magic; may be empty
};
/// The kernel cannot work and ends.
struct LinkRefused {
  int exit_code = 1;
  std::string text;
};
struct LinkOutput {
  RunNumber run{};
  std::vector<OutputPiece> pieces;
};
struct LinkEnded {
  RunNumber run{};
  TaskOutcome outcome;
  std::vector<OutputPiece> output;  // what was not sent before
  bool is_last = false;             // the kernel can run nothing more: it is to be replaced
};
/// The run waits for a LinkAnswer.
struct LinkWaits {
  RunNumber run{};
  Wanted wanted{};
  std::string prompt;
};
/// What LinkPrepare asked for is there, or cannot be had; cells of it may be run.
struct LinkPrepared {
  std::string language;
};
struct LinkLog {
  LogLevel level{};
  std::string text;
};

/// The order of the alternatives is their number on the wire.
using LinkMessage =
    std::variant<LinkJoined, LinkStart, LinkStop, LinkClear, LinkPrepare, LinkAnswer, LinkReady,
                 LinkRefused, LinkOutput, LinkEnded, LinkWaits, LinkPrepared, LinkLog>;

/// Large parts (contents and buffers) are shared, not copied.
LinkFrame encode_link(const LinkMessage& message);
/// kBadFormat for frames that encode_link() does not make.
Result<LinkMessage> decode_link(LinkFrame frame);

}  // namespace trireme
