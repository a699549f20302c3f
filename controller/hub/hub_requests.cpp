// Reading request contents; peers may send anything.
#include "controller/hub/hub_requests.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "db/python_repr.hpp"

namespace trireme {

namespace {

using Json = nlohmann::json;

Result<Json> read_object(std::string_view content) {
  if (content.empty()) return Json::object();
  Json json = Json::parse(content, nullptr, false);
  if (!json.is_object()) {
    return Error{ErrorCode::kBadFormat, "The content of a request is a JSON object."};
  }
  return json;
}

Error missing(std::string_view key) { return {ErrorCode::kKeyError, python_repr(key)}; }

Error wrong_kind(std::string_view key, std::string_view wanted) {
  return {ErrorCode::kTypeError, std::string(key) + " must be " + std::string(wanted) + "."};
}

bool flag(const Json& content, const char* key) {
  const auto found = content.find(key);
  return found != content.end() && found->is_boolean() && found->get<bool>();
}

std::optional<std::int32_t> small_integer(const Json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  const auto number = value.get<std::int64_t>();
  if (number < std::numeric_limits<std::int32_t>::min() ||
      number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::int32_t>(number);
}

Result<std::vector<MsgId>> read_msg_ids(const Json& list) {
  std::vector<MsgId> ids;
  if (!list.is_array()) return wrong_kind("msg_ids", "a list of message ids");
  ids.reserve(list.size());
  for (const Json& id : list) {
    if (!id.is_string()) return wrong_kind("msg_ids", "a list of message ids");
    ids.emplace_back(id.get_ref<const std::string&>());
  }
  return ids;
}

Result<std::vector<MsgId>> required_msg_ids(const Json& content) {
  const auto found = content.find("msg_ids");
  if (found == content.end()) return missing("msg_ids");
  return read_msg_ids(*found);
}

Result<EngineName> read_engine_name(const Json& value) {
  if (value.is_string()) return EngineName(EngineUuid(value.get_ref<const std::string&>()));
  if (value.is_number_integer()) return EngineName(value.get<std::int64_t>());
  return wrong_kind("targets", "null, an engine's id or uuid, or a list of them");
}

}  // namespace

Result<QueueRequest> read_queue_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  const auto targets = json->find("targets");
  if (targets == json->end()) return missing("targets");
  QueueRequest request;
  request.verbose = flag(*json, "verbose");
  if (targets->is_null()) return request;
  request.targets.emplace();
  const Json single = Json::array({*targets});
  for (const Json& value : targets->is_array() ? *targets : single) {
    auto name = read_engine_name(value);
    if (!name) return name.error();
    request.targets->push_back(std::move(*name));
  }
  return request;
}

Result<ResultRequest> read_result_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  auto ids = required_msg_ids(*json);
  if (!ids) return ids.error();
  ResultRequest request{std::move(*ids), flag(*json, "status_only")};
  std::sort(request.msg_ids.begin(), request.msg_ids.end());
  request.msg_ids.erase(std::unique(request.msg_ids.begin(), request.msg_ids.end()),
                        request.msg_ids.end());
  return request;
}

Result<DbRequest> read_db_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  const auto query = json->find("query");
  const auto keys = json->find("keys");
  DbRequest request{"{}", "null"};
  if (query != json->end()) {
    request.query_json = query->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (keys != json->end()) {
    // One name alone is taken for a list of it.
    const Json list = keys->is_string() ? Json::array({*keys}) : *keys;
    request.keys_json = list.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return request;
}

Result<PurgeRequest> read_purge_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  PurgeRequest request;
  if (const auto found = json->find("msg_ids"); found != json->end()) {
    if (found->is_string() && found->get_ref<const std::string&>() == "all") {
      request.all = true;
    } else {
      auto ids = read_msg_ids(*found);
      if (!ids) return ids.error();
      request.msg_ids = std::move(*ids);
    }
  }
  if (const auto found = json->find("engine_ids"); found != json->end()) {
    if (!found->is_array()) return wrong_kind("engine_ids", "a list of engine ids");
    for (const Json& id : *found) {
      if (!id.is_number_integer()) return wrong_kind("engine_ids", "a list of engine ids");
      request.engine_ids.push_back(id.get<std::int64_t>());
    }
  }
  return request;
}

Result<ResubmitRequest> read_resubmit_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  auto ids = required_msg_ids(*json);
  if (!ids) return ids.error();
  ResubmitRequest request;
  std::unordered_set<MsgId> seen;
  for (MsgId& id : *ids) {
    if (seen.insert(id).second) request.msg_ids.push_back(std::move(id));
  }
  return request;
}

Result<RegistrationRequest> read_registration_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  const auto uuid = json->find("uuid");
  if (uuid == json->end()) return missing("uuid");
  if (!uuid->is_string()) return wrong_kind("uuid", "a string");
  RegistrationRequest request{EngineUuid(uuid->get_ref<const std::string&>()), std::nullopt};
  if (const auto id = json->find("id"); id != json->end()) request.id = small_integer(*id);
  return request;
}

Result<UnregistrationRequest> read_unregistration_request(std::string_view content) {
  const auto json = read_object(content);
  if (!json) return json.error();
  UnregistrationRequest request;
  if (const auto id = json->find("id"); id != json->end()) {
    if (const auto number = small_integer(*id)) request.id = EngineId(*number);
  }
  if (const auto uuid = json->find("uuid"); uuid != json->end() && uuid->is_string()) {
    request.uuid = EngineUuid(uuid->get_ref<const std::string&>());
  }
  return request;
}

}  // namespace trireme
