// Fan-out and gathering; the rules are with the class.
#include "controller/hub/broadcast_tree.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/hub/json_fields.hpp"

namespace trireme {

namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The members of an object as they follow other members: `, "a": 1}`, or `}` for none.
std::string tail_of(const Json& object) {
  return object.empty() ? "}" : "," + dump(object).substr(1);
}

std::string pair_json(const EngineUuid& uuid, std::int64_t id) {
  return "[" + json_quote(uuid.view()) + ", " + std::to_string(id) + "]";
}

bool is_error(const Message& reply) {
  return string_field(reply.content_json.view(), "status") != "ok";
}

/// The id under which a target gets its part of a broadcast.
MsgId part_id(const Message& request, const EngineUuid& target) {
  return MsgId(request.header.msg_id.str() + "_" + target.str());
}

/// The id of the broadcast that a target's id was made from; empty when it was not.
std::optional<MsgId> original_of(const Message& reply, const EngineUuid& engine) {
  const auto parent = string_field(reply.parent_json.view(), "msg_id");
  const std::string suffix = "_" + engine.str();
  if (!parent || parent->size() <= suffix.size() || !parent->ends_with(suffix)) {
    return std::nullopt;
  }
  return MsgId(parent->substr(0, parent->size() - suffix.size()));
}

}  // namespace

struct BroadcastTree::Request {
  std::vector<Target> targets;  // each engine once
  bool is_coalescing = false;
  std::string header_tail;    // the header without its msg_id
  std::string metadata_tail;  // the metadata without targets and original_msg_id
};

std::optional<BroadcastTree::Request> BroadcastTree::read_request(const Message& request,
                                                                  const EngineRegistry& engines) {
  Json metadata = Json::parse(request.metadata_json.view(), nullptr, false);
  Json header = Json::parse(request.header_json.view(), nullptr, false);
  if (!metadata.is_object() || !header.is_object()) return std::nullopt;
  const auto targets = metadata.find("targets");
  if (targets == metadata.end() || !targets->is_array()) return std::nullopt;
  Request parts;
  std::unordered_set<EngineUuid> seen;
  for (const Json& entry : *targets) {
    const bool is_pair = entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
                         entry[1].is_number_integer();
    if (!is_pair && !entry.is_string()) return std::nullopt;
    Target target{EngineUuid((is_pair ? entry[0] : entry).get_ref<const std::string&>()),
                  is_pair ? entry[1].get<std::int64_t>() : -1};
    if (!is_pair) target.id = engines.id_of(target.uuid).value_or(EngineId()).value();
    if (seen.insert(target.uuid).second) parts.targets.push_back(std::move(target));
  }
  const auto coalescing = metadata.find("is_coalescing");
  parts.is_coalescing =
      coalescing != metadata.end() && coalescing->is_boolean() && coalescing->get<bool>();
  metadata.erase("targets");
  metadata.erase("original_msg_id");
  metadata.erase("part");
  header.erase("msg_id");
  parts.header_tail = tail_of(header);
  parts.metadata_tail = tail_of(metadata);
  return parts;
}

bool BroadcastTree::send_to(std::size_t index, const Message& request, const Request& parts,
                            Outbox& out) {
  const Target& target = parts.targets[index];
  // From the records of its parts a gathering can be put together again.
  const std::string place = parts.is_coalescing ? ", \"part\": [" + std::to_string(index) + ", " +
                                                      std::to_string(parts.targets.size()) + "]"
                                                : "";
  Message message = request;
  message.identities.insert(message.identities.begin(), Frame::copy_of(target.uuid.view()));
  message.header.msg_id = part_id(request, target.uuid);
  message.header_json =
      Frame("{\"msg_id\": " + json_quote(message.header.msg_id.view()) + parts.header_tail);
  message.metadata_json =
      Frame("{\"targets\": [" + pair_json(target.uuid, target.id) + "], \"original_msg_id\": " +
            json_quote(request.header.msg_id.view()) + place + parts.metadata_tail);
  if (!log_.direct_submitted(target.uuid, Message(message), TaskQueue::kBroadcast, out))
    return false;
  out.send(Channel::kBroadcastEngines, std::move(message));
  return true;
}

std::vector<MsgId> BroadcastTree::part_ids(const Message& request) const {
  std::vector<MsgId> ids;
  const auto parts = read_request(request, engines_);
  if (!parts) return ids;
  for (const Target& target : parts->targets) ids.push_back(part_id(request, target.uuid));
  return ids;
}

void BroadcastTree::on_request(const Message& request, Outbox& out, const PastReplies& past) {
  const auto parts = read_request(request, engines_);
  if (!parts) {
    return out.log(LogLevel::kWarning, "A broadcast without a list of targets was dropped.");
  }
  Gathering gathering;
  bool is_complete = true;
  std::vector<const Message*> ended;
  for (std::size_t index = 0; index < parts->targets.size(); ++index) {
    const Target& target = parts->targets[index];
    const auto reply = past.find(part_id(request, target.uuid));
    if (reply != past.end()) {
      ended.push_back(&reply->second);
      if (!parts->is_coalescing) out.send(Channel::kBroadcastClients, reply->second);
    } else if (!past.empty() && log_.direct().is_pending(part_id(request, target.uuid))) {
      // Its engine is at it: the reply will come.
    } else if (!engines_.id_of(target.uuid)) {
      out.log(LogLevel::kWarning,
              "A broadcast names engine " + target.uuid.str() + ", which is not registered.");
      is_complete = false;
    } else if (!send_to(index, request, *parts, out)) {
      out.log(LogLevel::kWarning,
              "A broadcast came again while engine " + target.uuid.str() + " was at it.");
      is_complete = false;
    }
    gathering.slots.push_back({target, false, {}});
  }
  if (!parts->is_coalescing || !is_complete || gathering.slots.empty()) return;
  gathering.missing = gathering.slots.size();
  gatherings_.try_emplace(request.header.msg_id, std::move(gathering));
  for (const Message* reply : ended) {
    Message part = *reply;  // as it came from its engine: [engine, client]
    std::swap(part.identities[0], part.identities[1]);
    gather(request.header.msg_id, part, out);
  }
}

