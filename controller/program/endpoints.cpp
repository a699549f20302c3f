#include "controller/program/endpoints.hpp"

#include <unistd.h>

#include <utility>

namespace trireme {
namespace {

enum class Side { kEngines, kClients };

// One socket to bind: where its port stands in a connection file decides whose pool it draws from.
struct Row {
  Channel channel;
  SocketType type;
  const char* identity;  // null: made up by ZeroMQ
  Side side;
  int ConnectionCommon::*common_port;  // one of the three is set
  int EngineConnection::*engine_port;
  int ClientConnection::*client_port;
};

// In the order in which ports are drawn. Towards an engine's one ROUTER the identities of mux,
// task and broadcast must differ, or ZeroMQ refuses the second connection.
constexpr Row kRows[] = {
    {Channel::kQuery, SocketType::kRouter, nullptr, Side::kEngines, &ConnectionCommon::registration,
     nullptr, nullptr},
    {Channel::kControlEngines, SocketType::kRouter, "control_out", Side::kEngines,
     &ConnectionCommon::control, nullptr, nullptr},
    {Channel::kMuxEngines, SocketType::kRouter, "mux_out", Side::kEngines, &ConnectionCommon::mux,
     nullptr, nullptr},
    {Channel::kTaskEngines, SocketType::kRouter, "task_out", Side::kEngines,
     &ConnectionCommon::task, nullptr, nullptr},
    {Channel::kIopubEngines, SocketType::kSub, nullptr, Side::kEngines, &ConnectionCommon::iopub,
     nullptr, nullptr},
    {Channel::kHeartPing, SocketType::kPub, nullptr, Side::kEngines, nullptr,
     &EngineConnection::hb_ping, nullptr},
    {Channel::kHeartPong, SocketType::kRouter, nullptr, Side::kEngines, nullptr,
     &EngineConnection::hb_pong, nullptr},
    {Channel::kBroadcastEngines, SocketType::kRouter, "sub_scheduler_00", Side::kEngines, nullptr,
     nullptr, nullptr},
    {Channel::kControlClients, SocketType::kRouter, "control_in", Side::kClients,
     &ConnectionCommon::control, nullptr, nullptr},
    {Channel::kMuxClients, SocketType::kRouter, "mux_in", Side::kClients, &ConnectionCommon::mux,
     nullptr, nullptr},
    {Channel::kTaskClients, SocketType::kRouter, "task_in", Side::kClients, &ConnectionCommon::task,
     nullptr, nullptr},
    {Channel::kIopubClients, SocketType::kPub, "iopub", Side::kClients, &ConnectionCommon::iopub,
     nullptr, nullptr},
    {Channel::kNotification, SocketType::kPub, nullptr, Side::kClients, nullptr, nullptr,
     &ClientConnection::notification},
    {Channel::kBroadcastClients, SocketType::kRouter, "sub_scheduler_0", Side::kClients, nullptr,
     nullptr, &ClientConnection::broadcast},
};
static_assert(std::size(kRows) == kChannelCount);

// Messages in ZeroMQ's hands for one peer, or from one peer (docs/reliability.md).
constexpr int kRepliesUnreadMax = 256;
constexpr int kRequestsUnreadMax = 1000;
constexpr int kPublishedUnreadMax = 20'000;
constexpr int kOutputUnreadMax = 20'000;

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

class Binder {
 public:
  Binder(NetContext& context, const ControllerOptions& options, const EndpointPlan& plan)
      : context_(context),
        options_(options),
        plan_(plan),
        engine_pool_(options.engines.ports),
        client_pool_(options.clients.ports),
        shared_pool_(options.shared_ports) {}

