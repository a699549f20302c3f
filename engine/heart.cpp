// The heart's thread: ping in, pong out, and a look at the clock.
#include "engine/heart.hpp"

#include <atomic>
#include <thread>
#include <utility>

#include "engine/heart_watch.hpp"
#include "net/poll_loop.hpp"
#include "net/wake_up.hpp"
#include "session/clock.hpp"

namespace trireme {

struct Heart::Impl {
  Impl(Socket ping_socket, Socket pong_socket, const HeartOptions& options, HeartReports heard)
      : ping(std::move(ping_socket)),
        pong(std::move(pong_socket)),
        watch(options.period, options.misses_max, clock.now().instant),
        reports(std::move(heard)) {
    thread = std::thread([this] { beat(); });
  }
  ~Impl() {
    stopping = true;
    wake.signal();
    thread.join();
  }

  void beat() {
    PollLoop loop;
    loop.watch(ping, [this] { echo(); });
    loop.watch_fd(wake.fd(), [this] { wake.clear(); });
    while (!stopping) {
      loop.wait(lost ? std::nullopt : std::optional(watch.next_check()));
      const Instant now = clock.now().instant;
      if (lost || now < watch.next_check()) continue;
      lost = watch.on_check(now);
      if (lost) reports.on_lost();
    }
  }

  void echo() {
    Frames frames;
    while (ping.receive(frames)) {
      const bool returned = watch.on_ping(frames.empty() ? std::string_view() : frames[0].view());
      // A pong that cannot be sent is a missed beat; the controller counts those.
      [[maybe_unused]] const auto sent = pong.send(std::move(frames));
      if (!std::exchange(heard_any, true)) {
        reports.on_first_ping();
      } else if (returned) {
        reports.on_return();
      }
    }
  }

  SystemClock clock;
  Socket ping;
  Socket pong;
  HeartWatch watch;
  HeartReports reports;
  WakeUp wake;
  bool heard_any = false;
  bool lost = false;
  std::atomic<bool> stopping{false};
  std::thread thread;
};

Heart::Heart(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Heart::~Heart() = default;

Result<std::unique_ptr<Heart>> Heart::start(NetContext& context, const HeartOptions& options,
                                            HeartReports reports) {
  SocketOptions socket_options;
  socket_options.curve_server_key = options.curve_server_key;
  socket_options.linger_ms = 0;
  auto ping = Socket::open(context, SocketType::kSub, socket_options);
  if (!ping) return ping.error();
  socket_options.identity = options.identity;
  auto pong = Socket::open(context, SocketType::kDealer, socket_options);
  if (!pong) return pong.error();
  ping->subscribe("");
  if (auto connected = pong->connect(options.pong_url); !connected) return connected.error();
  if (auto connected = ping->connect(options.ping_url); !connected) return connected.error();
  return std::unique_ptr<Heart>(new Heart(
      std::make_unique<Impl>(std::move(*ping), std::move(*pong), options, std::move(reports))));
}

}  // namespace trireme
