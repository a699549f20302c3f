// Coalescing broadcasts of a former controller: their parts are in the records, and clients that
// wait in silence want one reply for all.
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "controller/core/controller_core.hpp"
#include "controller/hub/json_fields.hpp"
#include "controller/recovery/client_routes.hpp"

namespace trireme {
namespace {

/// The broadcast that a record is a part of, if its replies are gathered.
std::optional<MsgId> gathered_in(const TaskRecord& record) {
  const std::string metadata = record.metadata.value_or("");
  if (record.queue != "broadcast" || !bool_field(metadata, "is_coalescing")) return std::nullopt;
  auto original = string_field(metadata, "original_msg_id");
  if (!original) return std::nullopt;
  return MsgId(*std::move(original));
}

/// Its place among the parts; empty when the record does not tell.
std::optional<BroadcastTree::PastPart> part_in(const TaskRecord& record) {
  const auto metadata = nlohmann::json::parse(record.metadata.value_or(""), nullptr, false);
  const auto place = metadata.is_object() ? metadata.find("part") : metadata.end();
  const bool is_there = metadata.is_object() && place != metadata.end() && place->is_array() &&
                        place->size() == 2 && (*place)[0].is_number_unsigned() &&
                        (*place)[1].is_number_unsigned();
  if (!is_there || !record.engine_uuid) return std::nullopt;
  BroadcastTree::PastPart part;
  part.engine = EngineUuid(*record.engine_uuid);
  part.index = (*place)[0].get<std::size_t>();
  part.count = (*place)[1].get<std::size_t>();
  return part;
}

}  // namespace

bool ControllerCore::is_gathered(const TaskRecord& record) {
  return gathered_in(record).has_value();
}

std::vector<MsgId> ControllerCore::gathered_with(const std::vector<TaskRecord>& records) const {
  std::set<MsgId> ids;
  for (const TaskRecord& record : records) {
    const auto original = gathered_in(record);
    if (!original) continue;
    ids.insert(record.msg_id);
    for (const auto& [id, engine] : hub_.engines().live()) {
      ids.insert(MsgId(original->str() + "_" + engine.str()));
    }
  }
  return {ids.begin(), ids.end()};
}

void ControllerCore::restore_gatherings(const std::vector<TaskRecord>& parts, Now now,
                                        Outbox& out) {
  struct Found {
    std::vector<BroadcastTree::PastPart> parts;
    SessionId session;
    bool is_whole = true;
  };
  std::map<MsgId, Found> broadcasts;
  for (const TaskRecord& record : parts) {
    const auto original = gathered_in(record);
    const auto session = string_field(record.header.value_or(""), "session");
    auto part = part_in(record);
    if (!original || !session) continue;
    Found& found = broadcasts[*original];
    found.session = SessionId(*session);
    found.is_whole &=
        part.has_value() && (record.completed || hub_.log().direct().is_pending(record.msg_id));
    if (!found.is_whole) continue;
    if (record.completed) {
      part->reply = stored_reply(route_of_session(found.session), record, now);
      part->reply->identities = {Frame::copy_of(part->engine.view()),
                                 Frame::copy_of(route_of_session(found.session).view())};
    }
    found.parts.push_back(*std::move(part));
  }
  for (auto& [original, found] : broadcasts) {
    if (!found.is_whole || routes_.is_parked(original)) continue;
    std::optional<Message> reply = broadcast_.restore(original, std::move(found.parts));
    if (!reply) continue;
    reply->identities.erase(reply->identities.begin());
    park(Channel::kBroadcastClients, found.session, {original, wire_.encode(*reply), true}, out);
  }
}

}  // namespace trireme
