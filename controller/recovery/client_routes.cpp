#include "controller/recovery/client_routes.hpp"

#include <algorithm>
#include <iterator>

namespace trireme {
namespace {

// Longer than the five bytes of an id that ZeroMQ makes up.
constexpr std::string_view kSessionMark{"\0session:", 9};

std::size_t index_of(Channel channel) { return static_cast<std::size_t>(channel); }

}  // namespace

RoutingId route_of_session(const SessionId& session) {
  return RoutingId(std::string(kSessionMark) + session.str());
}

std::optional<SessionId> session_of_route(const RoutingId& route) {
  if (!route.view().starts_with(kSessionMark)) return std::nullopt;
  return SessionId(route.view().substr(kSessionMark.size()));
}

bool ClientRoutes::learn(Channel channel, const RoutingId& connection, const SessionId& session) {
  auto& known = sessions_[index_of(channel)];
  if (known.contains(connection)) return false;
  known.emplace(connection, session);
  newest_[index_of(channel)].insert_or_assign(session, connection);
  heard_.emplace_back(channel, connection);
  if (heard_.size() > limits_.connections_max) {
    const auto& [where, oldest] = heard_.front();
    auto& sessions = sessions_[index_of(where)];
    const auto forgotten = sessions.find(oldest);
    auto& newest = newest_[index_of(where)];
    const auto route = newest.find(forgotten->second);
    if (route != newest.end() && route->second == oldest) newest.erase(route);
    sessions.erase(forgotten);
    heard_.pop_front();
  }
  return true;
}

std::optional<RoutingId> ClientRoutes::find(Channel channel, const SessionId& session) const {
  const auto& newest = newest_[index_of(channel)];
  const auto found = newest.find(session);
  if (found == newest.end()) return std::nullopt;
  return found->second;
}

bool ClientRoutes::is_known(Channel channel, const RoutingId& connection) const {
  return sessions_[index_of(channel)].contains(connection);
}

std::vector<MsgId> ClientRoutes::park(Channel channel, const SessionId& session, Reply reply) {
  std::size_t bytes = sizeof(Parked);
  for (const Frame& frame : reply.frames) bytes += frame.size();
  parked_bytes_ += bytes;
  parked_.push_back({channel, session, std::move(reply), bytes, {}});
  std::vector<MsgId> dropped;
  while (parked_bytes_ > limits_.parked_bytes_max) {
    parked_bytes_ -= parked_.front().bytes;
    dropped.push_back(std::move(parked_.front().reply.request));
    parked_.pop_front();
    ++dropped_;
  }
  return dropped;
}

std::vector<ClientRoutes::Reply> ClientRoutes::take_parked(Channel channel,
                                                           const SessionId& session) {
  std::vector<Reply> taken;
  const std::optional<RoutingId> connection = find(channel, session);
  for (auto entry = parked_.begin(); entry != parked_.end();) {
    const auto next = std::next(entry);
    if (entry->channel == channel && entry->session == session) {
      parked_bytes_ -= entry->bytes;
      if (!connection || !was_offered(*entry, *connection)) {
        taken.push_back(std::move(entry->reply));
      }
      parked_.erase(entry);
    }
    entry = next;
  }
  return taken;
}

std::vector<ClientRoutes::Reply> ClientRoutes::offer_parked(Channel channel,
                                                            const RoutingId& connection) {
  std::vector<Reply> offered;
  Parked* doubtful = nullptr;
  for (Parked& parked : parked_) {
    if (parked.channel != channel || was_offered(parked, connection)) continue;
    if (parked.reply.is_doubtful) {
      if (doubtful == nullptr) doubtful = &parked;
      continue;
    }
    parked.offered_to.push_back(connection);
    offered.push_back(parked.reply);
  }
  if (offered.empty() && doubtful != nullptr) {
    doubtful->offered_to.push_back(connection);
    offered.push_back(doubtful->reply);
  }
  return offered;
}

bool ClientRoutes::is_parked(const MsgId& request) const {
  return std::any_of(parked_.begin(), parked_.end(),
                     [&](const Parked& parked) { return parked.reply.request == request; });
}

bool ClientRoutes::was_offered(const Parked& parked, const RoutingId& connection) {
  return std::find(parked.offered_to.begin(), parked.offered_to.end(), connection) !=
         parked.offered_to.end();
}

}  // namespace trireme
