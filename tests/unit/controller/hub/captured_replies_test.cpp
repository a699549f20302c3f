// Our replies have the shape of those captured from a stock controller.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <ostream>
#include <string>

#include <nlohmann/json.hpp>

#include "controller/hub/hub.hpp"
#include "tests/unit/controller/hub/hub_world.hpp"

namespace trireme {
namespace {

using nlohmann::json;

constexpr const char* kFolder = TRIREME_TEST_DATA_DIR "/vectors/ipp71_";

/// Keys and kinds of values, with task ids and engine numbers evened out. Lists of anything but
/// text stand for their first element.
json shape_of(const json& value) {
  if (value.is_object()) {
    json shape = json::object();
    for (const auto& [key, member] : value.items()) {
      const bool is_id = key.find('_') != std::string::npos && std::isdigit(key.back()) != 0;
      const bool is_number = key.find_first_not_of("0123456789") == std::string::npos;
      shape[is_id ? "<task>" : is_number ? "<engine>" : key] = shape_of(member);
    }
    return shape;
  }
  if (value.is_array()) {
    return value.empty() || value[0].is_string() ? json("list") : json::array({shape_of(value[0])});
  }
  return value.is_number() ? "number" : value.type_name();
}

struct Exchange {
  json request;
  json reply;
};

/// The first request of this kind in the file, and the reply to it.
Exchange captured(const std::string& name, const std::string& request_type) {
  std::ifstream stream(kFolder + name + ".json");
  EXPECT_TRUE(stream.is_open()) << name;
  const json file = json::parse(stream);
  Exchange exchange;
  for (const json& message : file["messages"]) {
    if (message["channel"] != "registration" || !message.contains("decoded")) continue;
    const json& decoded = message["decoded"];
    if (decoded["header"]["msg_type"] == request_type) {
      if (exchange.request.is_null()) exchange.request = decoded;
    } else if (!exchange.request.is_null() &&
               (decoded["parent_header"].value("msg_id", "") ==
                    exchange.request["header"]["msg_id"] ||
                decoded["header"]["msg_type"] == "registration_reply")) {
      exchange.reply = decoded;
    }
    if (!exchange.reply.is_null()) break;
  }
  EXPECT_FALSE(exchange.reply.is_null()) << name;
  return exchange;
}

struct Capture {
  const char* name;
  const char* request_type;
  const char* content;  // ours; DONE and OPEN stand for the ids of a finished and a pending task

  friend std::ostream& operator<<(std::ostream& out, const Capture& self) {
    return out << self.name;
  }
};

class CapturedReply : public testing::TestWithParam<Capture> {};

std::string with_ids(std::string text, const std::string& done, const std::string& open) {
  for (const auto& [word, id] : {std::pair{"DONE", done}, std::pair{"OPEN", open}}) {
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word)) {
      text.replace(at, 4, id);
    }
  }
  return text;
}

TEST_P(CapturedReply, HasTheSameTypeAndShape) {
  const Exchange exchange = captured(GetParam().name, GetParam().request_type);
  HubWorld world({.connection_info_json =
                      exchange.reply["content"].value("connection_info", json::object()).dump()});
  if (exchange.reply["content"].value("engines", json()) != json::object() &&
      std::string(GetParam().name) != "hub_no_engines") {
    world.join_engine("engine-0-of-the-captured-kind");
  }
  std::string done;
  std::string open;
  if (!world.hub.engines().live().empty()) {
    const MsgId first = world.submit_direct("engine-0-of-the-captured-kind", "execute_request");
    world.reply_direct("engine-0-of-the-captured-kind", first);
    done = first.str();
    open = world.submit_direct("engine-0-of-the-captured-kind").str();
  }
  world.request(GetParam().request_type, with_ids(GetParam().content, done, open));
  const Sent reply = world.take(Channel::kQuery);
  EXPECT_EQ(reply.message.header.msg_type, exchange.reply["header"]["msg_type"]);
  const json content = json::parse(reply.content());
  EXPECT_EQ(content["status"], exchange.reply["content"]["status"]);
  if (content["status"] == "error") {
    EXPECT_EQ(content["ename"], exchange.reply["content"]["ename"]);
    EXPECT_EQ(shape_of(content), shape_of(exchange.reply["content"]));
    return;
  }
  json ours = shape_of(content);
  json theirs = shape_of(exchange.reply["content"]);
  ours.erase("trireme");  // tells our own clients whom they talk to; others do not read it
  for (json* shape : {&ours, &theirs}) {
    if (!shape->contains("<task>")) continue;
    // What a task printed and what an engine adds to its metadata is the task's own affair.
    for (const char* key : {"io", "result_metadata", "metadata", "result_content"}) {
      (*shape)["<task>"].erase(key);
    }
  }
  EXPECT_EQ(ours, theirs);
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, CapturedReply,
    testing::Values(
        Capture{"client_connect", "connection_request", "{}"},
        Capture{"client_connect_2", "connection_request", "{}"},
        Capture{"engine_registration", "registration_request", R"({"uuid": "new"})"},
        Capture{"registration_stalled", "registration_request", R"({"uuid": "new", "id": 7})"},
        Capture{"registration_duplicate_uuid", "registration_request",
                R"({"uuid": "engine-0-of-the-captured-kind"})"},
        Capture{"hub_queue_status", "queue_request", R"({"targets": null, "verbose": false})"},
        Capture{"hub_queue_status_verbose", "queue_request",
                R"({"targets": null, "verbose": true})"},
        Capture{"hub_queue_status_bad", "queue_request", R"({"targets": [99]})"},
        Capture{"hub_no_engines", "queue_request", R"({"targets": null, "verbose": false})"},
        Capture{"hub_result_full", "result_request", R"({"msg_ids": ["DONE"]})"},
        Capture{"hub_result_status_only", "result_request",
                R"({"msg_ids": ["DONE"], "status_only": true})"},
        Capture{"hub_result_pending", "result_request", R"({"msg_ids": ["OPEN"]})"},
        Capture{"hub_result_missing", "result_request", R"({"msg_ids": ["nope"]})"},
        Capture{"hub_missing_content", "result_request", "{}"},
        Capture{"hub_history", "history_request", "{}"},
        Capture{"hub_db_query_badkey", "db_request", R"({"query": {}, "keys": ["nokey"]})"},
        Capture{"hub_db_query_badop", "db_request", R"({"query": {"msg_id": {"$regex": "x"}}})"},
        Capture{"hub_db_query_dates", "db_request",
                R"({"query": {"msg_id": "DONE"}, "keys": ["submitted"]})"},
        Capture{"hub_db_query_allkeys", "db_request",
                R"({"query": {"msg_id": "DONE"}, "keys": ["msg_id", "buffers", "result_buffers",
                    "queue", "engine_uuid", "completed"]})"},
        Capture{"hub_purge", "purge_request", R"({"msg_ids": ["DONE"], "engine_ids": []})"},
        Capture{"hub_purge_all", "purge_request", R"({"msg_ids": "all", "engine_ids": []})"},
        Capture{"hub_purge_badengine", "purge_request", R"({"msg_ids": [], "engine_ids": [99]})"},
        Capture{"hub_purge_pending", "purge_request", R"({"msg_ids": ["OPEN"]})"},
        Capture{"hub_resubmit_bad", "resubmit_request", R"({"msg_ids": ["nope"]})"},
        Capture{"hub_bad_type", "no_such_request", "{}"}),
    [](const auto& test) {
      return std::string(test.param.name) + "_" + std::to_string(test.index);
    });

}  // namespace
}  // namespace trireme
