// Who ran with this profile before us, and how that ended: a lock and a mark in one file.
#pragma once

#include <chrono>
#include <optional>

#include "session/clock.hpp"
#include "session/profile.hpp"
#include "session/result.hpp"

namespace trireme {

/// The file pid/trireme-controller[-<cluster id>].lock. Whoever serves holds the system's lock on
/// it, which goes with the process however it ends, and writes a mark into it, which only an
/// orderly end takes out. A mark without a lock is a crash.
class RunLock {
 public:
  enum class Predecessor {
    kNone,     // none, or it came to an orderly end
    kCrashed,  // it was killed: its files and records are as it left them
    kServing,  // it is alive; it keeps the lock, and our marks change nothing
  };

  /// Waits for a predecessor that was killed and whose threads are not all gone: they may still be
  /// writing. kBusy when that takes longer than `patience`; kPermission or kIo, naming the file.
  static Result<RunLock> take(const Profile& profile,
                              std::chrono::milliseconds patience = std::chrono::seconds(30));

  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  ~RunLock();

  Predecessor predecessor() const noexcept { return predecessor_; }
  /// After a crash: replies received after this were not sent, those before were; empty when
  /// the former run did not say.
  std::optional<Timestamp> sent_until() const noexcept { return sent_until_; }
  void note_sent_until(Timestamp moment);
  /// From now on an end without mark_ended() is a crash.
  Result<void> mark_serving();
  void mark_ended();

 private:
  RunLock(int fd, Predecessor predecessor) : fd_(fd), predecessor_(predecessor) {}

  int fd_;
  Predecessor predecessor_;
  std::optional<Timestamp> sent_until_;
};

}  // namespace trireme
