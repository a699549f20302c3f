// Verbs of the world around the controller.
#include "tests/support/controller_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace trireme::testing {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

bool is_addressed(Channel channel) {
  switch (channel) {
    case Channel::kNotification:
    case Channel::kIopubClients:
    case Channel::kIopubEngines:
    case Channel::kHeartPing:
      return false;
    default:
      return true;
  }
}

std::string member_of(std::string_view text, std::string_view key) {
  const json object = json::parse(text, nullptr, false);
  EXPECT_TRUE(object.is_object()) << "no JSON object: " << text;
  const auto found = object.find(std::string(key));
  return found == object.end() ? "" : found->dump();
}

std::string answer_metadata(const std::string& uuid, const Answer& answer, const Message& request) {
  json metadata{{"started", "2026-11-22T01:00:00.000000Z"},
                {"dependencies_met", answer.dependencies_met},
                {"engine", uuid},
                {"status", answer.status}};
  const json asked = json::parse(request.metadata_json.view(), nullptr, false);
  for (const char* key : {"is_broadcast", "is_coalescing", "original_msg_id"}) {
    if (asked.contains(key)) metadata[key] = asked[key];
  }
  return metadata.dump();
}

std::string answer_content(const Answer& answer) {
  if (answer.status != "error") return json{{"status", answer.status}}.dump();
  return error_content_json("ValueError", "the task failed");
}

Channel reply_channel(Channel request) {
  TRIREME_CHECK(request == Channel::kTaskEngines || request == Channel::kMuxEngines ||
                    request == Channel::kControlEngines || request == Channel::kBroadcastEngines,
                "engines answer requests only");
  return request;  // the same socket, the other way
}

}  // namespace

const std::string ControllerWorld::kClient("\0\1\2\3\4", 5);

TaskBuilder& TaskBuilder::targets(const std::vector<std::string>& uuids) {
  return set("targets", json(uuids).dump());
}

TaskBuilder& TaskBuilder::buffers(Frames frames) {
  buffers_ = std::move(frames);
  return *this;
}

TaskBuilder& TaskBuilder::set(const std::string& key, std::string json_text) {
  metadata_[key] = std::move(json_text);
  return *this;
}

TaskBuilder& TaskBuilder::set(const std::string& key, const std::vector<MsgId>& ids) {
  json list = json::array();
  for (const MsgId& id : ids) list.push_back(id.str());
  return set(key, list.dump());
}

std::string TaskBuilder::metadata() const {
  std::string text = "{";
  for (const auto& [key, value] : metadata_) {
    if (text.size() > 1) text += ", ";
    text += json(key).dump() + ": " + value;
  }
  return text + "}";
}

MsgId Received::parent() const {
  const json header = json::parse(message.parent_json.view(), nullptr, false);
  return MsgId(header.is_object() ? header.value("msg_id", "") : "");
}

std::string Received::member(std::string_view key) const { return member_of(content(), key); }

std::string Received::metadata_member(std::string_view key) const {
  return member_of(metadata(), key);
}

ControllerCore::Options ControllerWorld::default_options() {
  ControllerCore::Options options;
  options.hub.heart.period = 1000ms;
  options.hub.heart.misses_max = 3;
  options.hub.registry.registration_timeout = 30s;
  return options;
}

ControllerWorld::ControllerWorld(ControllerCore::Options options)
    : runner(std::move(options), store) {
  runner.start(clock.now());
  settle();
}

ControllerWorld::~ControllerWorld() {
  for (const SentFrames& left : sent_) {
    const Message message = taken_apart(left);
    ADD_FAILURE() << "not taken from " << channel_name(left.channel) << ": "
                  << message.header.msg_type << " " << message.content_json.view();
  }
  EXPECT_TRUE(runner.questions.empty()) << "a question to the store was left open";
  core().check_invariants();
  store.check_invariants();
}

EngineId ControllerWorld::join_engine(const std::string& uuid) {
  const auto engine = engines_.try_emplace(uuid, uuid).first;
  Message message =
      engine->second.request("registration_request", json{{"uuid", uuid}}.dump(), clock.now());
  message.identities = {Frame(uuid)};
  receive(Channel::kQuery, engine->second.encode(message));
  const Received reply = take_for(uuid, Channel::kQuery);
  EXPECT_EQ(reply.type(), "registration_reply");
  EXPECT_EQ(reply.member("status"), "\"ok\"") << reply.content();
  beating.insert(uuid);
  advance(500ms);
  const Received notice = take(Channel::kNotification);
  EXPECT_EQ(notice.type(), "registration_notification");
  EXPECT_EQ(notice.member("uuid"), json(uuid).dump());
  const EngineId id(json::parse(notice.content()).value("id", -1));
  ids_[uuid] = id;
  return id;
}

