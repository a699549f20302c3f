#include "controller/recovery/connection_census.hpp"

#include <algorithm>
#include <utility>

namespace trireme {
namespace {

constexpr std::string_view kProbe = "trireme-census";
constexpr std::size_t kMadeUpBytes = 5;  // a zero and the number, most significant byte first

std::optional<std::uint32_t> number_of(std::string_view id) {
  if (id.size() != kMadeUpBytes || id.front() != '\0') return std::nullopt;
  std::uint32_t number = 0;
  for (const char byte : id.substr(1)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

RoutingId id_of(std::uint32_t number) {
  std::string id(kMadeUpBytes, '\0');
  for (std::size_t place = kMadeUpBytes; --place > 0; number >>= 8) {
    id[place] = static_cast<char>(number & 0xff);
  }
  return RoutingId(std::move(id));
}

}  // namespace

Result<ConnectionCensus> ConnectionCensus::begin(NetContext& context, Socket& router,
                                                 const std::string& name) {
  ConnectionCensus census(context, "inproc://" + name);
  if (const Result<int> bound = router.bind(census.url_); !bound) return bound.error();
  if (Result<void> probed = census.probe(); !probed) return probed.error();
  Frames frames;
  if (!router.receive(frames) || !census.take(frames)) {
    return Error{ErrorCode::kInternal, "a socket did not hear its own process"};
  }
  return census;
}

Result<void> ConnectionCensus::probe() {
  Result<Socket> socket = Socket::open(*context_, SocketType::kDealer, {.linger_ms = 0});
  if (!socket) return socket.error();
  if (Result<void> connected = socket->connect(url_); !connected) return connected;
  probe_ = *std::move(socket);
  return probe_->send({Frame::copy_of(kProbe)});
}

bool ConnectionCensus::take(const Frames& frames) {
  if (!probe_ || frames.size() != 2 || frames[1].view() != kProbe) return false;
  const std::optional<std::uint32_t> number = number_of(frames[0].view());
  if (!number) return false;
  own_.push_back(*number);
  probe_.reset();
  return true;
}

std::vector<RoutingId> ConnectionCensus::connections() const {
  std::vector<RoutingId> ids;
  // Numbers wrap around; so only their distance means anything.
  const std::uint32_t count = own_.back() - own_.front();
  if (count > kListedMax + own_.size()) return ids;
  for (std::uint32_t step = 1; step < count; ++step) {
    const std::uint32_t number = own_.front() + step;
    if (std::find(own_.begin(), own_.end(), number) == own_.end()) ids.push_back(id_of(number));
  }
  return ids;
}

}  // namespace trireme
