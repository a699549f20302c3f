// What a task's metadata asks of the scheduler, and what a reply's metadata tells it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "session/ids.hpp"
#include "session/result.hpp"

namespace trireme {

/// Tasks that must have ended before another may run, and how (docs/protocol.md, dependencies).
struct Dependency {
  std::vector<MsgId> ids;  // distinct, sorted
  bool all = true;         // all of the ids, or any one of them
  bool success = true;     // an id that ended well counts
  bool failure = false;    // an id that failed counts

  /// False when no ending at all would count: such a dependency can never be met.
  bool makes_sense() const noexcept { return success || failure; }
};

/// The scheduling part of a request's metadata. Every key is optional on the wire.
struct TaskTerms {
  Dependency after;                                 // run only after these have ended
  Dependency follow;                                // run only on an engine where these ran
  std::optional<std::chrono::nanoseconds> timeout;  // give up after waiting this long; never < 0
  std::vector<EngineUuid> targets;                  // distinct, sorted; empty = any engine
  std::uint32_t retries = 0;                        // further attempts after a failure
};

/// Timeouts beyond this are as good as none (and would overflow a clock).
inline constexpr std::chrono::seconds kTaskTimeoutMax{1'000'000'000};
/// Larger numbers of retries are cut to this.
inline constexpr std::uint32_t kTaskRetriesMax = 1'000'000;

/// Reads the metadata of a request in one pass. A dependency may be a list of ids, one id, or an
/// object with dependencies, all, success and failure; null stands for a key that is absent;
/// further keys are skipped. A timeout of 0 is none and a negative one is over at once; negative
/// retries are none. kBadFormat, naming the key, for values of the wrong kind.
Result<TaskTerms> parse_task_terms(std::string_view metadata_json);

enum class ReplyStatus { kOk, kError, kAborted };

/// What an engine says about the attempt it answers.
struct ReplyTerms {
  bool dependencies_met = true;  // false: the engine cannot run this task, another one might
  ReplyStatus status = ReplyStatus::kOk;
};

/// Reads a reply's metadata. Engines of other makes may leave `status` out; then the reply's
/// content is asked, and when that has none either the task counts as ended well. A status that
/// is neither ok nor aborted counts as an error. kBadFormat when either text is no JSON object or
/// a key is of the wrong kind.
Result<ReplyTerms> parse_reply_terms(std::string_view metadata_json,
                                     std::string_view content_json = {});

}  // namespace trireme
