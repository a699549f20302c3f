// The engine's one loop.
#include "engine/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <variant>

#include "engine/cells/languages.hpp"
#include "engine/engine_core.hpp"
#include "engine/engine_desk.hpp"
#include "engine/heart.hpp"
#include "engine/registration.hpp"
#include "net/connection_watch.hpp"
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

struct FirstPing {};
struct ControllerReturned {};
struct ControllerLost {};
using LoopEvent = std::variant<FirstPing, ControllerReturned, ControllerLost>;

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
    if (desk_ != nullptr) desk_->close();
    connections_.reset();
    registration_socket_.reset();
    context_.reset();
  }

 private:
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
    auto connections = ConnectionWatch::open(*context_, *registration_socket_);
    if (!connections) return connections.error();
    connections_.emplace(std::move(*connections));
    parts_.loop.watch(connections_->events(), [this] { on_connections(); });
    const std::string address = url(parts_.connection.registration);
    if (auto done = registration_socket_->connect(address); !done) return done.error();
    parts_.log.write(LogLevel::kInfo, "Registering at " + address + " as " + uuid_.str() + ".");
    parts_.loop.watch(*registration_socket_, [this] { receive_registration(); });
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

  void on_registration(const Message& message) {
    EngineOutbox out;
    registration_.on_message(message, out);
    carry_out(out);
    if (desk_ != nullptr) desk_->rename(registration_.membership()->id);
  }

  Result<void> connect() {
    const Membership& membership = *registration_.membership();
    auto sockets = open_sockets(membership.id);
    if (!sockets) return sockets.error();
    auto wire = make_wire(parts_.connection);
    if (!wire) return wire.error();
    EngineCore core(EngineMessages({uuid_, membership.id}, factory("e")), parts_.options.threads,
                    {TRIREME_VERSION, known_language(parts_.host.language())});
    desk_ = std::make_unique<EngineDesk>(desk_parts(), std::move(*wire), std::move(core),
                                         std::move(*sockets));
    parts_.loop.watch_fd(events_.fd(), [this] { on_events(); });
    write_will();
    return start_heart(membership);
  }

  Result<DeskSockets> open_sockets(EngineId id) {
    const EngineConnection& connection = parts_.connection;
    SocketOptions router = socket_options();
    router.take_over_identities = true;  // a controller that was restarted has the same names
    auto iopub = open(SocketType::kPub, socket_options(), {connection.iopub});
    if (!iopub) return iopub.error();
    std::vector<int> shell_ports{connection.mux, connection.task};
    if (!connection.broadcast.empty()) {
      const auto leaf = static_cast<std::size_t>(id.value());
      shell_ports.push_back(connection.broadcast[leaf % connection.broadcast.size()]);
    }
    auto shell = open(SocketType::kRouter, router, shell_ports);
    if (!shell) return shell.error();
    auto control = open(SocketType::kRouter, router, {connection.control});
    if (!control) return control.error();
    return DeskSockets{std::move(*shell), std::move(*control), std::move(*iopub)};
  }

  Result<Socket> open(SocketType type, const SocketOptions& options,
                      const std::vector<int>& ports) {
    auto socket = Socket::open(*context_, type, options);
    for (std::size_t i = 0; socket && i < ports.size(); ++i) {
      if (auto done = socket->connect(url(ports[i])); !done) return done.error();
    }
    return socket;
  }

  EngineDesk::Parts desk_parts() {
    const EngineConnection& connection = parts_.connection;
    KernelConnection front_ends;
    front_ends.key = connection.key;
    front_ends.signature_scheme = connection.signature_scheme;
    front_ends.kernel_name = "trireme";
    std::optional<Error> none;
    if (connection.curve_serverkey) {
      none = Error{ErrorCode::kConfiguration,
                   "Front ends cannot speak CURVE, which this cluster uses."};
    } else if (connection.pack != "json") {
      none = Error{ErrorCode::kConfiguration,
                   "Front ends speak JSON, this cluster packs with " + connection.pack + "."};
    }
    return {parts_.loop, parts_.clock,          parts_.log,      parts_.host,
            *context_,   std::move(front_ends), std::move(none), parts_.front_end_folder};
  }

  void write_will() {
    if (parts_.will == nullptr) return;
    parts_.will->write(url(parts_.connection.registration), parts_.connection.curve_serverkey,
                       wire_.encode(registration_.goodbye(parts_.clock.now())));
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
                                           [this] { events_.put(ControllerReturned{}); },
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
    if (desk_ != nullptr && desk_->leave()) leave_ = desk_->leave();
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

  void receive_registration() {
    Frames frames;
    while (registration_socket_->receive(frames)) {
      auto message = wire_.decode(frames, Wire::Replays::kRefuse);
      if (message) {
        on_registration(*message);
      } else {
        log_bad_message(parts_.log, ++bad_messages_, "registration", message.error());
      }
    }
  }

  void on_events() {
    for (LoopEvent& event : events_.take()) {
      std::visit([this](auto& happened) { on_event(happened); }, event);
    }
  }

  void on_event(const FirstPing&) { desk_->say_hello(); }

  /// A controller that takes the connection again may be another one.
  void on_connections() {
    while (const auto event = connections_->take()) {
      if (*event == ConnectionEvent::kMade && desk_ != nullptr) on_event(ControllerReturned{});
    }
  }

  void on_event(const ControllerReturned&) {
    parts_.log.write(LogLevel::kInfo, "The controller was away and is back.");
    EngineOutbox out;
    registration_.check(parts_.clock.now(), out);
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
      if (*signal == SIGINT && desk_ != nullptr) {
        if (desk_->interrupt()) continue;
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

  /// Of the registration.
  void carry_out(EngineOutbox& out) {
    for (OutgoingEngineMessage& outgoing : out.messages) {
      const auto sent = registration_socket_->send(wire_.encode(outgoing.message));
      if (!sent) parts_.log.write(LogLevel::kError, sent.error().text);
    }
    for (const EngineLogLine& line : out.log_lines) parts_.log.write(line.level, line.text);
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
  std::optional<Leave> leave_;  // set when the loop shall end
  std::uint64_t bad_messages_ = 0;

  Mailbox<LoopEvent> events_;
  std::optional<NetContext> context_{std::in_place};
  std::optional<Socket> registration_socket_;
  std::optional<ConnectionWatch> connections_;  // of the registration socket
  std::unique_ptr<EngineDesk> desk_;            // from joining on
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
