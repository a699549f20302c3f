// The JSON of an engine's replies and outputs. Written by hand: the shapes are fixed, and a reply
// is made for every task.
#include "engine/engine_messages.hpp"

#include <utility>

namespace trireme {
namespace {

constexpr std::string_view kUnmetDependency = "UnmetDependency";

std::string method_of(const TaskRequest& request) {
  const std::string_view type = request.message.header.msg_type;
  return std::string(type.substr(0, type.rfind('_')));
}

std::string topic_prefix(const EngineIdentity& identity) {
  return identity.id.value() < 0 ? "kernel." + identity.uuid.str() + "."
                                 : "engine." + std::to_string(identity.id.value()) + ".";
}

std::string_view json_flag(bool flag) { return flag ? "true" : "false"; }

}  // namespace

std::string error_members_json(const TaskFailure& failure) {
  std::string json = R"("ename": )" + json_quote(failure.ename) + R"(, "evalue": )" +
                     json_quote(failure.evalue) + R"(, "traceback": [)";
  for (std::size_t line = 0; line < failure.traceback.size(); ++line) {
    if (line > 0) json += ", ";
    json += json_quote(failure.traceback[line]);
  }
  return json + "]";
}

std::string reply_type_of(std::string_view request_type) {
  constexpr std::string_view kSuffix = "_request";
  if (request_type.ends_with(kSuffix)) request_type.remove_suffix(kSuffix.size());
  return std::string(request_type) + "_reply";
}

KeptReply kept_reply(const Message& reply) {
  return KeptReply{reply.header.msg_type, reply.parent_json, reply.metadata_json,
                   reply.content_json, reply.buffers};
}

EngineMessages::EngineMessages(EngineIdentity identity, MessageFactory factory)
    : identity_(std::move(identity)),
      factory_(std::move(factory)),
      topic_prefix_(topic_prefix(identity_)),
      quoted_uuid_(json_quote(identity_.uuid.view())) {
  engine_metadata_ = R"({"engine": )" + quoted_uuid_ + "}";
}

void EngineMessages::rename(EngineId id) {
  identity_.id = id;
  topic_prefix_ = topic_prefix(identity_);
}

Message EngineMessages::output(std::string_view type, std::string_view topic,
                               std::string content_json, const Frame& parent, Timestamp now,
                               std::string metadata_json) {
  Message message =
      factory_.make(type, std::move(content_json), now, parent, std::move(metadata_json));
  message.identities = {Frame(topic_prefix_ + std::string(topic))};
  return message;
}

Message EngineMessages::status(std::string_view state, const Frame& parent, Timestamp now) {
  return output("status", "status", R"({"execution_state": ")" + std::string(state) + R"("})",
                parent, now, engine_metadata_);
}

Message EngineMessages::stream(std::string_view name, std::string_view text, std::size_t offset,
                               const Frame& parent, Timestamp now) {
  std::string content = R"({"name": ")" + std::string(name) + R"(", "text": )" + json_quote(text);
  std::string metadata =
      R"({"engine": )" + quoted_uuid_ + R"(, "offset": )" + std::to_string(offset) + "}";
  return output("stream", name, content + "}", parent, now, std::move(metadata));
}

Message EngineMessages::shown(OutputPiece::Kind kind, std::string content_json, const Frame& parent,
                              Timestamp now) {
  if (kind == OutputPiece::Kind::kDisplay) {
    return output("display_data", "displaypub", std::move(content_json), parent, now, {});
  }
  const bool is_update = kind == OutputPiece::Kind::kUpdate;
  return output(is_update ? "update_display_data" : "clear_output",
                is_update ? "displaypub" : "clear_output", std::move(content_json), parent, now,
                engine_metadata_);
}

Message EngineMessages::execute_input(const TaskRequest& request, int execution_count,
                                      Timestamp now) {
  return output("execute_input", "execute_input",
                R"({"code": )" + json_quote(request.code) + R"(, "execution_count": )" +
                    std::to_string(execution_count) + "}",
                request.message.header_json, now, engine_metadata_);
}

Message EngineMessages::execute_result(const TaskSuccess& success, int execution_count,
                                       const Frame& parent, Timestamp now) {
  const std::string& metadata = success.data_metadata_json;
  return output("execute_result", "execute_result",
                R"({"data": )" + success.data_json + R"(, "metadata": )" +
                    (metadata.empty() ? "{}" : metadata) + R"(, "execution_count": )" +
                    std::to_string(execution_count) + "}",
                parent, now, {});
}

Message EngineMessages::error(const TaskFailure& failure, const Frame& parent, Timestamp now) {
  return output("error", "error", "{" + error_members_json(failure) + "}", parent, now,
                engine_metadata_);
}

Message EngineMessages::shutdown_notice(const Frame& parent, Timestamp now) {
  return output("shutdown_reply", "shutdown", R"({"status": "ok", "restart": false})", parent, now,
                {});
}

Message EngineMessages::success_reply(const TaskRequest& request, TaskSuccess success,
                                      const RunFacts& facts, Timestamp now) {
  std::string content = std::move(success.content_json);
  if (request.is_execute()) {
    content = R"({"status": "ok", "execution_count": )" + std::to_string(facts.execution_count) +
              R"(, "user_expressions": )" +
              (success.user_expressions_json.empty() ? "{}" : success.user_expressions_json) +
              R"(, "payload": []})";
  } else if (content.empty()) {
    content = R"({"status": "ok"})";
  }
  Message reply = task_reply(request, std::move(content),
                             reply_metadata(request, facts, "ok", true) + "}", facts.route, now);
  reply.buffers = std::move(success.buffers);
  return reply;
}

Message EngineMessages::failure_reply(const TaskRequest& request, const TaskFailure& failure,
                                      const RunFacts& facts, Timestamp now) {
  const std::string info = R"({"engine_uuid": )" + quoted_uuid_ + R"(, "engine_id": )" +
                           std::to_string(identity_.id.value());
  std::string content = R"({"status": "error", )" + error_members_json(failure) +
                        R"(, "engine_info": )" + info + R"(, "method": ")" + method_of(request) +
                        R"("})";
  if (request.is_execute()) {
    content += R"(, "execution_count": )" + std::to_string(facts.execution_count) +
               R"(, "user_expressions": {}, "payload": [])";
  }
  const bool dependencies_met = failure.ename != kUnmetDependency;
  std::string metadata = reply_metadata(request, facts, "error", dependencies_met);
  metadata += R"(, "engine_info": )" + info + "}}";
  return task_reply(request, content + "}", std::move(metadata), facts.route, now);
}

