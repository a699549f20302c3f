// Answers the controller's pings on a thread of its own, so that an engine lives while it works.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "net/socket.hpp"
#include "session/result.hpp"

namespace trireme {

struct HeartOptions {
  std::string ping_url;
  std::string pong_url;
  std::string identity;  // the engine's uuid
  std::optional<std::string> curve_server_key;
  std::chrono::milliseconds period{3'000};  // the controller's
  int misses_max = 50;                      // silent periods until the controller is lost; 0: never
};

/// What the heart tells, from its own thread.
struct HeartReports {
  std::function<void()> on_first_ping;  // once
  std::function<void()> on_return;      // the controller was away, or is another one than before
  std::function<void()> on_lost;        // once, at the end
};

/// Echoes every ping from construction to destruction.
class Heart {
 public:
  static Result<std::unique_ptr<Heart>> start(NetContext& context, const HeartOptions& options,
                                              HeartReports reports);
  ~Heart();
  Heart(const Heart&) = delete;
  Heart& operator=(const Heart&) = delete;

 private:
  struct Impl;
  explicit Heart(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace trireme
