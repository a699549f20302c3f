// What a running task shows, on its way from the task's threads to the engine's loop.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/task_outcome.hpp"

namespace trireme {

/// A bounded buffer between writers (any thread) and one taker. Small writes are put together, the
/// order across streams is kept, and a character is never cut in two.
class TaskOutput {
 public:
  /// From here on the taker is told to hurry.
  static constexpr std::size_t kUrgentBytes = 4u << 10;
  /// A writer waits while this much is untaken: a task that floods is slowed down to the speed at
  /// which its output leaves.
  static constexpr std::size_t kBytesMax = 1u << 20;

  enum class Urgency { kSoon, kNow };
  /// `wake` is called once when the buffer stops being empty (kSoon) and once when it passes
  /// kUrgentBytes (kNow), without locks held, from the writing thread.
  using Wake = std::function<void(Urgency)>;
  explicit TaskOutput(Wake wake) : wake_(std::move(wake)) {}

  void append(OutputPiece::Kind kind, std::string_view text);

  /// Everything complete so far; a character whose last bytes are missing stays for the next time.
  std::vector<OutputPiece> take();
  /// Everything there is; later appends are dropped.
  std::vector<OutputPiece> close();

 private:
  std::vector<OutputPiece> take_pieces();  // with mutex_ held
  std::string& rest_of(OutputPiece::Kind kind) { return rests_[static_cast<std::size_t>(kind)]; }

  Wake wake_;
  std::mutex mutex_;
  std::condition_variable taken_;
  // All below guarded by mutex_.
  std::vector<OutputPiece> pieces_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  std::array<std::string, 2>
      rests_;  // per kind of text: first bytes of a character not complete yet
};

/// How many bytes at the front of `text` do not end in the middle of a UTF-8 character. Bytes that
/// are no UTF-8 at all count as characters.
std::size_t complete_utf8_bytes(std::string_view text);

}  // namespace trireme