Message EngineMessages::aborted_reply(const TaskRequest& request, const RunFacts& facts,
                                      Timestamp now) {
  return task_reply(request, R"({"status": "aborted"})",
                    reply_metadata(request, facts, "aborted", true) + "}", facts.route, now);
}

Message EngineMessages::task_reply(const TaskRequest& request, std::string content_json,
                                   std::string metadata_json, const Frames& route, Timestamp now) {
  Message reply =
      factory_.make(reply_type_of(request.message.header.msg_type), std::move(content_json), now,
                    request.message.header_json, std::move(metadata_json));
  reply.identities = route;
  return reply;
}

Message EngineMessages::input_request(const TaskRequest& request, std::string_view prompt,
                                      bool is_password, Timestamp now) {
  std::string content = R"({"prompt": )" + json_quote(prompt) + R"(, "password": )";
  content += json_flag(is_password);
  Message question = factory_.make("input_request", content + "}", now, request.message.header_json,
                                   engine_metadata_);
  // A front end has the same name on each of its sockets.
  if (!request.message.identities.empty()) {
    question.identities = {request.message.identities.back()};
  }
  return question;
}

Message EngineMessages::repeated_reply(const KeptReply& kept, const Frames& route, Timestamp now) {
  Message reply = factory_.make(kept.msg_type, {}, now, kept.parent_json);
  reply.identities = route;
  reply.metadata_json = kept.metadata_json;
  reply.content_json = kept.content_json;
  reply.buffers = kept.buffers;
  return reply;
}

std::string EngineMessages::reply_metadata(const TaskRequest& request, const RunFacts& facts,
                                           std::string_view status, bool dependencies_met) const {
  std::string json =
      R"({"started": ")" + format_timestamp(facts.started) + R"(", "dependencies_met": )";
  json += json_flag(dependencies_met);
  json += R"(, "engine": )" + quoted_uuid_ + R"(, "is_broadcast": )";
  json += json_flag(request.is_broadcast);
  json += R"(, "is_coalescing": )";
  json += json_flag(request.is_coalescing);
  json += R"(, "original_msg_id": )" + json_quote(request.original_msg_id);
  if (request.label_json) json += R"(, "label": )" + *request.label_json;
  return json + R"(, "status": ")" + std::string(status) + R"(")";
}

Message EngineMessages::plain_reply(const Message& request, std::string_view reply_type,
                                    std::string content_json, Timestamp now) {
  Message reply = factory_.make(reply_type, std::move(content_json), now, request.header_json,
                                engine_metadata_);
  reply.identities = request.identities;
  return reply;
}

}  // namespace trireme
