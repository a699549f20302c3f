// Between a process and a ledger: bytes in, messages; messages out, bytes.
#include "engine/kernel/kernel_host.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace trireme {

using std::chrono::milliseconds;

KernelHost::Live::Live(KernelProcess started)
    : process(std::move(started)), writer(process.link()), writable(epoll_create1(EPOLL_CLOEXEC)) {
  TRIREME_CHECK(writable >= 0, "no descriptor is left for the kernel's link");
  epoll_event wanted{};
  wanted.events = EPOLLOUT;
  epoll_ctl(writable, EPOLL_CTL_ADD, process.link(), &wanted);
}

KernelHost::Live::~Live() { ::close(writable); }

KernelHost::KernelHost(Parts parts)
    : parts_(std::move(parts)), ledger_(parts_.limits, parts_.cells) {}

KernelHost::~KernelHost() {
  if (live_) unwatch();
}

Result<void> KernelHost::spawn() {
  auto started = KernelProcess::start(parts_.words);
  if (!started) return started.error();
  live_ = std::make_unique<Live>(std::move(*started));
  watch();
  return {};
}

void KernelHost::watch() {
  // In this order, so that what a process said is heard before its end is.
  parts_.loop.watch_fd(live_->process.errors(), [this] { live_->process.pass_on_errors(); });
  parts_.loop.watch_fd(live_->process.link(), [this] { on_link(); });
  parts_.loop.watch_fd(live_->process.end(), [this] { on_end(); });
}

void KernelHost::unwatch() {
  const KernelProcess& process = live_->process;
  for (const int fd : {process.errors(), process.link(), process.end()}) parts_.loop.unwatch_fd(fd);
  if (live_->is_waiting) parts_.loop.unwatch_fd(live_->writable);
}

void KernelHost::join(const EngineIdentity& identity, Report report) {
  report_ = std::move(report);
  KernelOutbox out;
  ledger_.join(identity, out);
  carry_out(out);
}

void KernelHost::start(const WorkQueue::Start& start, Now now) {
  KernelOutbox out;
  ledger_.start(start, now, cpu_time(), out);
  carry_out(out);
}

void KernelHost::stop(const StopRun& stop, Now now) {
  KernelOutbox out;
  ledger_.stop(stop.run, stop.reason, now, out);
  carry_out(out);
}

void KernelHost::answer(RunNumber run, std::optional<std::string> line) {
  KernelOutbox out;
  ledger_.answer(run, std::move(line), out);
  carry_out(out);
}

void KernelHost::clear_names() {
  KernelOutbox out;
  ledger_.clear(out);
  carry_out(out);
}

void KernelHost::restart(Now) {
  KernelOutbox out;
  ledger_.restart(out);
  carry_out(out);
}

void KernelHost::on_deadline(Now now) {
  const auto due = ledger_.next_deadline();
  if (!due || now.instant < *due) return;
  KernelOutbox out;
  ledger_.on_deadline(now, cpu_time(), out);
  carry_out(out);
}

void KernelHost::on_link() {
  constexpr int kReadsMax = 16;  // then the others get their turn
  for (int reads = 0; live_ != nullptr && reads < kReadsMax; ++reads) {
    const std::span<char> space = live_->reader.space();
    const ssize_t count = recv(live_->process.link(), space.data(), space.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      parts_.loop.unwatch_fd(live_->process.link());  // its end comes next
      return;
    }
    const auto filled = live_->reader.filled(static_cast<std::size_t>(count));
    if (!filled) {
      parts_.log.write(LogLevel::kError, filled.error().text);
      live_->process.kill();
      return;
    }
    const bool was_full = static_cast<std::size_t>(count) == space.size();
    while (auto frame = live_->reader.next()) {
      auto message = decode_link(std::move(*frame));
      if (!message) {
        parts_.log.write(LogLevel::kError, message.error().text);
        live_->process.kill();
        return;
      }
      KernelOutbox out;
      ledger_.on_message(std::move(*message), parts_.clock.now(), cpu_time(), out);
      carry_out(out);
    }
    if (!was_full) return;
  }
}

void KernelHost::on_end() {
  // What it wrote before it died is still there.
  for (;;) {
    const std::span<char> space = live_->reader.space();
    const ssize_t count = recv(live_->process.link(), space.data(), space.size(), MSG_DONTWAIT);
    if (count <= 0 || !live_->reader.filled(static_cast<std::size_t>(count))) break;
  }
  KernelOutbox out;
  while (auto frame = live_->reader.next()) {
    auto message = decode_link(std::move(*frame));
    if (message) ledger_.on_message(std::move(*message), parts_.clock.now(), cpu_time(), out);
  }
  const auto end = live_->process.reap();
  if (end) {
    unwatch();
    live_.reset();
    if (!was_ready_) {
      refusal_ = ledger_.refusal().value_or(LinkRefused{
          1, "The kernel process of this engine ended by " + name_of(*end) + " while it started."});
    }
    if (!leaving_ && was_ready_) ledger_.on_death(*end, parts_.clock.now(), out);
  }
  out.kill = out.kill && live_ != nullptr;
  carry_out(out);
}

void KernelHost::flush() {
  if (live_ == nullptr) return;
  const bool done = live_->writer.flush();
  if (done == !live_->is_waiting) return;
  live_->is_waiting = !done;
  if (done) {
    parts_.loop.unwatch_fd(live_->writable);
  } else {
    parts_.loop.watch_fd(live_->writable, [this] { flush(); });
  }
}

void KernelHost::carry_out(KernelOutbox& out) {
  was_ready_ = was_ready_ || ledger_.is_ready();
  for (const EngineLogLine& line : out.log_lines) parts_.log.write(line.level, line.text);
  if (live_ != nullptr && !out.messages.empty()) {
    for (const LinkMessage& message : out.messages) live_->writer.put(message);
    flush();
  }
  if (out.kill && live_ != nullptr) live_->process.kill();
  if (out.spawn) {
    if (auto spawned = spawn(); !spawned) {
      parts_.log.write(LogLevel::kError, spawned.error().text);
      ledger_.on_death(KernelEnd{}, parts_.clock.now(), out);
      out.spawn = false;
    }
  }
  if (leaving_) return;
  for (HostEvent& event : out.events) report_(std::move(event));
}

milliseconds KernelHost::cpu_time() const {
  if (!parts_.limits.cpu || live_ == nullptr) return {};
  return live_->process.cpu_time();
}

bool KernelHost::leave(milliseconds limit) {
  leaving_ = true;
  if (live_ == nullptr) return true;
  // The end of the link tells the kernel to stop what runs, and to end.
  live_->writer.flush();
  shutdown(live_->process.link(), SHUT_WR);
  const Instant give_up = parts_.clock.now().instant + limit;
  while (live_ != nullptr && parts_.clock.now().instant < give_up) parts_.loop.wait(give_up);
  if (live_ != nullptr) {
    parts_.log.write(LogLevel::kWarning,
                     "The kernel process does not end by itself; it is killed.");
    unwatch();
    live_.reset();
  }
  return true;
}

}  // namespace trireme
