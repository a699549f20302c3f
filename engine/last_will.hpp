// Tells the controller at once when an engine dies without a word: a small second process holds
// the goodbye and sends it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "session/frame.hpp"
#include "session/result.hpp"

namespace trireme {

/// A goodbye in somebody else's keeping. The second process learns of the first one's end by the
/// end of a pipe between them, whatever the cause (a fault in a plug-in, SIGKILL, no memory), and
/// ends itself right after. Without it the controller would only notice missing heartbeats, half
/// a minute later.
class LastWill {
 public:
  /// Splits the process. To be called before any thread or socket is made. kIo when the system has
  /// no process or descriptor left.
  static Result<LastWill> start();

  LastWill(LastWill&&) noexcept;
  LastWill& operator=(LastWill&&) noexcept;
  /// Takes the will back: after this the second process ends in silence.
  ~LastWill();

  /// From now on, if this process dies, `frames` go to `url` from a DEALER.
  void write(const std::string& url, const std::optional<std::string>& curve_server_key,
             const Frames& frames);

 private:
  explicit LastWill(int pipe) : pipe_(pipe) {}
  int pipe_ = -1;
};

}  // namespace trireme
