#include "client/client_loop.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include "client/call_state.hpp"

namespace trireme {
namespace {

/// Messages taken from one socket before the others get their turn.
constexpr int kBatch = 256;

struct ChannelSocket {
  ClientChannel channel;
  SocketType type;
  int (*port)(const ClientConnection&);
};
using Connection = ClientConnection;
constexpr ChannelSocket kSockets[] = {
    {ClientChannel::kIopub, SocketType::kSub, [](const Connection& c) { return c.iopub; }},
    {ClientChannel::kNotification, SocketType::kSub,
     [](const Connection& c) { return c.notification; }},
    {ClientChannel::kQuery, SocketType::kDealer,
     [](const Connection& c) { return c.registration; }},
    {ClientChannel::kMux, SocketType::kDealer, [](const Connection& c) { return c.mux; }},
    {ClientChannel::kControl, SocketType::kDealer, [](const Connection& c) { return c.control; }},
    {ClientChannel::kTask, SocketType::kDealer, [](const Connection& c) { return c.task; }},
    {ClientChannel::kBroadcast, SocketType::kDealer,
     [](const Connection& c) { return c.broadcast; }},
};
static_assert(std::size(kSockets) == kClientChannelCount);

/// Signals are the program's own business: its threads get them, not this one.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

ClientLoop::ClientLoop(ClientCore core, Wire wire, ClientLoopListener& listener)
    : wire_(std::move(wire)), core_(std::move(core)), listener_(listener) {}

ClientLoop::~ClientLoop() { close("the client was closed"); }

Result<void> ClientLoop::start(const ClientConnection& connection) {
  connection_ = connection;
  for (const ChannelSocket& entry : kSockets) {
    if (const Result<void> opened = open(entry.channel); !opened) return opened.error();
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

Result<void> ClientLoop::open(ClientChannel channel) {
  const ChannelSocket& entry = *std::find_if(
      std::begin(kSockets), std::end(kSockets),
      [channel](const ChannelSocket& candidate) { return candidate.channel == channel; });
  const int port = entry.port(connection_);
  if (port == 0) return {};  // a controller of old without this channel
  SocketOptions options;
  options.curve_server_key = connection_.curve_serverkey;
  Result<Socket> opened = Socket::open(context_, entry.type, options);
  if (!opened) return opened.error();
  Line& to = line(channel);
  to.socket = std::move(*opened);
  if (entry.type == SocketType::kSub) {
    to.socket->subscribe("");
  } else {
    Result<ConnectionWatch> watch = ConnectionWatch::open(context_, *to.socket);
    if (!watch) return watch.error();
    to.watch.emplace(std::move(*watch));
  }
  return to.socket->connect(peer_url(connection_, port));
}

void ClientLoop::close(const std::string& reason) {
  if (!thread_.joinable()) return;
  TRIREME_CHECK(!is_own_thread(), "a client must not be closed in an on_ready callback");
  post(CloseCommand{reason});
  thread_.join();
}

void ClientLoop::run() {
  thread_id_ = std::this_thread::get_id();
  block_signals();
  poll_.watch_fd(commands_.fd(), [this] { take_commands(); });
  for (const ChannelSocket& entry : kSockets) attend(entry.channel);
  core_.on_start(clock_.now(), outbox_);
  flush();
  while (running_) {
    poll_.wait(core_.next_deadline());
    core_.on_deadline(clock_.now(), outbox_);
    flush();
  }
  // From here on nothing more is posted; what was posted meanwhile must not be forgotten.
  listener_.on_closed(close_reason_);
  take_commands();
  core_.on_close(close_reason_, outbox_);
  flush();
  for (Line& ended : lines_) {
    ended.watch.reset();
    ended.socket.reset();
  }
}

void ClientLoop::attend(ClientChannel channel) {
  Line& to = line(channel);
  if (to.socket.has_value()) poll_.watch(*to.socket, [this, channel] { receive(channel); });
  if (to.watch.has_value()) {
    poll_.watch(to.watch->events(), [this, channel] { on_connection(channel); });
  }
}

void ClientLoop::receive(ClientChannel channel) {
  Frames frames;
  for (int i = 0; i < kBatch && running_ && line(channel).socket->receive(frames); ++i) {
    take(channel, frames);
  }
}

void ClientLoop::drain(ClientChannel channel) {
  Frames frames;
  while (running_ && line(channel).socket->receive(frames)) take(channel, frames);
}

void ClientLoop::take(ClientChannel channel, const Frames& frames) {
  const Result<Message> message = wire_.decode(frames, Wire::Replays::kRefuse);
  if (!message) {
    ++refused_;
    return;
  }
  core_.on_message(channel, *message, clock_.now(), outbox_);
  flush();
}

void ClientLoop::on_connection(ClientChannel channel) {
  // The watch may be another one after each event.
  while (line(channel).watch.has_value()) {
    const std::optional<ConnectionEvent> event = line(channel).watch->take();
    if (!event) return;
    if (*event == ConnectionEvent::kMade) {
      core_.on_connection_made(channel, clock_.now(), outbox_);
    } else {
      drain(channel);
      core_.on_connection_lost(channel, outbox_);
    }
    flush();
  }
}

void ClientLoop::reopen(ClientChannel channel) {
  Line& old = line(channel);
  old.socket->drop_unsent();
  old.watch.reset();
  old.socket.reset();
  // What was open once can be opened again, unless the system has run out of sockets: then the
  // channel stays away, and callers wait as long as they like.
  if (const Result<void> opened = open(channel); opened) return attend(channel);
  old.watch.reset();
  old.socket.reset();
}

void ClientLoop::take_commands() {
  const Now now = clock_.now();
  for (ClientCommand& command : commands_.take()) {
    carry_out(command, now);
    flush();
  }
}

void ClientLoop::carry_out(ClientCommand& command, Now now) {
  if (auto* submit = std::get_if<SubmitCommand>(&command)) {
    for (Submission& submission : submit->submissions) {
      core_.on_submit(std::move(submission), now, outbox_);
      flush();
    }
  } else if (auto* watch = std::get_if<WatchCommand>(&command)) {
    core_.on_watch(std::move(watch->ids), std::move(watch->first), now, outbox_);
  } else if (auto* abort = std::get_if<AbortCommand>(&command)) {
    core_.on_abort(std::move(abort->ids), now, outbox_);
  } else if (auto* close = std::get_if<CloseCommand>(&command); close != nullptr && running_) {
    running_ = false;
    close_reason_ = std::move(close->reason);
  }
}

void ClientLoop::flush() {
  for (ClientOutbox::Outgoing& outgoing : outbox_.outgoing) {
    std::optional<Socket>& to = line(outgoing.channel).socket;
    // A socket that is full or gone loses the message: the client is closing or the system is out
    // of memory; the controller never hears of it and the caller's limit of waiting decides.
    if (to.has_value()) (void)to->send(wire_.encode(outgoing.message));
  }
  outbox_.outgoing.clear();
  for (const ClientChannel channel : std::exchange(outbox_.reopen, {})) reopen(channel);
  // Callbacks of results may run in here; they can only post commands.
  std::vector<ClientOutbox::Shown> shown = std::move(outbox_.shown);
  std::vector<ClientOutbox::Ended> ended = std::move(outbox_.ended);
  outbox_.shown.clear();
  outbox_.ended.clear();
  for (ClientOutbox::Shown& one : shown) {
    one.task.call->add_output(one.task.index, std::move(one.output));
  }
  for (ClientOutbox::Ended& one : ended) {
    one.task.call->set_reply(one.task.index, std::move(one.reply));
  }
  if (std::exchange(outbox_.engines_changed, false)) listener_.on_engines(core_.engines());
  if (std::exchange(outbox_.controller_is_gone, false) && running_) {
    running_ = false;
    close_reason_ = "the controller was shut down";
  }
}

}  // namespace trireme
