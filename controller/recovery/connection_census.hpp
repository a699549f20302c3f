// Which connections a ROUTER has, those that never said a word included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/socket.hpp"
#include "session/ids.hpp"

namespace trireme {

/// ZeroMQ numbers the connections of a ROUTER one by one, and makes their routing ids of the
/// numbers. A connection of our own, from inside the process, tells which number is due: so all
/// that came between the first one and the latest are known, though nobody can ask for them.
///
/// A client waits in silence for replies that a controller started again has for it. It has
/// connected anew and its routing id is among these.
class ConnectionCensus {
 public:
  /// More numbers than this are not listed: then too many have come to try them all.
  static constexpr std::uint32_t kListedMax = 64;

  /// Opens the way in. Call it before the socket is bound anywhere else: whoever comes in after
  /// that is counted. The context must outlive the census.
  static Result<ConnectionCensus> begin(NetContext& context, Socket& router,
                                        const std::string& name);

  /// Asks which number is due; the answer comes in through the ROUTER.
  Result<void> probe();
  /// Whether what came in through the ROUTER is the answer to a probe; it is for nobody else.
  bool take(const Frames& frames);
  /// The routing ids given out so far, apart from our own; empty when there are too many.
  std::vector<RoutingId> connections() const;

 private:
  ConnectionCensus(NetContext& context, std::string url) : context_(&context), url_(url) {}

  NetContext* context_;
  std::string url_;
  std::optional<Socket> probe_;
  std::vector<std::uint32_t> own_;  // numbers of our probes, the first and the latest among them
};

}  // namespace trireme
