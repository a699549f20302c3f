// Verbs of the world around the hub.
#include "tests/unit/controller/hub/hub_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace trireme {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kKey = "the key of this world";

Frames client_identity() { return Frames{Frame(std::string("\0\1\2\3\4", 5))}; }

template <class Range>
bool contains(const Range& range, const MsgId& msg_id) {
  return std::find(range.begin(), range.end(), msg_id) != range.end();
}

}  // namespace

std::string canonical(std::string_view json) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << "no JSON: " << json;
  return parsed.dump();
}

std::vector<MsgId> FakeTaskQueue::running_on(const EngineUuid& engine) const {
  const auto found = running_ids.find(engine);
  return found == running_ids.end() ? std::vector<MsgId>() : found->second;
}

std::size_t FakeTaskQueue::running_count(const EngineUuid& engine) const {
  return running_on(engine).size();
}

bool FakeTaskQueue::is_pending(const MsgId& msg_id) const {
  return contains(waiting_ids, msg_id) ||
         std::any_of(running_ids.begin(), running_ids.end(),
                     [&](const auto& entry) { return contains(entry.second, msg_id); });
}

std::string Sent::member(std::string_view key) const {
  const auto json = nlohmann::json::parse(content(), nullptr, false);
  const auto found = json.find(std::string(key));
  return found == json.end() ? "" : found->dump();
}

