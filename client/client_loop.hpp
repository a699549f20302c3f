// The client's one I/O thread: sockets on one side, the core on the other, nothing decided here.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "client/client_core.hpp"
#include "net/connection_watch.hpp"
#include "net/poll_loop.hpp"
#include "net/socket.hpp"
#include "net/wake_up.hpp"
#include "session/connection_file.hpp"
#include "session/result.hpp"
#include "session/wire.hpp"

namespace trireme {

/// What the loop tells, on its own thread. Functions must be short.
class ClientLoopListener {
 public:
  virtual ~ClientLoopListener() = default;
  virtual void on_engines(const std::map<EngineId, EngineUuid>& engines) = 0;
  /// The loop ends. Nothing may be posted any more; everything pending fails for this reason.
  virtual void on_closed(const std::string& reason) = 0;
};

/// What other threads ask of the loop.
struct SubmitCommand {
  std::vector<Submission> submissions;
};
struct WatchCommand {
  std::vector<MsgId> ids;
  CallTask first;
};
struct AbortCommand {
  std::optional<std::vector<MsgId>> ids;  // none: all of this client's
};
struct CloseCommand {
  std::string reason;
};
using ClientCommand = std::variant<SubmitCommand, WatchCommand, AbortCommand, CloseCommand>;

/// Owns the sockets and the thread. post() may be called from any thread, the rest belongs to the
/// owner.
class ClientLoop {
 public:
  /// The listener must outlive the loop.
  ClientLoop(ClientCore core, Wire wire, ClientLoopListener& listener);
  /// Closes.
  ~ClientLoop();

  /// Connects the sockets and starts the thread. kConfiguration for keys or addresses that cannot
  /// be used, kIo when the system has no sockets to give.
  Result<void> start(const ClientConnection& connection);
  void post(ClientCommand command) { commands_.put(std::move(command)); }
  /// Carries out what was posted before, then fails what is pending and ends the thread. Must not
  /// be called on the loop's own thread.
  void close(const std::string& reason);
  bool is_own_thread() const { return std::this_thread::get_id() == thread_id_.load(); }

  /// Messages that were refused (bad signature, malformed), and why the last one was.
  std::uint64_t refused() const noexcept { return refused_.load(); }

 private:
  /// A socket with what is told of its connections.
  struct Line {
    std::optional<Socket> socket;
    std::optional<ConnectionWatch> watch;  // of a DEALER; ends before the socket
  };

  void run();
  Result<void> open(ClientChannel channel);
  void attend(ClientChannel channel);
  void receive(ClientChannel channel);
  void drain(ClientChannel channel);
  void take(ClientChannel channel, const Frames& frames);
  void on_connection(ClientChannel channel);
  void reopen(ClientChannel channel);
  void take_commands();
  void carry_out(ClientCommand& command, Now now);
  void flush();
  Line& line(ClientChannel channel) { return lines_[static_cast<std::size_t>(channel)]; }

  NetContext context_;
  ClientConnection connection_;
  std::array<Line, kClientChannelCount> lines_;
  PollLoop poll_;
  Mailbox<ClientCommand> commands_;
  SystemClock clock_;
  Wire wire_;
  ClientCore core_;
  ClientOutbox outbox_;
  ClientLoopListener& listener_;
  bool running_ = true;
  std::string close_reason_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::thread::id> thread_id_{};
  std::thread thread_;
};

}  // namespace trireme
