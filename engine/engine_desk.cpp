// Receive, decode, ask the core, carry out.
#include "engine/engine_desk.hpp"

#include <unistd.h>

#include <bit>
#include <string_view>
#include <utility>
#include <variant>

namespace trireme {
namespace {

/// Messages taken from one socket before the others get their turn.
constexpr int kBatchMax = 256;

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

std::string address(const KernelConnection& connection, int port) {
  return connection.transport + "://" + connection.ip + ":" +
         (port == 0 ? std::string("*") : std::to_string(port));
}

}  // namespace

void log_bad_message(Log& log, std::uint64_t count, std::string_view channel, const Error& error) {
  if (!std::has_single_bit(count)) return;
  log.write(LogLevel::kWarning, "Dropped bad message " + std::to_string(count) + ", on " +
                                    std::string(channel) + ": " + error.text);
}

EngineDesk::EngineDesk(Parts parts, Wire wire, EngineCore core, DeskSockets sockets)
    : parts_(std::move(parts)),
      wire_(std::move(wire)),
      core_(std::move(core)),
      sockets_(std::move(sockets)) {
  parts_.loop.watch(sockets_->control, [this] {
    receive(sockets_->control, EngineChannel::kControl, &EngineDesk::on_control);
  });
  parts_.loop.watch(sockets_->shell, [this] { receive_shell(); });
  parts_.host.join(core_.identity(), [this](HostEvent event) {
    std::visit([this](auto& happened) { on_event(happened); }, event);
  });
}

EngineDesk::~EngineDesk() = default;

void EngineDesk::hold_requests() { parts_.loop.unwatch(sockets_->shell); }

void EngineDesk::take_requests() {
  parts_.loop.watch(sockets_->shell, [this] { receive_shell(); });
  receive_shell();
}

void EngineDesk::close() {
  front_ends_.reset();
  sockets_.reset();
}

Result<KernelConnection> EngineDesk::bind_front_ends() {
  if (front_ends_) return front_ends_->connection;
  if (parts_.no_front_ends) return *parts_.no_front_ends;
  KernelConnection bound = parts_.front_ends;
  auto input = Socket::open(parts_.context, SocketType::kRouter);
  if (!input) return input.error();
  auto heart = Socket::open(parts_.context, SocketType::kRouter);
  if (!heart) return heart.error();
  for (auto [socket, port] :
       {std::pair{&sockets_->shell, &bound.shell_port},
        std::pair{&sockets_->control, &bound.control_port},
        std::pair{&sockets_->iopub, &bound.iopub_port}, std::pair{&*input, &bound.stdin_port},
        std::pair{&*heart, &bound.hb_port}}) {
    auto done = socket->bind(address(bound, *port));
    if (!done) return done.error();
    *port = *done;
  }
  front_ends_.emplace(FrontEndSockets{std::move(*input), std::move(*heart), bound});
  core_.open_stdin();
  parts_.loop.watch(front_ends_->input, [this] {
    receive(front_ends_->input, EngineChannel::kStdin, &EngineDesk::on_stdin);
  });
  parts_.loop.watch(front_ends_->heart, [this] { on_heart(); });
  return bound;
}

void EngineDesk::say_hello() {
  EngineOutbox out;
  core_.on_ready(parts_.clock.now(), out);
  carry_out(out);
}

bool EngineDesk::interrupt() {
  EngineOutbox out;
  const bool busy = core_.on_interrupt(out);
  carry_out(out);
  return busy;
}

void EngineDesk::receive(Socket& socket, EngineChannel channel, Handler handle) {
  Frames frames;
  for (int count = 0; count < kBatchMax && socket.receive(frames); ++count) {
    // Work may come again for good reasons; the core knows it by its id.
    auto message = wire_.decode(
        frames, channel == EngineChannel::kShell ? Wire::Replays::kAllow : Wire::Replays::kRefuse);
    if (message) {
      (this->*handle)(std::move(*message));
    } else {
      log_bad_message(parts_.log, ++bad_messages_, channel_name(channel), message.error());
    }
  }
}

void EngineDesk::receive_shell() {
  receive(sockets_->shell, EngineChannel::kShell, &EngineDesk::on_shell);
}

void EngineDesk::on_heart() {
  Frames frames;
  for (int count = 0; count < kBatchMax && front_ends_->heart.receive(frames); ++count) {
    static_cast<void>(front_ends_->heart.send(std::move(frames)));
  }
}

void EngineDesk::on_shell(Message message) {
  EngineOutbox out;
  core_.on_shell(std::move(message), parts_.clock.now(), out);
  carry_out(out);
}

void EngineDesk::on_control(Message message) {
  EngineOutbox out;
  core_.on_control(message, parts_.clock.now(), out);
  carry_out(out);
}

void EngineDesk::on_stdin(Message message) {
  EngineOutbox out;
  core_.on_stdin(message, out);
  carry_out(out);
}

void EngineDesk::on_event(const RunOutput& output) {
  EngineOutbox out;
  core_.on_output(output.run, output.pieces, parts_.clock.now(), out);
  carry_out(out);
}

void EngineDesk::on_event(const RunWaits& waits) {
  EngineOutbox out;
  core_.on_waits(waits, parts_.clock.now(), out);
  carry_out(out);
}

void EngineDesk::on_event(RunEnded& ended) {
  // What has arrived before a task's end counts as waiting behind that task.
  receive_shell();
  EngineOutbox out;
  const Now now = parts_.clock.now();
  core_.on_output(ended.run, ended.output, now, out);
  core_.on_finished(ended.run, std::move(ended.outcome), now, out);
  carry_out(out);
}

void EngineDesk::carry_out(EngineOutbox& out) {
  for (OutgoingEngineMessage& outgoing : out.messages) send(outgoing);
  if (out.clear_name_space) parts_.host.clear_names();
  if (!out.starts.empty() || !out.stops.empty() || out.restart) {
    const Now now = parts_.clock.now();
    if (out.restart) parts_.host.restart(now);
    for (const WorkQueue::Start& start : out.starts) parts_.host.start(start, now);
    for (const StopRun& stop : out.stops) parts_.host.stop(stop, now);
  }
  for (RunAnswer& answer : out.answers) parts_.host.answer(answer.run, std::move(answer.text));
  for (const RunNumber run : out.ports_wanted) answer_with_ports(run);
  for (const EngineLogLine& line : out.log_lines) parts_.log.write(line.level, line.text);
  if (out.leave) leave_ = out.leave;
}

void EngineDesk::send(const OutgoingEngineMessage& outgoing) {
  Socket* socket = &sockets_->iopub;
  if (outgoing.channel == EngineChannel::kShell) socket = &sockets_->shell;
  if (outgoing.channel == EngineChannel::kControl) socket = &sockets_->control;
  if (outgoing.channel == EngineChannel::kStdin) socket = &front_ends_->input;
  const auto sent = socket->send(wire_.encode(outgoing.message));
  if (!sent) {
    parts_.log.write(LogLevel::kError, "A " + outgoing.message.header.msg_type +
                                           " could not be sent: " + sent.error().text);
  }
}

void EngineDesk::answer_with_ports(RunNumber run) {
  const auto give_up = [&](const Error& error) {
    parts_.log.write(LogLevel::kError, "No ports for front ends: " + error.text);
    parts_.host.answer(run, std::nullopt);
  };
  const auto bound = bind_front_ends();
  if (!bound) return give_up(bound.error());
  const std::filesystem::path file =
      parts_.front_end_folder / ("kernel-" + std::to_string(getpid()) + ".json");
  if (auto written = write_kernel_connection(*bound, file); !written) {
    return give_up(written.error());
  }
  parts_.log.write(LogLevel::kInfo,
                   "Front ends may connect: jupyter console --existing " + file.string());
  parts_.host.answer(run, file.string());
}

}  // namespace trireme