HubWorld::HubWorld(Hub::Options options)
    : now{Instant(1s), Timestamp(1'700'000'000s)},
      factory(SessionId("hub-session"), "hub", "1"),
      client_factory(SessionId("client-session"), "user", "2"),
      hub(std::move(options), factory, tasks),
      tree(hub.engines(), hub.log()),
      wire_(*Signer::create(std::string(kKey)), Packer()) {
  hub.start(now);
  hub.on_deadline(now, out);
  settle();
}

HubWorld::~HubWorld() {
  settle();
  for (const Sent& left : sent_) {
    ADD_FAILURE() << "not taken: " << left.message.header.msg_type << " " << left.content();
  }
  EXPECT_EQ(open_questions.empty(), true) << "a question was left open";
  hub.check_invariants();
  tree.check_invariants();
}

Message HubWorld::over_the_wire(const Message& message) {
  auto decoded = wire_.decode(wire_.encode(message), Wire::Replays::kRefuse);
  EXPECT_TRUE(decoded.has_value()) << decoded.error().text;
  return std::move(*decoded);
}

Message HubWorld::client_message(std::string_view type, std::string content, std::string metadata) {
  Message message =
      client_factory.make(type, std::move(content), now.timestamp, Frame(), std::move(metadata));
  message.identities = client_identity();
  return over_the_wire(message);
}

Message HubWorld::engine_message(const std::string& uuid, const MsgId& parent,
                                 std::string_view type, std::string content, std::string metadata) {
  MessageFactory engine(SessionId(uuid), "user", std::to_string(sent_.size()) + parent.str());
  Message message =
      engine.make(type, std::move(content), now.timestamp,
                  Frame("{\"msg_id\": " + json_quote(parent.view()) + "}"), std::move(metadata));
  message.identities = client_identity();
  message.identities.insert(message.identities.begin(), Frame(uuid));
  return message;
}

void HubWorld::register_engine(const std::string& uuid, std::optional<int> wanted) {
  std::string content = "{\"uuid\": " + json_quote(uuid);
  if (wanted) content += ", \"id\": " + std::to_string(*wanted);
  request("registration_request", content + "}");
}

EngineId HubWorld::join_engine(const std::string& uuid, std::optional<int> wanted) {
  register_engine(uuid, wanted);
  EXPECT_EQ(take(Channel::kQuery).message.header.msg_type, "registration_reply");
  beating.insert(uuid);
  advance(500ms);
  const Sent notice = take(Channel::kNotification);
  EXPECT_EQ(notice.message.header.msg_type, "registration_notification");
  const auto id = hub.engines().id_of(EngineUuid(uuid));
  EXPECT_TRUE(id.has_value());
  return id.value_or(EngineId());
}

void HubWorld::unregister_engine(EngineId id) {
  request("unregistration_request", "{\"id\": " + std::to_string(id.value()) + "}");
}

MsgId HubWorld::request(std::string_view type, std::string content) {
  const Message message = client_message(type, std::move(content));
  hub.on_request(message, now, out);
  settle();
  return message.header.msg_id;
}

Sent HubWorld::ask(std::string_view type, std::string content) {
  const MsgId msg_id = request(type, std::move(content));
  Sent reply = take(Channel::kQuery);
  const auto parent = nlohmann::json::parse(reply.message.parent_json.view(), nullptr, false);
  EXPECT_EQ(parent.value("msg_id", ""), msg_id.str());
  EXPECT_EQ(reply.message.identities, client_identity());
  return reply;
}

MsgId HubWorld::submit_direct(const std::string& uuid, std::string_view type, Frames buffers) {
  Message message = client_message(type, "{}");
  message.buffers = std::move(buffers);
  EXPECT_TRUE(hub.log().direct_submitted(EngineUuid(uuid), Message(message), TaskQueue::kMux, out));
  settle();
  return message.header.msg_id;
}

void HubWorld::reply_direct(const std::string& uuid, const MsgId& msg_id, Frames buffers,
                            std::string content) {
  Message reply = engine_message(uuid, msg_id, "apply_reply", std::move(content),
                                 "{\"engine\": " + json_quote(uuid) + "}");
  reply.buffers = std::move(buffers);
  hub.log().direct_finished(EngineUuid(uuid), Message(reply), now, out);
  settle();
}

MsgId HubWorld::submit_task() {
  const Message message = client_message("apply_request", "{}", "{\"retries\": 2}");
  tasks.waiting_ids.push_back(message.header.msg_id);
  hub.log().task_submitted(submitted_from(Message(message), TaskQueue::kTask), out);
  settle();
  return message.header.msg_id;
}

void HubWorld::assign_task(const MsgId& msg_id, const std::string& uuid) {
  std::erase(tasks.waiting_ids, msg_id);
  tasks.running_ids[EngineUuid(uuid)].push_back(msg_id);
  hub.log().task_assigned({msg_id, EngineUuid(uuid), now.timestamp}, out);
  settle();
}

void HubWorld::finish_task(const MsgId& msg_id, const std::string& uuid, bool ran) {
  std::erase(tasks.running_ids[EngineUuid(uuid)], msg_id);
  const Message reply = engine_message(uuid, msg_id, "apply_reply", "{\"status\": \"ok\"}");
  TaskFinished change = finished_from(msg_id, Message(reply), now.timestamp);
  change.engine = EngineUuid(uuid);
  hub.log().task_finished(std::move(change), ran, out);
  settle();
}

void HubWorld::output(const std::string& uuid, const MsgId& parent, std::string_view type,
                      std::string content) {
  hub.on_output(engine_message(uuid, parent, type, std::move(content)), now, out);
  settle();
}

void HubWorld::advance(std::chrono::milliseconds duration) {
  const Instant end = now.instant + duration;
  while (true) {
    const auto deadline = hub.next_deadline();
    const bool is_due = deadline && *deadline <= end;
    const Instant next = is_due ? std::max(*deadline, now.instant) : end;
    now.timestamp += std::chrono::duration_cast<std::chrono::microseconds>(next - now.instant);
    now.instant = next;
    if (!is_due) return;
    hub.on_deadline(now, out);
    settle();
  }
}

void HubWorld::pong(const std::string& uuid, std::optional<std::string> payload) {
  hub.on_pong(EngineUuid(uuid), payload.value_or(pings.back()), now, out);
  settle();
}

void HubWorld::settle() {
  while (true) {
    Outbox effects = std::exchange(out, Outbox());
    if (effects.outgoing.empty() && effects.records.empty() && effects.questions.empty() &&
        effects.internal_tasks.empty() && effects.engine_changes.empty()) {
      out.stop_requested = effects.stop_requested;
      return;
    }
    out.stop_requested = effects.stop_requested;
    EXPECT_TRUE(store.apply(effects.records).has_value());
    std::move(effects.records.begin(), effects.records.end(), std::back_inserter(records));
    for (auto& outgoing : effects.outgoing) {
      if (auto* frames = std::get_if<OutgoingFrames>(&outgoing)) {
        if (frames->channel == Channel::kHeartPing) {
          pings.push_back(frames->frames.at(0).to_string());
          for (const std::string& uuid : beating) {
            hub.on_pong(EngineUuid(uuid), pings.back(), now, out);
          }
          continue;
        }
        auto message = wire_.decode(frames->frames, Wire::Replays::kAllow);
        EXPECT_TRUE(message.has_value());
        sent_.push_back({frames->channel, std::move(*message)});
      } else {
        const auto& signed_message = std::get<OutgoingMessage>(outgoing);
        sent_.push_back({signed_message.channel, over_the_wire(signed_message.message)});
      }
    }
    for (StoreQuestion& question : effects.questions) open_questions.push_back(std::move(question));
    if (store_answers) {
      for (const StoreQuestion& question : std::exchange(open_questions, {})) {
        hub.on_store_answer(answer(store, question), now, out);
      }
    }
    for (Message& task : effects.internal_tasks) {
      tasks.waiting_ids.push_back(task.header.msg_id);
      hub.log().task_submitted(submitted_from(Message(task), TaskQueue::kTask), out);
      internal_tasks.push_back(std::move(task));
    }
    for (EngineChange& change : effects.engine_changes) {
      if (change.kind == EngineChange::Kind::kLeft) tree.on_engine_left(change.uuid, out);
      engine_changes.push_back(std::move(change));
    }
  }
}

bool HubWorld::has(Channel channel) const {
  return std::any_of(sent_.begin(), sent_.end(),
                     [channel](const Sent& sent) { return sent.channel == channel; });
}

Sent HubWorld::take(Channel channel) {
  const auto found = std::find_if(sent_.begin(), sent_.end(),
                                  [channel](const Sent& sent) { return sent.channel == channel; });
  if (found == sent_.end()) {
    ADD_FAILURE() << "nothing was sent on channel " << static_cast<int>(channel);
    return {channel, {}};
  }
  Sent taken = std::move(*found);
  sent_.erase(found);
  return taken;
}

void HubWorld::discard(Channel channel) {
  std::erase_if(sent_, [channel](const Sent& sent) { return sent.channel == channel; });
}

}  // namespace trireme
