// The engine's one loop.
#include "engine/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <variant>

#include "engine/cells/languages.hpp"
#include "engine/engine_core.hpp"
#include "engine/heart.hpp"
#include "engine/registration.hpp"
#include "net/socket.hpp"
#include "net/wake_up.hpp"
#include "session/packer.hpp"
#include "session/signer.hpp"
#include "session/wire.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

/// How long a leaving engine waits for tasks that were asked to stop.
constexpr milliseconds kTaskGrace{1'000};
/// Messages taken from one socket before the others get their turn.
constexpr int kBatchMax = 256;

struct FirstPing {};
struct ControllerLost {};
using LoopEvent = std::variant<FirstPing, ControllerLost>;

std::string_view channel_name(EngineChannel channel) {
  switch (channel) {
    case EngineChannel::kRegistration:
      return "registration";
    case EngineChannel::kShell:
      return "shell";
    case EngineChannel::kControl:
      return "control";
    case EngineChannel::kIopub:
      return "iopub";
    case EngineChannel::kStdin:
      return "stdin";
  }
  return "";
}

Result<Wire> make_wire(const EngineConnection& connection) {
  auto signer = Signer::create(connection.key, connection.signature_scheme);
  if (!signer) return signer.error();
  auto packer = Packer::from_name(connection.pack);
  if (!packer) return packer.error();
  return Wire(std::move(*signer), *packer);
}

std::string process_tag(std::string_view role) {
  return std::to_string(getpid()) + "_" + std::string(role);
}

std::string user_name() {
  const char* name = getenv("USER");
  return name == nullptr ? "engine" : name;
}

/// Everything that lives between joining and leaving.
class EngineLoop {
 public:
  EngineLoop(const EngineParts& parts, Wire wire)
      : parts_(parts),
        wire_(std::move(wire)),
        uuid_(parts.options.uuid.empty() ? new_session_id().str() : parts.options.uuid),
        registration_(uuid_, factory("r"),
                      RegistrationOptions{parts.options.id, parts.options.timeout}) {}
  /// The loop and the host live on.
  ~EngineLoop() {
    parts_.loop.unwatch_fd(parts_.signals.fd());
    parts_.loop.unwatch_fd(events_.fd());
  }
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  EngineExit run() {
    if (auto joined = join(); !joined) return fail(joined.error());
    if (leave_) return EngineExit{kExitOk, leave_->signal, false};
    if (auto connected = connect(); !connected) return fail(connected.error());
    while (!leave_) turn();
    return leave();
  }

  /// Sends what is queued, waiting at most as long as the sockets linger.
  void close_sockets() {
    for (auto* socket : {&registration_socket_, &iopub_, &shell_, &control_}) socket->reset();
    context_.reset();
  }

 private:
  using Handler = void (EngineLoop::*)(Message);

  MessageFactory factory(std::string_view role) const {
    return MessageFactory(SessionId(uuid_.view()), user_name(), process_tag(role));
  }
  SocketOptions socket_options() const {
    SocketOptions options;
    options.identity = uuid_.str();
    options.curve_server_key = parts_.connection.curve_serverkey;
    return options;
  }
  std::string url(int port) const { return peer_url(parts_.connection, port); }

  EngineExit fail(const Error& error) {
    parts_.log.write(LogLevel::kError, error.text);
    const bool configuration = error.code == ErrorCode::kConfiguration;
    return EngineExit{configuration ? kExitConfiguration : kExitRegistration, std::nullopt, false};
  }

  // --- joining ---

  Result<void> join() {
    auto socket = Socket::open(*context_, SocketType::kDealer, socket_options());
    if (!socket) return socket.error();
    registration_socket_.emplace(std::move(*socket));
    const std::string address = url(parts_.connection.registration);
    if (auto done = registration_socket_->connect(address); !done) return done.error();
    parts_.log.write(LogLevel::kInfo, "Registering at " + address + " as " + uuid_.str() + ".");
    parts_.loop.watch(*registration_socket_, [this] {
      receive(*registration_socket_, EngineChannel::kRegistration, &EngineLoop::on_registration);
    });
    parts_.loop.watch_fd(parts_.signals.fd(), [this] { on_signals(); });
    EngineOutbox out;
    registration_.start(parts_.clock.now(), out);
    carry_out(out);
    while (registration_.state() == Registration::State::kAsked && !leave_) turn();
    if (registration_.state() == Registration::State::kFailed) {
      return Error{ErrorCode::kTimeout, registration_.failure()};
    }
    return {};
  }

  void on_registration(Message message) {
    EngineOutbox out;
    registration_.on_message(message, out);
    carry_out(out);
  }

  Result<void> connect() {
    const EngineConnection& connection = parts_.connection;
    const Membership& membership = *registration_.membership();
    const EngineIdentity identity{uuid_, membership.id};
    core_.emplace(EngineMessages(identity, factory("e")), parts_.options.threads,
                  EngineDescription{TRIREME_VERSION, known_language(parts_.host.language())});
    std::vector<int> shell_ports{connection.mux, connection.task};
    if (!connection.broadcast.empty()) {
      const auto leaf = static_cast<std::size_t>(membership.id.value());
      shell_ports.push_back(connection.broadcast[leaf % connection.broadcast.size()]);
    }
    SocketOptions router = socket_options();
    router.take_over_identities = true;  // a controller that was restarted has the same names
    SocketOptions publisher = socket_options();
    for (auto [socket, type, options, ports] :
         {std::tuple{&iopub_, SocketType::kPub, publisher, std::vector{connection.iopub}},
          std::tuple{&shell_, SocketType::kRouter, router, shell_ports},
          std::tuple{&control_, SocketType::kRouter, router, std::vector{connection.control}}}) {
      auto opened = Socket::open(*context_, type, options);
      if (!opened) return opened.error();
      socket->emplace(std::move(*opened));
      for (const int port : ports) {
        if (auto done = (*socket)->connect(url(port)); !done) return done.error();
      }
    }
    watch_all();
    write_will();
    start_host(identity);
    return start_heart(membership);
  }

  void watch_all() {
    parts_.loop.watch(*control_, [this] {
      receive(*control_, EngineChannel::kControl, &EngineLoop::on_control);
    });
    parts_.loop.watch(*shell_, [this] { receive_shell(); });
    parts_.loop.watch_fd(events_.fd(), [this] { on_events(); });
  }

  void write_will() {
    if (parts_.will == nullptr) return;
    parts_.will->write(url(parts_.connection.registration), parts_.connection.curve_serverkey,
                       wire_.encode(registration_.goodbye(parts_.clock.now())));
  }

  void start_host(const EngineIdentity& identity) {
    parts_.host.join(identity, [this](HostEvent event) {
      std::visit([this](auto& happened) { on_event(happened); }, event);
    });
  }

  Result<void> start_heart(const Membership& membership) {
    HeartOptions options;
    options.ping_url = url(parts_.connection.hb_ping);
    options.pong_url = url(parts_.connection.hb_pong);
    options.identity = uuid_.str();
    options.curve_server_key = parts_.connection.curve_serverkey;
    options.period = membership.heartbeat_period;
    options.misses_max = parts_.options.heartbeat_misses_max;
    auto heart = Heart::start(*context_, options,
                              HeartReports{[this] { events_.put(FirstPing{}); },
                                           [this] { events_.put(ControllerLost{}); }});
    if (!heart) return heart.error();
    heart_ = std::move(*heart);
    parts_.log.write(LogLevel::kInfo, "Joined as engine " + std::to_string(membership.id.value()) +
                                          "; " + std::to_string(parts_.host.function_count()) +
                                          " functions, " + std::to_string(parts_.options.threads) +
                                          " at a time.");
    return {};
  }

  // --- working ---

  void turn() {
    parts_.loop.wait(next_deadline());
    const Now now = parts_.clock.now();
    parts_.host.on_deadline(now);
    if (const auto due = registration_.next_deadline(); due && now.instant >= *due) {
      EngineOutbox out;
      registration_.on_deadline(now, out);
      carry_out(out);
    }
  }

  std::optional<Instant> next_deadline() const {
    const auto registration = registration_.next_deadline();
    const auto host = parts_.host.next_deadline();
    if (!registration) return host;
    return host ? std::min(*host, *registration) : registration;
  }

  void receive(Socket& socket, EngineChannel channel, Handler handle) {
    Frames frames;
    for (int count = 0; count < kBatchMax && socket.receive(frames); ++count) {
      // Work may come again for good reasons; the core knows it by its id.
      auto message =
          wire_.decode(frames, channel == EngineChannel::kShell ? Wire::Replays::kAllow
                                                                : Wire::Replays::kRefuse);
      if (message) {
        (this->*handle)(std::move(*message));
      } else {
        count_bad_message(channel, message.error());
      }
    }
  }
  void receive_shell() { receive(*shell_, EngineChannel::kShell, &EngineLoop::on_shell); }

  void on_shell(Message message) {
    EngineOutbox out;
    core_->on_shell(std::move(message), parts_.clock.now(), out);
    carry_out(out);
  }

  void on_control(Message message) {
    EngineOutbox out;
    core_->on_control(message, parts_.clock.now(), out);
    carry_out(out);
  }

  void on_events() {
    for (LoopEvent& event : events_.take()) {
      std::visit([this](auto& happened) { on_event(happened); }, event);
    }
  }

  void on_event(const RunOutput& output) {
    EngineOutbox out;
    core_->on_output(output.run, output.pieces, parts_.clock.now(), out);
    carry_out(out);
  }

  void on_event(const RunWaits& waits) {
    EngineOutbox out;
    core_->on_waits(waits, parts_.clock.now(), out);
    carry_out(out);
  }

  void on_event(RunEnded& ended) {
    // What has arrived before a task's end counts as waiting behind that task.
    receive_shell();
    EngineOutbox out;
    const Now now = parts_.clock.now();
    core_->on_output(ended.run, ended.output, now, out);
    core_->on_finished(ended.run, std::move(ended.outcome), now, out);
    carry_out(out);
  }

  void on_event(const FirstPing&) {
    EngineOutbox out;
    core_->on_ready(parts_.clock.now(), out);
    carry_out(out);
  }

  void on_event(const ControllerLost&) {
    parts_.log.write(LogLevel::kError, "No heartbeat from the controller for " +
                                           std::to_string(parts_.options.heartbeat_misses_max) +
                                           " periods; this engine leaves.");
    leave_ = Leave{};
  }

  void on_signals() {
    while (const auto signal = parts_.signals.take()) {
      if (*signal == SIGINT && core_) {
        EngineOutbox out;
        const bool busy = core_->on_interrupt(out);
        carry_out(out);
        if (busy) continue;
        if (isatty(STDIN_FILENO) == 0) {
          parts_.log.write(LogLevel::kWarning,
                           "SIGINT is ignored while no task runs; SIGTERM ends this engine.");
          continue;
        }
      }
      parts_.log.write(LogLevel::kInfo, "Asked to leave by a signal.");
      leave_ = Leave{};
    }
  }

  // --- carrying out ---

  void carry_out(EngineOutbox& out) {
    for (OutgoingEngineMessage& outgoing : out.messages) send(outgoing);
    if (out.clear_name_space) parts_.host.clear_names();
    if (out.restart) parts_.host.restart(parts_.clock.now());
    if (out.starts.empty() && out.stops.empty()) return finish(out);
    const Now now = parts_.clock.now();
    for (const WorkQueue::Start& start : out.starts) parts_.host.start(start, now);
    for (const StopRun& stop : out.stops) parts_.host.stop(stop, now);
    finish(out);
  }

  void finish(EngineOutbox& out) {
    for (RunAnswer& answer : out.answers) parts_.host.answer(answer.run, std::move(answer.text));
    for (const RunNumber run : out.ports_wanted) parts_.host.answer(run, std::nullopt);
    for (const EngineLogLine& line : out.log_lines) parts_.log.write(line.level, line.text);
    if (out.leave) leave_ = out.leave;
  }

  void send(const OutgoingEngineMessage& outgoing) {
    const auto sent = socket_of(outgoing.channel).send(wire_.encode(outgoing.message));
    if (!sent) {
      parts_.log.write(LogLevel::kError, "A " + outgoing.message.header.msg_type +
                                             " could not be sent: " + sent.error().text);
    }
  }

  Socket& socket_of(EngineChannel channel) {
    switch (channel) {
      case EngineChannel::kRegistration:
        return *registration_socket_;
      case EngineChannel::kShell:
        return *shell_;
      case EngineChannel::kControl:
        return *control_;
      case EngineChannel::kIopub:
      case EngineChannel::kStdin:
        break;
    }
    return *iopub_;
  }

  /// One line for the 1st, 2nd, 4th, 8th, ... bad message: a flood of them must not flood the log.
  void count_bad_message(EngineChannel channel, const Error& error) {
    ++bad_messages_;
    if (!std::has_single_bit(bad_messages_)) return;
    parts_.log.write(LogLevel::kWarning, "Dropped bad message " + std::to_string(bad_messages_) +
                                             ", on " + std::string(channel_name(channel)) + ": " +
                                             error.text);
  }

  // --- leaving ---

  EngineExit leave() {
    EngineOutbox out;
    registration_.leave(parts_.clock.now(), out);
    carry_out(out);
    const bool idle = parts_.host.leave(kTaskGrace);
    if (!idle) parts_.log.write(LogLevel::kWarning, "A task does not stop; leaving without it.");
    heart_.reset();
    parts_.log.write(LogLevel::kInfo, "Left the cluster.");
    return EngineExit{kExitOk, leave_->signal, !idle};
  }

  const EngineParts& parts_;
  Wire wire_;
  EngineUuid uuid_;
  Registration registration_;
  std::optional<EngineCore> core_;  // from joining on
  std::optional<Leave> leave_;      // set when the loop shall end
  std::uint64_t bad_messages_ = 0;

  Mailbox<LoopEvent> events_;
  std::optional<NetContext> context_{std::in_place};
  std::optional<Socket> registration_socket_;
  std::optional<Socket> iopub_;
  std::optional<Socket> shell_;
  std::optional<Socket> control_;
  std::unique_ptr<Heart> heart_;
};

}  // namespace

EngineExit run_engine(const EngineParts& parts) {
  auto wire = make_wire(parts.connection);
  if (!wire) {
    parts.log.write(LogLevel::kError, wire.error().text);
    return EngineExit{kExitConfiguration, std::nullopt, false};
  }
  // Not freed when tasks still run: their threads use it until the process ends.
  auto loop = std::make_unique<EngineLoop>(parts, std::move(*wire));
  const EngineExit exit = loop->run();
  if (exit.tasks_running) {
    loop->close_sockets();
    static_cast<void>(loop.release());
  }
  return exit;
}

}  // namespace trireme
