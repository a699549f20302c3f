// A controller's core with two engines, to which an input tells a whole conversation: every event
// is a few frames that say on which channel somebody said what.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/memory_store.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/support/core_runner.hpp"
#include "tests/support/manual_clock.hpp"

namespace trireme::fuzz {

/// Signs what peers say, so that the checks behind the signature are reached; answers questions to
/// the store at once.
class HostileCluster {
 public:
  /// An event: place and sender, header, parent, metadata, content, one buffer. The first byte of
  /// the place is the channel, or one of the two further events; the rest names the sender.
  static constexpr std::size_t kFramesPerEvent = 6;
  static constexpr unsigned char kTimePasses = 14;
  static constexpr unsigned char kHeartsBeat = 15;

  enum class Engines { kNone, kTwo };
  explicit HostileCluster(Engines engines = Engines::kTwo);

  /// What somebody told the controller, as an event.
  static std::vector<std::string> event_of(const CapturedMessage& message);

  /// True if the controller sent anything because of it.
  bool play(const std::vector<std::string>& event);
  bool restore(std::string_view engines_file);
  std::string engines_file() const { return runner_.saved_engines; }

  /// Invariants, and that everything the controller said can be read.
  void check();

 private:
  void join(const std::string& uuid);
  void pass(std::chrono::milliseconds time);
  /// Takes what was sent and answers questions; true if there was anything.
  bool settle();

  testing::ManualClock clock_;
  MemoryStore store_;
  testing::CoreRunner runner_;
  Wire wire_;
  std::string ping_;
  bool hearts_beat_ = true;
  std::size_t unreadable_ = 0;
};

}  // namespace trireme::fuzz
