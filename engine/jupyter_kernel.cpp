// The loop of a kernel that stands alone.
#include "engine/jupyter_kernel.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/cells/languages.hpp"
#include "engine/engine_desk.hpp"
#include "session/packer.hpp"
#include "session/signer.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTaskGrace{1'000};
/// How often a kernel looks whether the front end that started it is still there.
constexpr milliseconds kParentLook{1'000};
/// ZeroMQ tries again after 100 ms to reach what was not there, with each socket by itself.
constexpr milliseconds kConnectTime{250};
constexpr int kNoEngineId = -1;

Result<DeskSockets> open_sockets(NetContext& context) {
  auto shell = Socket::open(context, SocketType::kRouter);
  if (!shell) return shell.error();
  auto control = Socket::open(context, SocketType::kRouter);
  if (!control) return control.error();
  auto iopub = Socket::open(context, SocketType::kPub);
  if (!iopub) return iopub.error();
  return DeskSockets{std::move(*shell), std::move(*control), std::move(*iopub)};
}

class JupyterKernel {
 public:
  explicit JupyterKernel(const JupyterKernelParts& parts) : parts_(parts) {}
  ~JupyterKernel() { parts_.loop.unwatch_fd(parts_.signals.fd()); }
  JupyterKernel(const JupyterKernel&) = delete;
  JupyterKernel& operator=(const JupyterKernel&) = delete;

  EngineExit run() {
    parts_.loop.watch_fd(parts_.signals.fd(), [this] { on_signals(); });
    if (auto opened = open(); !opened) {
      parts_.log.write(LogLevel::kError, opened.error().text);
      return {kExitConfiguration, std::nullopt, false};
    }
    wait_until_settled();
    desk_->say_hello();
    while (!leave_ && !desk_->leave()) turn();
    const bool idle = parts_.host.leave(kTaskGrace);
    const auto asked = desk_->leave();
    return {kExitOk, asked ? asked->signal : std::nullopt, !idle};
  }

 private:
  Result<void> open() {
    auto connection = read_kernel_connection(parts_.options.kernel_file);
    if (!connection) return connection.error();
    auto signer = Signer::create(connection->key, connection->signature_scheme);
    if (!signer) return signer.error();
    auto sockets = open_sockets(context_);
    if (!sockets) return sockets.error();
    const std::string uuid = new_session_id().str();
    MessageFactory factory(SessionId(uuid), "kernel", std::to_string(getpid()));
    EngineCore core(EngineMessages({EngineUuid(uuid), EngineId(kNoEngineId)}, std::move(factory)),
                    parts_.options.threads,
                    {TRIREME_VERSION, known_language(parts_.host.language()), true});
    desk_ = std::make_unique<EngineDesk>(EngineDesk::Parts{parts_.loop,
                                                           parts_.clock,
                                                           parts_.log,
                                                           parts_.host,
                                                           context_,
                                                           *connection,
                                                           std::nullopt,
                                                           {}},
                                         Wire(std::move(*signer), Packer()), std::move(core),
                                         std::move(*sockets));
    desk_->hold_requests();
    auto bound = desk_->bind_front_ends();
    if (!bound) return bound.error();
    const bool chose_ports = connection->shell_port == 0 || connection->iopub_port == 0 ||
                             connection->control_port == 0 || connection->stdin_port == 0 ||
                             connection->hb_port == 0;
    if (!chose_ports) return {};
    return write_kernel_connection(*bound, parts_.options.kernel_file);
  }

  /// Front ends wait patiently for a kernel that does not answer yet, but not for each of a
  /// person's first keys; and who is answered before its output channel is connected misses the
  /// output of its first cell, for which some wait without end.
  void wait_until_settled() {
    const Instant connected = parts_.clock.now().instant + kConnectTime;
    while (!leave_ && (!parts_.host.is_settled() || parts_.clock.now().instant < connected)) {
      turn(connected);
    }
    desk_->take_requests();
  }

  /// Waits until `limit` at most, if that is still to come.
  void turn(std::optional<Instant> limit = std::nullopt) {
    const Instant now = parts_.clock.now().instant;
    auto deadline = parts_.host.next_deadline();
    const auto consider = [&](Instant instant) {
      deadline = deadline ? std::min(*deadline, instant) : instant;
    };
    if (limit && now < *limit) consider(*limit);
    if (parts_.has_parent) consider(now + kParentLook);
    parts_.loop.wait(deadline);
    parts_.host.on_deadline(parts_.clock.now());
    if (parts_.has_parent && getppid() != parent_) {
      parts_.log.write(LogLevel::kInfo, "Whoever started this kernel is gone; it ends.");
      leave_ = true;
    }
  }

  void on_signals() {
    while (const auto signal = parts_.signals.take()) {
      if (*signal == SIGINT) {
        desk_->interrupt();
      } else {
        leave_ = true;
      }
    }
  }

  const JupyterKernelParts& parts_;
  const pid_t parent_ = getppid();
  NetContext context_;
  std::unique_ptr<EngineDesk> desk_;
  bool leave_ = false;
};

}  // namespace

EngineExit run_jupyter_kernel(const JupyterKernelParts& parts) {
  return JupyterKernel(parts).run();
}

}  // namespace trireme