  Result<Endpoints> run() {
    fill_common();
    std::vector<std::optional<Socket>> sockets(kChannelCount);
    for (const Row& row : kRows) {
      Result<Socket> socket = bind_row(row);
      if (!socket) return socket.error();
      sockets[static_cast<std::size_t>(row.channel)] = *std::move(socket);
    }
    for (std::optional<Socket>& socket : sockets) result_.sockets.push_back(*std::move(socket));
    result_.socket(Channel::kIopubEngines).subscribe("");
    return std::move(result_);
  }

 private:
  void fill_common() {
    if (plan_.reused_client && plan_.reused_engine) {
      result_.client = *plan_.reused_client;
      result_.engine = *plan_.reused_engine;
      return;
    }
    for (ConnectionCommon* file : {static_cast<ConnectionCommon*>(&result_.client),
                                   static_cast<ConnectionCommon*>(&result_.engine)}) {
      file->key = plan_.key;
      if (plan_.curve) file->curve_serverkey = plan_.curve->public_key;
      file->location = options_.location.empty() ? host_name() : options_.location;
      file->pack = options_.packer;
      file->unpack = options_.packer;
      if (options_.packer == "msgpack.packb") file->unpack = "msgpack.unpackb";
      file->signature_scheme = options_.signature_scheme;
    }
    result_.client.ssh = options_.clients.ssh;
    result_.engine.ssh = options_.engines.ssh;
    result_.client.interface = interface_of(options_.clients, "c-ipc");
    result_.engine.interface = interface_of(options_.engines, "e-ipc");
    result_.client.task_scheme = options_.scheme;
    result_.engine.broadcast = {0};
  }

  std::string interface_of(const SideOptions& side, const char* ipc_name) const {
    if (side.transport == "tcp") return "tcp://" + side.ip;
    const bool is_path = side.ip.find('/') != std::string::npos;
    return "ipc://" + (is_path ? side.ip : plan_.ipc_folder + "/" + ipc_name);
  }

  int& port_of(const Row& row) {
    if (row.client_port != nullptr) return result_.client.*row.client_port;
    if (row.engine_port != nullptr) return result_.engine.*row.engine_port;
    if (row.common_port == nullptr) return result_.engine.broadcast.front();
    if (row.side == Side::kClients) return result_.client.*row.common_port;
    return result_.engine.*row.common_port;
  }

  const std::string& interface_for(Side side) const {
    return side == Side::kClients ? result_.client.interface : result_.engine.interface;
  }

  static std::string url(const std::string& interface, int port) {
    const bool is_tcp = interface.starts_with("tcp://");
    if (is_tcp) return interface + ":" + (port == 0 ? "*" : std::to_string(port));
    return interface + "-" + std::to_string(port);
  }

  Result<Socket> bind_row(const Row& row) {
    SocketOptions options;
    if (row.identity != nullptr) options.identity = row.identity;
    if (row.channel == Channel::kIopubClients) options.identity = plan_.session + "_iopub";
    if (plan_.curve) options.curve_secret_key = plan_.curve->secret_key;
    // An engine that lost its connection returns under the same identity before ZeroMQ has
    // noticed that the old connection is dead.
    options.take_over_identities = row.side == Side::kEngines && row.channel != Channel::kQuery;
    options.note_sources = row.channel == Channel::kHeartPong;
    options.report_unreachable =
        Endpoints::carries_work(row.channel) || Endpoints::answers_clients(row.channel);
    set_limits(row.channel, options);
    Result<Socket> socket = Socket::open(context_, row.type, options);
    if (!socket) return socket;
    if (row.side == Side::kClients && Endpoints::carries_work(row.channel)) {
      Result<ConnectionCensus> census =
          ConnectionCensus::begin(context_, *socket, std::string(row.identity));
      if (!census) return census.error();
      result_.censuses.emplace(row.channel, *std::move(census));
    }
    const Result<int> port = plan_.reused_client ? bind_exactly(*socket, row) : draw(*socket, row);
    if (!port) return port.error();
    port_of(row) = *port;
    if (row.channel != Channel::kQuery) return socket;
    result_.client.registration = *port;
    if (result_.client.interface != result_.engine.interface &&
        !covers(result_.engine.interface, result_.client.interface)) {
      const Result<int> both = socket->bind(url(result_.client.interface, *port));
      if (!both) return both.error();
    }
    return socket;
  }

