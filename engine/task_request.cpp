// Reading the content and metadata of requests for work.
#include "engine/task_request.hpp"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace trireme {
namespace {

using Json = nlohmann::json;

bool flag(const Json& object, const char* key, bool otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

bool is_empty_object(std::string_view json) { return json.empty() || json == "{}"; }

void read_metadata(const Json& metadata, TaskRequest& request) {
  request.is_broadcast = flag(metadata, "is_broadcast", false);
  request.is_coalescing = flag(metadata, "is_coalescing", false);
  const auto original = metadata.find("original_msg_id");
  if (original != metadata.end() && original->is_string()) {
    request.original_msg_id = original->get<std::string>();
  }
  const auto label = metadata.find("label");
  if (label != metadata.end() && (label->is_string() || label->is_null())) {
    request.label_json = label->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

std::optional<TaskRequest::Kind> kind_of(std::string_view msg_type) {
  struct Row {
    std::string_view msg_type;
    TaskRequest::Kind kind;
  };
  constexpr std::array kKinds{Row{"apply_request", TaskRequest::Kind::kApply},
                              Row{"execute_request", TaskRequest::Kind::kExecute},
                              Row{"complete_request", TaskRequest::Kind::kQuestion},
                              Row{"inspect_request", TaskRequest::Kind::kQuestion},
                              Row{"is_complete_request", TaskRequest::Kind::kQuestion}};
  for (const Row& row : kKinds) {
    if (row.msg_type == msg_type) return row.kind;
  }
  return std::nullopt;
}

Error not_an_object(std::string_view part, const TaskRequest& request) {
  return Error{ErrorCode::kBadFormat, "The " + std::string(part) + " of request '" +
                                          request.id().str() + "' is not a JSON object."};
}

Result<void> read_execute(const Json& content, TaskRequest& request) {
  const auto code = content.find("code");
  if (code == content.end() || !code->is_string()) {
    return Error{ErrorCode::kBadFormat, "The execute_request '" + request.id().str() +
                                            "' has no text under \"code\"; send one."};
  }
  request.code = code->get<std::string>();
  request.silent = flag(content, "silent", false);
  request.stop_on_error = flag(content, "stop_on_error", true);
  request.store_history = !request.silent && flag(content, "store_history", true);
  request.allow_stdin = flag(content, "allow_stdin", false);
  const auto expressions = content.find("user_expressions");
  if (expressions != content.end() && expressions->is_object() && !expressions->empty()) {
    request.user_expressions_json =
        expressions->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return {};
}

/// What a question is about; whoever answers it complains when it is not there.
void read_question(const Json& content, TaskRequest& request) {
  if (!content.is_object()) return;
  const auto code = content.find("code");
  if (code != content.end() && code->is_string()) request.code = code->get<std::string>();
}

}  // namespace

bool is_work(std::string_view msg_type) { return kind_of(msg_type).has_value(); }

Result<void> read_task_request(TaskRequest& request) {
  const Message& message = request.message;
  request.kind = kind_of(message.header.msg_type).value_or(TaskRequest::Kind::kApply);
  const bool execute = request.is_execute();
  if (!is_empty_object(message.metadata_json.view())) {
    const Json metadata = Json::parse(message.metadata_json.view(), nullptr, false);
    if (!metadata.is_object()) return not_an_object("metadata", request);
    read_metadata(metadata, request);
  }
  if (request.kind == TaskRequest::Kind::kApply) return {};
  const Json content = Json::parse(message.content_json.view(), nullptr, false);
  if (!execute) {
    read_question(content, request);
    return {};
  }
  if (!content.is_object()) return not_an_object("content", request);
  return read_execute(content, request);
}

}  // namespace trireme
