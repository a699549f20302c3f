// Contents of requests: what is read, and what is refused.
#include "controller/hub/hub_requests.hpp"

#include <gtest/gtest.h>

#include <ostream>

#include "controller/hub/hub.hpp"

namespace trireme {
namespace {

enum class Kind { kQueue, kResult, kDb, kPurge, kResubmit, kRegistration, kUnregistration };

std::optional<Error> error_of(Kind kind, std::string_view content) {
  const auto failure = [](const auto& result) {
    return result ? std::optional<Error>() : std::optional<Error>(result.error());
  };
  switch (kind) {
    case Kind::kQueue:
      return failure(read_queue_request(content));
    case Kind::kResult:
      return failure(read_result_request(content));
    case Kind::kDb:
      return failure(read_db_request(content));
    case Kind::kPurge:
      return failure(read_purge_request(content));
    case Kind::kResubmit:
      return failure(read_resubmit_request(content));
    case Kind::kRegistration:
      return failure(read_registration_request(content));
    case Kind::kUnregistration:
      return failure(read_unregistration_request(content));
  }
  return std::nullopt;
}

struct BadContent {
  Kind kind;
  const char* content;
  ErrorCode code;
  const char* text = nullptr;

  friend std::ostream& operator<<(std::ostream& out, const BadContent& self) {
    return out << self.content;
  }
};
class BadRequest : public testing::TestWithParam<BadContent> {};

TEST_P(BadRequest, IsRefusedWithTheRightCode) {
  const auto error = error_of(GetParam().kind, GetParam().content);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, GetParam().code);
  if (GetParam().text != nullptr) {
    EXPECT_EQ(error->text, GetParam().text);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Contents, BadRequest,
    testing::Values(BadContent{Kind::kQueue, "{}", ErrorCode::kKeyError, "'targets'"},
                    BadContent{Kind::kQueue, R"({"targets": {}})", ErrorCode::kTypeError},
                    BadContent{Kind::kQueue, R"({"targets": 1.5})", ErrorCode::kTypeError},
                    BadContent{Kind::kQueue, R"({"targets": [true]})", ErrorCode::kTypeError},
                    BadContent{Kind::kResult, "{}", ErrorCode::kKeyError, "'msg_ids'"},
                    BadContent{Kind::kResult, R"({"msg_ids": "a"})", ErrorCode::kTypeError},
                    BadContent{Kind::kResult, R"({"msg_ids": [1]})", ErrorCode::kTypeError},
                    BadContent{Kind::kResult, R"({"msg_ids": null})", ErrorCode::kTypeError},
                    BadContent{Kind::kPurge, R"({"msg_ids": "some"})", ErrorCode::kTypeError},
                    BadContent{Kind::kPurge, R"({"engine_ids": 1})", ErrorCode::kTypeError},
                    BadContent{Kind::kPurge, R"({"engine_ids": ["1"]})", ErrorCode::kTypeError},
                    BadContent{Kind::kResubmit, "{}", ErrorCode::kKeyError, "'msg_ids'"},
                    BadContent{Kind::kRegistration, "{}", ErrorCode::kKeyError, "'uuid'"},
                    BadContent{Kind::kRegistration, R"({"uuid": 7})", ErrorCode::kTypeError}));

TEST(HubRequests, RefuseWhateverIsNoObject) {
  for (const Kind kind : {Kind::kQueue, Kind::kResult, Kind::kDb, Kind::kPurge, Kind::kResubmit,
                          Kind::kRegistration, Kind::kUnregistration}) {
    for (const char* content : {"[]", "{", "null", "7", "\"x\"", "{\"msg_ids\": [}"}) {
      const auto error = error_of(kind, content);
      ASSERT_TRUE(error.has_value()) << content;
      EXPECT_EQ(error->code, ErrorCode::kBadFormat) << content;
    }
  }
}

TEST(HubRequests, ReadTargetsInEveryForm) {
  EXPECT_FALSE(read_queue_request(R"({"targets": null})")->targets.has_value());
  const auto one = read_queue_request(R"({"targets": 3, "verbose": true})");
  EXPECT_EQ(*one->targets, std::vector<EngineName>{std::int64_t{3}});
  EXPECT_TRUE(one->verbose);
  const auto two = read_queue_request(R"({"targets": [0, "uuid"], "verbose": 1})");
  EXPECT_EQ(*two->targets, (std::vector<EngineName>{std::int64_t{0}, EngineUuid("uuid")}));
  EXPECT_FALSE(two->verbose);
}

TEST(HubRequests, SortResultIdsAndTakeEachOnce) {
  const auto request = read_result_request(R"({"msg_ids": ["b", "a_10", "a_9", "b"]})");
  EXPECT_EQ(request->msg_ids, (std::vector{MsgId("a_10"), MsgId("a_9"), MsgId("b")}));
  EXPECT_FALSE(request->status_only);
}

TEST(HubRequests, KeepTheOrderOfResubmittedIds) {
  const auto request = read_resubmit_request(R"({"msg_ids": ["b", "a", "b"]})");
  EXPECT_EQ(request->msg_ids, (std::vector{MsgId("b"), MsgId("a")}));
}

TEST(HubRequests, ReadPurgeInBothForms) {
  EXPECT_TRUE(read_purge_request(R"({"msg_ids": "all", "engine_ids": []})")->all);
  const auto request = read_purge_request(R"({"msg_ids": ["a"], "engine_ids": [4]})");
  EXPECT_FALSE(request->all);
  EXPECT_EQ(request->msg_ids, std::vector{MsgId("a")});
  EXPECT_EQ(request->engine_ids, std::vector<std::int64_t>{4});
  EXPECT_TRUE(read_purge_request("{}")->msg_ids.empty());
}

TEST(HubRequests, TakeOneKeyForAListOfIt) {
  EXPECT_EQ(read_db_request(R"({"keys": "header"})")->keys_json, R"(["header"])");
  EXPECT_EQ(read_db_request("{}")->query_json, "{}");
  EXPECT_EQ(read_db_request("{}")->keys_json, "null");
}

TEST(HubRequests, IgnoreIdsThatAreNone) {
  EXPECT_EQ(read_registration_request(R"({"uuid": "a", "id": 5})")->id, 5);
  EXPECT_EQ(read_unregistration_request(R"({"id": 5})")->id, EngineId(5));
  EXPECT_FALSE(read_unregistration_request(R"({"id": 5, "uuid": 5})")->uuid.has_value());
  EXPECT_EQ(read_unregistration_request(R"({"uuid": "e"})")->uuid, EngineUuid("e"));
  for (const char* id : {"null", "\"5\"", "5.5", "[]", "99999999999999999999", "4294967296"}) {
    const std::string content = std::string(R"({"uuid": "a", "id": )") + id + "}";
    EXPECT_FALSE(read_registration_request(content)->id.has_value()) << id;
    EXPECT_FALSE(read_unregistration_request(content)->id.has_value()) << id;
  }
}

/// Requests that go to engines, not to the hub.
constexpr std::array kForEngines{
    MessageType::kApplyRequest,     MessageType::kExecuteRequest, MessageType::kAbortRequest,
    MessageType::kClearRequest,     MessageType::kSignalRequest,  MessageType::kKernelInfoRequest,
    MessageType::kInterruptRequest,
};

TEST(HubRequests, AreHandledOrKnownToBeForEngines) {
  for (const MessageTypeName& entry : kMessageTypes) {
    if (!entry.wire_name.ends_with("_request")) continue;
    const bool is_for_engines =
        std::find(kForEngines.begin(), kForEngines.end(), entry.type) != kForEngines.end();
    EXPECT_NE(Hub::handles(entry.type), is_for_engines) << entry.wire_name;
  }
}

}  // namespace
}  // namespace trireme