  // What a peer does not read, or sends faster than it can be read, must not fill our memory.
  static void set_limits(Channel channel, SocketOptions& options) {
    if (Endpoints::answers_clients(channel)) {
      options.send_queue_max = kRepliesUnreadMax;
      options.receive_queue_max = kRequestsUnreadMax;
    } else if (channel == Channel::kIopubClients || channel == Channel::kNotification) {
      options.send_queue_max = kPublishedUnreadMax;
    } else if (channel == Channel::kIopubEngines) {
      options.receive_queue_max = kOutputUnreadMax;
    }
  }

  // Whether a socket bound on `interface` already listens on `other`.
  static bool covers(const std::string& interface, const std::string& other) {
    return other.starts_with("tcp://") && (interface == "tcp://*" || interface == "tcp://0.0.0.0");
  }

  Result<int> bind_exactly(Socket& socket, const Row& row) {
    const int port = port_of(row);
    Result<int> bound = socket.bind(url(interface_for(row.side), port));
    if (!bound) return bound;
    // An engine file of several leaves: one socket serves all of them.
    if (row.channel == Channel::kBroadcastEngines) {
      for (std::size_t leaf = 1; leaf < result_.engine.broadcast.size(); ++leaf) {
        Result<int> more =
            socket.bind(url(interface_for(row.side), result_.engine.broadcast[leaf]));
        if (!more) return more;
      }
    }
    return port;
  }

  std::deque<int>& pool(Side side) {
    std::deque<int>& own = side == Side::kEngines ? engine_pool_ : client_pool_;
    return own.empty() ? shared_pool_ : own;
  }

  // The next port of the pools that is free. A taken port is an error only when no other is left.
  Result<int> draw(Socket& socket, const Row& row) {
    const std::string& interface = interface_for(row.side);
    if (!interface.starts_with("tcp://")) {
      const int port = ++last_ipc_port_;
      const Result<int> bound = socket.bind(url(interface, port));
      return bound ? Result<int>(port) : bound;
    }
    while (!pool(row.side).empty()) {
      std::deque<int>& ports = pool(row.side);
      const int port = ports.front();
      ports.pop_front();
      Result<int> bound = socket.bind(url(interface, port));
      if (bound || pool(row.side).empty() || bound.error().code != ErrorCode::kBusy) return bound;
      result_.warnings.push_back("port " + std::to_string(port) +
                                 " is in use, taking the next one");
    }
    return socket.bind(url(interface, 0));
  }

  NetContext& context_;
  const ControllerOptions& options_;
  const EndpointPlan& plan_;
  std::deque<int> engine_pool_;
  std::deque<int> client_pool_;
  std::deque<int> shared_pool_;
  int last_ipc_port_ = 0;
  Endpoints result_;
};

}  // namespace

bool Endpoints::answers_clients(Channel channel) {
  switch (channel) {
    case Channel::kQuery:
    case Channel::kMuxClients:
    case Channel::kControlClients:
    case Channel::kTaskClients:
    case Channel::kBroadcastClients:
      return true;
    default:
      return false;
  }
}

bool Endpoints::carries_work(Channel channel) {
  switch (channel) {
    case Channel::kMuxClients:
    case Channel::kMuxEngines:
    case Channel::kControlEngines:
    case Channel::kTaskClients:
    case Channel::kTaskEngines:
    case Channel::kBroadcastClients:
    case Channel::kBroadcastEngines:
      return true;
    default:
      return false;
  }
}

Result<Endpoints> open_endpoints(NetContext& context, const ControllerOptions& options,
                                 const EndpointPlan& plan) {
  return Binder(context, options, plan).run();
}

}  // namespace trireme
