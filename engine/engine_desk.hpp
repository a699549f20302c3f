// An engine's dealings with whoever sends it requests: sockets to core, core to sockets and host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/engine_core.hpp"
#include "engine/engine_outbox.hpp"
#include "engine/kernel_connection.hpp"
#include "engine/task_host.hpp"
#include "net/poll_loop.hpp"
#include "net/socket.hpp"
#include "session/clock.hpp"
#include "session/log.hpp"
#include "session/wire.hpp"

namespace trireme {

/// The sockets that carry requests and outputs, connected or bound by whoever made them.
struct DeskSockets {
  Socket shell;    // ROUTER
  Socket control;  // ROUTER
  Socket iopub;    // PUB
};

/// Feeds an EngineCore and carries out what it asks for. Decides nothing itself. Belongs to the
/// loop's thread; keeps its address while it lives.
class EngineDesk {
 public:
  struct Parts {
    PollLoop& loop;
    const Clock& clock;
    Log& log;
    TaskHost& host;
    NetContext& context;
    KernelConnection front_ends;             // key, address and wishes for their ports
    std::optional<Error> no_front_ends;      // why there can be none
    std::filesystem::path front_end_folder;  // where ports opened on demand are written down
  };
  /// What `parts` refers to must outlive the desk.
  EngineDesk(Parts parts, Wire wire, EngineCore core, DeskSockets sockets);
  ~EngineDesk();
  EngineDesk(const EngineDesk&) = delete;
  EngineDesk& operator=(const EngineDesk&) = delete;

  /// Opens ports for front ends of the Jupyter protocol as Parts::front_ends says, and returns
  /// which they are; the same ones when they are open. The errors are those of Socket::bind().
  Result<KernelConnection> bind_front_ends();

  /// Requests wait on the shell channel from now on; the other channels are served.
  void hold_requests();
  /// They are taken again, those that waited first.
  void take_requests();

  /// Closes all sockets; what was sent goes out while they linger.
  void close();
  /// The hub knows this engine under another id now.
  void rename(EngineId id) { core_.rename(id); }
  /// The outputs are connected: say hello.
  void say_hello();
  /// Ctrl-C or its like; false when nothing runs.
  bool interrupt();
  /// Set when the core wants the engine to end.
  const std::optional<Leave>& leave() const noexcept { return leave_; }

 private:
  /// Sockets that exist once front ends may come.
  struct FrontEndSockets {
    Socket input;  // ROUTER
    Socket heart;  // ROUTER; echoes beats
    KernelConnection connection;
  };
  using Handler = void (EngineDesk::*)(Message);

  void receive(Socket& socket, EngineChannel channel, Handler handle);
  void on_shell(Message message);
  void on_control(Message message);
  void on_stdin(Message message);
  void on_heart();
  void on_event(const RunOutput& output);
  void on_event(const RunWaits& waits);
  void on_event(RunEnded& ended);
  void receive_shell();
  void carry_out(EngineOutbox& out);
  void send(const OutgoingEngineMessage& outgoing);
  void answer_with_ports(RunNumber run);

  Parts parts_;
  Wire wire_;
  EngineCore core_;
  std::optional<DeskSockets> sockets_;
  std::optional<FrontEndSockets> front_ends_;
  std::optional<Leave> leave_;
  std::uint64_t bad_messages_ = 0;
};

/// One line for the 1st, 2nd, 4th, 8th, ... bad message: a flood of them must not flood the log.
void log_bad_message(Log& log, std::uint64_t count, std::string_view channel, const Error& error);

}  // namespace trireme
