// Every socket of the controller, bound, with the connection files that lead to them.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/hub/outbox.hpp"
#include "controller/program/options.hpp"
#include "controller/recovery/connection_census.hpp"
#include "net/socket.hpp"
#include "session/connection_file.hpp"
#include "session/result.hpp"

namespace trireme {

/// Bound sockets by channel, and what the two connection files say about them.
struct Endpoints {
  std::vector<Socket> sockets;  // index: Channel
  ClientConnection client;
  EngineConnection engine;
  std::vector<std::string> warnings;
  std::map<Channel, ConnectionCensus> censuses;  // of the channels on which clients wait for work

  /// Messages on this channel are not lost because their addressee is away for a moment.
  static bool carries_work(Channel channel);
  /// Replies leave here to clients, who may be slow to read them.
  static bool answers_clients(Channel channel);
  Socket& socket(Channel channel) { return sockets[static_cast<std::size_t>(channel)]; }
};

/// The identity of the controller and the addresses it shall have.
struct EndpointPlan {
  std::string key;         // HMAC key; empty: unsigned
  std::string session;     // the hub's session id
  std::string ipc_folder;  // where ipc sockets go when no path is given as ip
  std::optional<CurveKeys> curve;
  std::optional<ClientConnection> reused_client;  // bind just these ports, write nothing new
  std::optional<EngineConnection> reused_engine;
};

/// Opens and binds everything before anybody can know of it. Ports come from the options' pools
/// in the documented order, then from the system. kBusy when a port that was asked for is taken,
/// kConfiguration for addresses that cannot be bound.
Result<Endpoints> open_endpoints(NetContext& context, const ControllerOptions& options,
                                 const EndpointPlan& plan);

}  // namespace trireme
