// What engines do, without doing anything.
#include "tests/sim/sim_engine.hpp"

#include <utility>

#include "session/wire.hpp"
#include "tests/sim/json_probe.hpp"

namespace trireme::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::nanoseconds kConnectMax = 15ms;

}  // namespace

SimEngine::SimEngine(SimWorld& world, Dice dice, std::string uuid, Nature nature)
    : world_(world),
      dice_(std::move(dice)),
      uuid_(std::move(uuid)),
      nature_(nature),
      voice_(uuid_, world.key),
      peer_(world.network.add(*this)) {}

void SimEngine::start() {
  is_up_ = true;
  world_.network.connect(peer_, Channel::kQuery, uuid_, dice_.between(0ms, kConnectMax));
  const Message request = voice_.request("registration_request", "{\"uuid\": \"" + uuid_ + "\"}",
                                         world_.timeline.now());
  world_.network.send(peer_, Channel::kQuery, voice_.encode(request));
}

/// Registered: the other sockets, and the heart last.
void SimEngine::join(std::int64_t id) {
  id_ = id;
  for (const Channel channel :
       {Channel::kMuxEngines, Channel::kTaskEngines, Channel::kBroadcastEngines,
        Channel::kControlEngines, Channel::kIopubEngines}) {
    world_.network.connect(peer_, channel, uuid_, dice_.between(0ms, kConnectMax));
  }
  const auto heart_delay = dice_.between(0ms, kConnectMax);
  world_.network.connect(peer_, Channel::kHeartPong, uuid_, heart_delay);
  world_.network.connect(peer_, Channel::kHeartPing, uuid_, heart_delay);
}

void SimEngine::leave(bool killed) {
  is_up_ = false;
  queue_.clear();
  world_.network.remove(peer_, killed);
}

void SimEngine::kill() {
  if (!is_up_) return;
  leave(true);
}

void SimEngine::freeze(std::chrono::nanoseconds duration) {
  if (!is_up_ || is_frozen_) return;
  is_frozen_ = true;
  world_.network.freeze(peer_);
  world_.timeline.after(duration, [this] { thaw(); });
}

void SimEngine::thaw() {
  if (!std::exchange(is_frozen_, false) || !is_up_) return;
  if (std::exchange(is_overdue_, false)) finish();
  if (is_up_) world_.network.thaw(peer_);
}

void SimEngine::on_message(Channel channel, Frames frames) {
  if (channel == Channel::kHeartPing) {
    world_.network.send(peer_, Channel::kHeartPong, std::move(frames));
    return;
  }
  Message message = voice_.decode(frames);
  if (channel == Channel::kQuery) {
    const auto id = number_at(message.content_json.view(), "id");
    if (id) return join(*id);
    was_refused_ = true;
    return leave(false);
  }
  if (channel == Channel::kControlEngines) return on_control(std::move(message));
  queue_.push_back({channel, std::move(message)});
  if (!is_running_) start_next();
}

void SimEngine::on_control(Message request) {
  if (request.header.msg_type == "shutdown_request") return shut_down(request);
  for (const std::string& id : texts_at(request.content_json.view(), "msg_ids")) {
    aborted_.insert(id);
  }
  reply(Channel::kControlEngines, request, "{\"status\": \"ok\"}", "{}");
}

void SimEngine::shut_down(const Message& request) {
  const std::string content = "{\"status\": \"ok\", \"restart\": false}";
  reply(Channel::kControlEngines, request, content, "{}");
  Message notice = voice_.about(request, "shutdown_reply", content, world_.timeline.now());
  notice.identities = {Frame("engine." + std::to_string(id_.value_or(-1)) + ".shutdown")};
  world_.network.send(peer_, Channel::kIopubEngines, voice_.encode(notice));
  leave(false);
}

void SimEngine::start_next() {
  if (queue_.empty() || !is_up_) return;
  is_running_ = true;
  const Request& request = queue_.front();
  const MsgId& id = request.message.header.msg_id;
  auto duration = 200us + dice_.between(0ns, world_.book.behaviour_of(id).duration_max);
  if (nature_.hurry > 0ns && duration > nature_.hurry) duration = nature_.hurry;
  if (aborted_.contains(id.str())) duration = 0us;
  if (dice_.chance(nature_.prints)) print(request.message);
  world_.timeline.after(duration, [this] {
    if (!is_up_) return;
    if (is_frozen_) {
      is_overdue_ = true;
    } else {
      finish();
    }
  });
}

void SimEngine::finish() {
  answer(queue_.front());
  queue_.pop_front();
  is_running_ = false;
  start_next();
}

std::string SimEngine::result_metadata(const Message& request, std::string_view status,
                                       bool is_met) const {
  std::string metadata = "{\"engine\": \"" + uuid_ + "\", \"status\": \"" + std::string(status) +
                         "\", \"dependencies_met\": " + (is_met ? "true" : "false");
  const auto original = text_at(request.metadata_json.view(), "original_msg_id");
  if (original) {
    const bool coalesces =
        request.metadata_json.view().find("\"is_coalescing\":true") != std::string_view::npos;
    metadata += ", \"is_broadcast\": true, \"is_coalescing\": ";
    metadata += coalesces ? "true" : "false";
    metadata += ", \"original_msg_id\": \"" + *original + "\"";
  }
  return metadata + "}";
}

void SimEngine::answer(const Request& request) {
  const MsgId& id = request.message.header.msg_id;
  const Behaviour& behaviour = world_.book.behaviour_of(id);
  if (aborted_.erase(id.str()) > 0) {
    return reply(request.channel, request.message, "{\"status\": \"aborted\"}",
                 result_metadata(request.message, "aborted", true));
  }
  const bool is_refused =
      request.channel == Channel::kTaskEngines && nature_.refuses && dice_.chance(behaviour.unmet);
  if (is_refused || dice_.chance(behaviour.fails)) {
    const std::string ename = is_refused ? "UnmetDependency" : "ValueError";
    return reply(request.channel, request.message,
                 error_content_json(ename, uuid_ + " at " + id.str()),
                 result_metadata(request.message, "error", !is_refused));
  }
  reply(request.channel, request.message,
        "{\"status\": \"ok\", \"by\": \"" + uuid_ +
            "\", \"draw\": " + std::to_string(dice_.below(1'000'000)) + "}",
        result_metadata(request.message, "ok", true));
}

void SimEngine::print(const Message& request) {
  Message output =
      voice_.about(request, "stream", R"({"name": "stdout", "text": "."})", world_.timeline.now());
  output.identities = {Frame("engine." + std::to_string(id_.value_or(-1)) + ".stdout")};
  world_.network.send(peer_, Channel::kIopubEngines, voice_.encode(output));
}

void SimEngine::reply(Channel channel, const Message& request, std::string content,
                      std::string metadata) {
  std::string type = request.header.msg_type;
  const std::size_t end = type.rfind("_request");
  if (end != std::string::npos) type.replace(end, std::string::npos, "_reply");
  Frames results;
  if (dice_.chance(50)) results.emplace_back(std::string(dice_.below(64), 'r'));
  Message message = voice_.about(request, type, std::move(content), world_.timeline.now(),
                                 std::move(metadata), std::move(results));
  message.identities = request.identities;
  world_.network.send(peer_, channel, voice_.encode(message));
}

}  // namespace trireme::sim