void BroadcastTree::on_reply(Frames frames, Message&& reply, Now now, Outbox& out) {
  if (reply.identities.size() < 2) {
    return out.log(LogLevel::kWarning, "A broadcast reply without addressee was dropped.");
  }
  const EngineUuid engine(reply.identities.front().view());
  const auto original = original_of(reply, engine);
  if (!original) {
    return out.log(LogLevel::kWarning,
                   "Engine " + engine.str() + " answered a broadcast that it was not sent.");
  }
  if (gatherings_.contains(*original)) {
    log_.direct_finished(engine, Message(reply), now, out);
    return gather(*original, reply, out);
  }
  const bool is_coalescing = bool_field(reply.metadata_json.view(), "is_coalescing");
  log_.direct_finished(engine, std::move(reply), now, out);
  // What belongs to a gathering that was dropped, or is answered, has no one to go to.
  if (is_coalescing) return;
  frames.erase(frames.begin());
  out.send(Channel::kBroadcastClients, std::move(frames));
}

void BroadcastTree::gather(const MsgId& original, const Message& reply, Outbox& out) {
  const auto found = gatherings_.find(original);
  Gathering& gathering = found->second;
  const EngineUuid engine(reply.identities.front().view());
  const auto slot =
      std::find_if(gathering.slots.begin(), gathering.slots.end(),
                   [&engine](const Slot& candidate) { return candidate.target.uuid == engine; });
  if (slot == gathering.slots.end() || slot->has_reply) return;
  take_reply(gathering, *slot, reply);
  if (gathering.missing > 0) return;
  Gathering complete = std::move(gathering);
  gatherings_.erase(found);
  out.send(Channel::kBroadcastClients, coalesced(original, std::move(complete)));
}

void BroadcastTree::take_reply(Gathering& gathering, Slot& slot, const Message& reply) {
  slot.has_reply = true;
  slot.buffers = reply.buffers;
  --gathering.missing;
  if (gathering.base_is_error) return;
  gathering.base_is_error = is_error(reply);
  gathering.base = reply;
  gathering.base->buffers.clear();
}

std::optional<Message> BroadcastTree::restore(const MsgId& original, std::vector<PastPart> parts) {
  const std::size_t count = parts.empty() ? 0 : parts.front().count;
  if (count == 0 || parts.size() != count || gatherings_.contains(original)) return std::nullopt;
  Gathering gathering;
  gathering.slots.resize(count);
  gathering.missing = count;
  for (const PastPart& part : parts) {
    if (part.count != count || part.index >= count) return std::nullopt;
    Slot& slot = gathering.slots[part.index];
    if (!slot.target.uuid.empty()) return std::nullopt;
    slot.target = {part.engine, engines_.id_of(part.engine).value_or(EngineId()).value()};
    if (part.reply) take_reply(gathering, slot, *part.reply);
  }
  if (gathering.missing == 0) return coalesced(original, std::move(gathering));
  gatherings_.emplace(original, std::move(gathering));
  return std::nullopt;
}

Message BroadcastTree::coalesced(const MsgId& original, Gathering gathering) {
  Message answer = std::move(*gathering.base);
  answer.identities.erase(answer.identities.begin());
  std::string targets = "[";
  for (Slot& slot : gathering.slots) {
    if (targets.size() > 1) targets += ", ";
    targets += pair_json(slot.target.uuid, slot.target.id);
    if (gathering.base_is_error) continue;  // nobody reads results beside an error
    std::move(slot.buffers.begin(), slot.buffers.end(), std::back_inserter(answer.buffers));
  }
  // Clients find the request by these keys, whatever the engine echoed.
  Json metadata = Json::parse(answer.metadata_json.view(), nullptr, false);
  if (!metadata.is_object()) metadata = Json::object();
  metadata["is_broadcast"] = true;
  metadata["is_coalescing"] = true;
  metadata["original_msg_id"] = original.str();
  metadata["broadcast_targets"] = Json::parse(targets + "]");
  answer.metadata_json = Frame(dump(metadata));
  return answer;
}

void BroadcastTree::on_engine_left(const EngineUuid& engine, Outbox& out) {
  const auto waits_for = [&engine](const auto& entry) {
    return std::any_of(
        entry.second.slots.begin(), entry.second.slots.end(),
        [&engine](const Slot& slot) { return slot.target.uuid == engine && !slot.has_reply; });
  };
  const std::size_t dropped = std::erase_if(gatherings_, waits_for);
  if (dropped == 0) return;
  out.log(LogLevel::kInfo, std::to_string(dropped) + " broadcasts lost engine " + engine.str() +
                               "; their clients give them up.");
}

void BroadcastTree::check_invariants() const {
  for (const auto& [original, gathering] : gatherings_) {
    const auto missing = std::count_if(gathering.slots.begin(), gathering.slots.end(),
                                       [](const Slot& slot) { return !slot.has_reply; });
    TRIREME_CHECK(static_cast<std::size_t>(missing) == gathering.missing && missing > 0,
                  "invariant 1: " + original.str());
    TRIREME_CHECK(gathering.base.has_value() == (gathering.missing < gathering.slots.size()),
                  "invariant 2: " + original.str());
  }
}

}  // namespace trireme
