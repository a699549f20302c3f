// Registrations by name and number; the rules are with the class.
#include "controller/hub/engine_registry.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "db/python_repr.hpp"
#include "session/message.hpp"

namespace trireme {

bool EngineRegistry::is_taken(EngineId id) const {
  if (live_.contains(id)) return true;
  return std::any_of(pending_.begin(), pending_.end(),
                     [id](const auto& entry) { return entry.second.id == id; });
}

void EngineRegistry::forget_lapsed(EngineId id) {
  std::erase_if(lapsed_, [id](const auto& entry) { return entry.second == id; });
}

EngineId EngineRegistry::choose_id(std::optional<std::int32_t> wanted) {
  if (wanted && *wanted >= 0 && *wanted <= kRequestedIdMax && !is_taken(EngineId(*wanted))) {
    next_id_ = std::max(next_id_, *wanted + 1);
    return EngineId(*wanted);
  }
  return EngineId(next_id_++);
}

Result<EngineId> EngineRegistry::begin(const EngineUuid& uuid, std::optional<std::int32_t> wanted,
                                       Instant now) {
  const EngineId id = choose_id(wanted);
  if (uuid.empty() || uuid.str().size() > kUuidBytesMax || uuid.str().front() == '\0') {
    return Error{ErrorCode::kBadFormat,
                 "An engine's uuid is 1 to 255 bytes and does not begin with a zero byte."};
  }
  if (ids_.contains(uuid) || pending_.contains(uuid)) {
    return Error{ErrorCode::kKeyError, python_repr("uuid " + python_repr(uuid.view()) + " in use")};
  }
  lapsed_.erase(uuid);
  forget_lapsed(id);
  pending_.emplace(uuid, Registration{id, now + options_.registration_timeout});
  pending_order_.emplace_back(uuid, id);
  return id;
}

std::optional<EngineId> EngineRegistry::on_beat(const EngineUuid& uuid) {
  EngineId id;
  if (const auto found = pending_.find(uuid); found != pending_.end()) {
    if (++found->second.beats < options_.beats_to_join) return std::nullopt;
    id = found->second.id;
    pending_.erase(found);
  } else if (const auto late = lapsed_.find(uuid); late != lapsed_.end()) {
    id = late->second;
    lapsed_.erase(late);
  } else {
    return std::nullopt;
  }
  live_.emplace(id, uuid);
  ids_.emplace(uuid, id);
  dead_.erase(id);
  return id;
}

std::optional<EngineUuid> EngineRegistry::remove(EngineId id) {
  const auto found = live_.find(id);
  if (found == live_.end()) return std::nullopt;
  EngineUuid uuid = std::move(found->second);
  live_.erase(found);
  ids_.erase(uuid);
  dead_.insert(id);
  return uuid;
}

bool EngineRegistry::cancel_pending(EngineId id) {
  const auto cancelled =
      std::erase_if(pending_, [id](const auto& entry) { return entry.second.id == id; });
  forget_lapsed(id);
  return cancelled > 0;
}

std::vector<EngineId> EngineRegistry::on_deadline(Instant now) {
  std::vector<EngineId> lapsed_now;
  while (!pending_order_.empty()) {
    const auto& [uuid, id] = pending_order_.front();
    const auto found = pending_.find(uuid);
    if (found != pending_.end() && found->second.id == id) {
      if (found->second.deadline > now) break;
      lapsed_now.push_back(id);
      lapsed_.emplace(uuid, id);
      lapsed_order_.emplace_back(uuid, id);
      pending_.erase(found);
    }
    pending_order_.pop_front();
  }
  while (lapsed_order_.size() > kLapsedMax) {
    const auto& [uuid, id] = lapsed_order_.front();
    const auto found = lapsed_.find(uuid);
    if (found != lapsed_.end() && found->second == id) lapsed_.erase(found);
    lapsed_order_.pop_front();
  }
  return lapsed_now;
}

std::optional<Instant> EngineRegistry::next_deadline() const {
  for (const auto& [uuid, id] : pending_order_) {
    const auto found = pending_.find(uuid);
    if (found != pending_.end() && found->second.id == id) return found->second.deadline;
  }
  return std::nullopt;
}

std::optional<EngineId> EngineRegistry::id_of(const EngineUuid& uuid) const {
  const auto found = ids_.find(uuid);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::optional<EngineUuid> EngineRegistry::uuid_of(EngineId id) const {
  const auto found = live_.find(id);
  if (found == live_.end()) return std::nullopt;
  return found->second;
}

bool EngineRegistry::is_awaited(const EngineUuid& uuid) const {
  return pending_.contains(uuid) || lapsed_.contains(uuid);
}

std::optional<EngineId> EngineRegistry::awaited_id_of(const EngineUuid& uuid) const {
  if (const auto found = pending_.find(uuid); found != pending_.end()) return found->second.id;
  const auto late = lapsed_.find(uuid);
  return late == lapsed_.end() ? std::nullopt : std::optional(late->second);
}

namespace {

std::string engines_text(const std::map<EngineId, EngineUuid>& engines) {
  std::string json = "{";
  const char* separator = "";
  for (const auto& [id, uuid] : engines) {
    json += separator + json_quote(std::to_string(id.value())) + ": " + json_quote(uuid.view());
    separator = ", ";
  }
  return json + "}";
}

}  // namespace

std::string EngineRegistry::snapshot_json() const {
  std::map<EngineId, EngineUuid> awaited;
  for (const auto& [uuid, registration] : pending_) awaited.emplace(registration.id, uuid);
  for (const auto& [uuid, id] : lapsed_) awaited.emplace(id, uuid);
  const std::string more = awaited.empty() ? "" : ", \"awaited\": " + engines_text(awaited);
  return "{\"engines\": " + engines_text(live_) + more +
         ", \"next_id\": " + std::to_string(next_id_) + "}";
}

namespace {

Error bad_snapshot(const std::string& what) {
  return {ErrorCode::kBadFormat, "The list of engines is not usable: " + what +
                                     "; remove the file to start without engines."};
}

std::optional<std::int32_t> read_id(const std::string& text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return std::stoi(text);
}

Result<std::map<EngineId, EngineUuid>> read_engines(const nlohmann::json& engines,
                                                    std::set<std::string>& uuids) {
  if (!engines.is_object()) return bad_snapshot("a list of engines is no JSON object");
  std::map<EngineId, EngineUuid> read;
  for (const auto& [key, value] : engines.items()) {
    const auto id = read_id(key);
    if (!id || !value.is_string()) return bad_snapshot("engine " + key + " has no id and uuid");
    const auto& uuid = value.get_ref<const std::string&>();
    if (uuid.empty() || !uuids.insert(uuid).second) {
      return bad_snapshot("engine " + key + " has an empty uuid or that of another");
    }
    read.emplace(EngineId(*id), EngineUuid(uuid));
  }
  return read;
}

}  // namespace

Result<void> EngineRegistry::restore(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return bad_snapshot("it is not a JSON object");
  const auto engines = document.find("engines");
  if (engines == document.end() || !engines->is_object()) return bad_snapshot("no engines in it");
  const auto next_id = document.find("next_id");
  if (next_id == document.end() || !next_id->is_number_integer()) {
    return bad_snapshot("no next_id in it");
  }
  std::set<std::string> uuids;
  const auto restored = read_engines(*engines, uuids);
  if (!restored) return restored.error();
  const auto awaited = read_engines(document.value("awaited", nlohmann::json::object()), uuids);
  if (!awaited) return awaited.error();
  for (const auto& [id, uuid] : *restored) {
    if (live_.contains(id) || ids_.contains(uuid)) continue;
    live_.emplace(id, uuid);
    ids_.emplace(uuid, id);
    next_id_ = std::max(next_id_, id.value() + 1);
  }
  for (const auto& [id, uuid] : *awaited) {
    if (is_taken(id) || ids_.contains(uuid) || is_awaited(uuid)) continue;
    forget_lapsed(id);
    lapsed_.emplace(uuid, id);
    lapsed_order_.emplace_back(uuid, id);
    next_id_ = std::max(next_id_, id.value() + 1);
  }
  const auto counter = next_id->get<std::int64_t>();
  if (counter > next_id_ && counter <= INT32_MAX) next_id_ = static_cast<std::int32_t>(counter);
  return {};
}

void EngineRegistry::check_invariants() const {
  TRIREME_CHECK(ids_.size() == live_.size(), "invariant 1: ids and live engines");
  std::set<EngineId> ids;
  for (const auto& [id, uuid] : live_) {
    const auto found = ids_.find(uuid);
    TRIREME_CHECK(found != ids_.end() && found->second == id, "invariant 1: " + uuid.str());
    TRIREME_CHECK(!pending_.contains(uuid) && !lapsed_.contains(uuid), "invariant 2");
    ids.insert(id);
  }
  for (const auto& [uuid, registration] : pending_) {
    TRIREME_CHECK(!lapsed_.contains(uuid), "invariant 2: " + uuid.str());
    TRIREME_CHECK(ids.insert(registration.id).second, "invariant 3: pending id");
  }
  for (const auto& [uuid, id] : lapsed_) {
    TRIREME_CHECK(ids.insert(id).second, "invariant 3: lapsed id of " + uuid.str());
  }
  for (const EngineId id : ids) TRIREME_CHECK(id.value() < next_id_, "invariant 4");
}

}  // namespace trireme