void ControllerWorld::lose_engine(const std::string& uuid) {
  beating.erase(uuid);
  request("unregistration_request", json{{"id", ids_.at(uuid).value()}}.dump());
  const Received notice = take(Channel::kNotification);
  EXPECT_EQ(notice.type(), "unregistration_notification");
  EXPECT_EQ(notice.member("uuid"), json(uuid).dump());
}

void ControllerWorld::send_from_client(Channel channel, Frames identities, const Message& message) {
  Message outgoing = message;
  outgoing.identities = std::move(identities);
  outgoing.identities.insert(outgoing.identities.begin(), Frame(connection));
  last_channel_ = channel;
  last_frames_ = client.encode(outgoing);
  receive(channel, last_frames_);
}

void ControllerWorld::resend_last() {
  last_frames_.front() = Frame(connection);
  receive(last_channel_, last_frames_);
}

void ControllerWorld::restart_controller() {
  sent_.clear();
  renew_connection();
  runner.crash_and_restart(clock.now());
  settle();
}

void ControllerWorld::renew_connection() {
  gone_.insert(connection);
  connection = kClient + std::to_string(++connections_);
}

void ControllerWorld::say_hello(Channel channel) {
  const Frames waiting = last_frames_;
  const Channel waiting_channel = last_channel_;
  send_from_client(channel, {}, client.request("hello_request", "{}", clock.now()));
  last_frames_ = waiting;
  last_channel_ = waiting_channel;
}

void ControllerWorld::cancel(std::string content) {
  send_from_client(Channel::kTaskClients, {},
                   client.request("cancel_request", std::move(content), clock.now()));
}

MsgId ControllerWorld::submit(const TaskBuilder& builder, std::string_view type) {
  const Message message =
      client.request(type, "{}", clock.now(), builder.metadata(), builder.buffer_frames());
  send_from_client(Channel::kTaskClients, {}, message);
  return message.header.msg_id;
}

MsgId ControllerWorld::apply_direct(const std::string& uuid, Frames buffers) {
  const Message message =
      client.request("apply_request", "{}", clock.now(), "{}", std::move(buffers));
  send_from_client(Channel::kMuxClients, {Frame(uuid)}, message);
  return message.header.msg_id;
}

MsgId ControllerWorld::control(const std::string& uuid, std::string_view type,
                               std::string content) {
  const Message message = client.request(type, std::move(content), clock.now());
  send_from_client(Channel::kControlClients, {Frame(uuid)}, message);
  return message.header.msg_id;
}

MsgId ControllerWorld::broadcast(const std::vector<std::string>& uuids, bool is_coalescing) {
  json targets = json::array();
  for (const std::string& uuid : uuids) {
    const auto id = ids_.find(uuid);
    targets.push_back({uuid, id == ids_.end() ? -1 : id->second.value()});
  }
  const json metadata{
      {"targets", targets}, {"is_broadcast", true}, {"is_coalescing", is_coalescing}};
  const Message message = client.request("apply_request", "{}", clock.now(), metadata.dump());
  send_from_client(Channel::kBroadcastClients, {}, message);
  return message.header.msg_id;
}

MsgId ControllerWorld::request(std::string_view type, std::string content) {
  const Message message = client.request(type, std::move(content), clock.now());
  send_from_client(Channel::kQuery, {}, message);
  return message.header.msg_id;
}

Received ControllerWorld::ask(std::string_view type, std::string content) {
  const MsgId asked = request(type, std::move(content));
  Received reply = take_for(kClient, Channel::kQuery);
  EXPECT_EQ(reply.parent(), asked);
  return reply;
}

void ControllerWorld::reply(const Received& request, const Answer& answer) {
  reply_as(request.to, request, answer);
}

void ControllerWorld::reply_as(const std::string& uuid, const Received& request,
                               const Answer& answer) {
  WirePeer& engine = engines_.try_emplace(uuid, uuid).first->second;
  std::string type = request.type();
  type.replace(type.rfind("_request"), std::string::npos, "_reply");
  Message message = engine.about(request.message, type, answer_content(answer), clock.now(),
                                 answer_metadata(uuid, answer, request.message), answer.buffers);
  message.identities = request.message.identities;
  message.identities.insert(message.identities.begin(), Frame(uuid));
  receive(reply_channel(request.channel), engine.encode(message));
}

