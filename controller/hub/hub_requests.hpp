// What clients and engines ask the hub: contents of requests as typed values.
//
// Each reader takes the content's JSON text. A missing key is kKeyError with the key as Python
// writes it, a value of the wrong kind kTypeError, a text that is no JSON object kBadFormat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "session/ids.hpp"
#include "session/result.hpp"

namespace trireme {

/// Engines by number or name; empty optional: all of them.
using EngineName = std::variant<std::int64_t, EngineUuid>;
using EngineNames = std::optional<std::vector<EngineName>>;

struct QueueRequest {
  EngineNames targets;
  bool verbose = false;
};
struct ResultRequest {
  std::vector<MsgId> msg_ids;  // each once, sorted
  bool status_only = false;
};
struct DbRequest {
  std::string query_json;
  std::string keys_json;
};
struct PurgeRequest {
  bool all = false;
  std::vector<MsgId> msg_ids;  // as given
  std::vector<std::int64_t> engine_ids;
};
struct ResubmitRequest {
  std::vector<MsgId> msg_ids;  // each once, in the order given
};
struct RegistrationRequest {
  EngineUuid uuid;
  std::optional<std::int32_t> id;
};
struct UnregistrationRequest {
  std::optional<EngineId> id;
  std::optional<EngineUuid> uuid;  // engines of our make say it
};

Result<QueueRequest> read_queue_request(std::string_view content);
Result<ResultRequest> read_result_request(std::string_view content);
Result<DbRequest> read_db_request(std::string_view content);
Result<PurgeRequest> read_purge_request(std::string_view content);
Result<ResubmitRequest> read_resubmit_request(std::string_view content);
Result<RegistrationRequest> read_registration_request(std::string_view content);
/// An id or uuid that is missing or of another kind reads as none.
Result<UnregistrationRequest> read_unregistration_request(std::string_view content);

}  // namespace trireme