void ControllerWorld::publish(const std::string& uuid, const MsgId& about, std::string_view type,
                              std::string content) {
  WirePeer& engine = engines_.try_emplace(uuid, uuid).first->second;
  Message request;
  request.header_json = Frame(json{{"msg_id", about.str()}}.dump());
  Message message = engine.about(request, type, std::move(content), clock.now());
  message.identities = {Frame("engine." + std::to_string(ids_[uuid].value()) + ".stream")};
  receive(Channel::kIopubEngines, engine.encode(message));
}

void ControllerWorld::receive(Channel channel, Frames frames) {
  runner.receive(channel, std::move(frames), clock.now());
  settle();
}

void ControllerWorld::advance(std::chrono::nanoseconds duration) {
  const Instant end = clock.now().instant + duration;
  for (auto due = core().next_deadline(); due && *due <= end; due = core().next_deadline()) {
    clock.advance_to(*due);
    runner.wake(clock.now());
    settle();
  }
  clock.advance_to(end);
}

/// Pings are answered, questions too; all else is kept for the test.
void ControllerWorld::settle() {
  for (SentFrames& sent : runner.take_sent()) {
    if (sent.channel != Channel::kHeartPing) {
      keep(std::move(sent));
      continue;
    }
    ASSERT_EQ(sent.frames.size(), 1u);
    ping = sent.frames.front();
    for (const std::string& uuid : beating) {
      runner.receive(Channel::kHeartPong, {Frame(uuid), ping}, clock.now());
    }
  }
  for (SentFrames& sent : runner.take_sent()) keep(std::move(sent));
  if (store_answers) answer_questions();
  core().check_invariants();
}

/// What is addressed to nobody comes back to the core, as from a ROUTER that tells.
void ControllerWorld::keep(SentFrames sent) {
  const bool is_reply = sent.channel == Channel::kTaskClients ||
                        sent.channel == Channel::kMuxClients ||
                        sent.channel == Channel::kBroadcastClients;
  if (!is_reply || !(gone_.contains(sent.frames.front().to_string()) ||
                     session_of_route(RoutingId(sent.frames.front().view())))) {
    return sent_.push_back(std::move(sent));
  }
  runner.client_away(sent.channel, std::move(sent.frames), clock.now());
  for (SentFrames& next : runner.take_sent()) keep(std::move(next));
}

void ControllerWorld::answer_questions() {
  while (!runner.questions.empty()) {
    const StoreQuestion question = std::move(runner.questions.front());
    runner.questions.pop_front();
    runner.answer(trireme::answer(store, question), clock.now());
  }
  for (SentFrames& sent : runner.take_sent()) keep(std::move(sent));
}

Message ControllerWorld::taken_apart(const SentFrames& sent) {
  Frames frames = sent.frames;
  if (is_addressed(sent.channel) && !frames.empty()) frames.erase(frames.begin());
  return client.decode(frames);
}

Received ControllerWorld::take(Channel channel) {
  const auto found = std::find_if(sent_.begin(), sent_.end(), [channel](const SentFrames& sent) {
    return sent.channel == channel;
  });
  if (found == sent_.end()) {
    ADD_FAILURE() << "nothing was sent on " << channel_name(channel) << "\n" << core().describe();
    return {};
  }
  Received received{channel, "", taken_apart(*found), found->frames};
  if (is_addressed(channel)) received.to = found->frames.front().to_string();
  sent_.erase(found);
  return received;
}

Received ControllerWorld::take_for(const std::string& to, Channel channel) {
  Received received = take(channel);
  EXPECT_EQ(received.to, to);
  return received;
}

TaskRecord ControllerWorld::record(const MsgId& msg_id) {
  const auto found = store.get(msg_id);
  if (found && *found) return **found;
  ADD_FAILURE() << "no record of " << msg_id.str();
  return {};
}

bool ControllerWorld::has_record(const MsgId& msg_id) {
  const auto found = store.get(msg_id);
  return found && found->has_value();
}

std::size_t ControllerWorld::log_count(LogLevel level) const {
  return static_cast<std::size_t>(
      std::count_if(runner.log_lines.begin(), runner.log_lines.end(),
                    [level](const LogLine& line) { return line.level == level; }));
}

}  // namespace trireme::testing
