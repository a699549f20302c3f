// Replies of engines, scheduler and hub as the client understands them.
#include "client/call_reply.hpp"

#include <gtest/gtest.h>

#include <trireme/async_result.hpp>

#include "session/python_value.hpp"
#include "session/value_codec.hpp"

namespace trireme {
namespace {

const Timestamp kNow = Timestamp(std::chrono::hours(1));

Message message_of(std::string_view type, std::string content, std::string metadata = "{}") {
  MessageFactory peer(SessionId("peer"), "peer", "1");
  return peer.make(type, std::move(content), kNow, {}, std::move(metadata));
}

TEST(CallReply, ANativeResultIsDecodedWithItsEngineAndTimes) {
  const EncodedValue encoded = encode_result(List{1, Array::of<int>({2})});
  Message message = message_of("apply_reply", encoded.json,
                               R"({"engine": "e0", "started": "1970-01-01T00:00:05Z"})");
  message.buffers = encoded.buffers;
  const CallReply reply = read_call_reply(message, kNow);
  EXPECT_EQ(reply.failure_kind, CallFailureKind::kNone);
  EXPECT_EQ(reply.value, Value(List{1, Array::of<int>({2})}));
  EXPECT_EQ(reply.engine_uuid, "e0");
  EXPECT_EQ(reply.started, Timestamp(std::chrono::seconds(5)));
  EXPECT_EQ(reply.completed, kNow);
  EXPECT_FALSE(reply.output_is_complete);
}

TEST(CallReply, APythonResultIsRead) {
  Message message = message_of("apply_reply", R"({"status": "ok"})");
  const Value result = List{1, Array::of(std::vector<double>(500, 1.5))};
  append_python_object(result, message.buffers);
  EXPECT_EQ(read_call_reply(message, kNow).value, result);
}

TEST(CallReply, APythonResultThatCannotTravelIsAFormatFailure) {
  for (const char* pickle : {"", "pickle", "\x80\x04\x8c\x02os\x8c\x06system\x93."}) {
    Message message = message_of("apply_reply", R"({"status": "ok"})");
    message.buffers = {Frame(std::string(pickle))};
    const CallReply reply = read_call_reply(message, kNow);
    EXPECT_EQ(reply.failure_kind, CallFailureKind::kFormat);
    EXPECT_NE(reply.failure.evalue.find("Python"), std::string::npos) << reply.failure.evalue;
  }
}

TEST(CallReply, AJoinedReplyHoldsTheResultsOfBothLanguages) {
  const std::vector<Value> results{Value(1), Array::of(std::vector<double>(300, 0.5)), "three"};
  for (const bool is_python : {true, false}) {
    Message message = message_of("apply_reply", R"({"status": "ok"})");
    for (const Value& result : results) {
      const EncodedValue packed = encode_result(result, ResultForm::kPacked);
      if (is_python) {
        append_python_object(result, message.buffers);
      } else {
        message.buffers.insert(message.buffers.end(), packed.buffers.begin(), packed.buffers.end());
      }
    }
    const std::vector<CallReply> replies = read_joined_reply(message, kNow, results.size());
    ASSERT_EQ(replies.size(), results.size());
    for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(replies[i].value, results[i]);
    const std::vector<CallReply> too_many = read_joined_reply(message, kNow, 4);
    EXPECT_EQ(too_many.back().failure_kind, CallFailureKind::kFormat);
  }
}

TEST(CallReply, AJoinedFailureIsEverybodys) {
  const Message message = message_of("apply_reply", R"({"status": "error", "ename": "E"})");
  for (const CallReply& reply : read_joined_reply(message, kNow, 2)) {
    EXPECT_EQ(reply.failure.ename, "E");
  }
}

struct FailureCase {
  const char* content;
  CallFailureKind kind;
  bool output_is_complete;
};

TEST(CallReply, FailuresAreToldApart) {
  const FailureCase cases[] = {
      {R"({"status": "aborted"})", CallFailureKind::kAborted, true},
      {R"({"status": "error", "ename": "EngineError", "engine_info": {}})",
       CallFailureKind::kEngineDied, true},
      {R"({"status": "error", "ename": "ImpossibleDependency"})", CallFailureKind::kImpossible,
       true},
      {R"({"status": "error", "ename": "InvalidDependency"})", CallFailureKind::kInvalid, true},
      {R"({"status": "error", "ename": "TaskTimeout"})", CallFailureKind::kTimeout, true},
      {R"({"status": "error", "ename": "TaskTimeout", "engine_info": {"engine_uuid": "e0"}})",
       CallFailureKind::kRemote, false},
      {R"({"status": "error", "ename": "ValueError", "engine_info": {"engine_uuid": "e0"}})",
       CallFailureKind::kRemote, false},
      {R"({"status": "error"})", CallFailureKind::kRemote, true},
      {R"({"status": "error", "ename": 5, "evalue": [], "traceback": {}, "engine_info": 1})",
       CallFailureKind::kRemote, true},
      {R"([)", CallFailureKind::kFormat, false},
      {R"({"status": "ok", "result": {"$buffer": 3}})", CallFailureKind::kFormat, false},
  };
  for (const FailureCase& one : cases) {
    const CallReply reply = read_call_reply(message_of("apply_reply", one.content), kNow);
    EXPECT_EQ(reply.failure_kind, one.kind) << one.content;
    EXPECT_EQ(reply.output_is_complete, one.output_is_complete) << one.content;
    EXPECT_FALSE(reply.failure.ename.empty()) << one.content;
  }
}

TEST(CallReply, AnErrorKeepsAllThatTheEngineTold) {
  const CallReply reply = read_call_reply(
      message_of("apply_reply",
                 R"({"status": "error", "ename": "E", "evalue": "v", "traceback": ["a", 5, "b"],
                     "engine_info": {"engine_uuid": "e0", "engine_id": 4}})"),
      kNow);
  EXPECT_EQ(reply.failure.evalue, "v");
  EXPECT_EQ(reply.failure.traceback, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reply.failure.engine_id, 4);
}

TEST(CallReply, EachKindThrowsItsOwnException) {
  const auto thrown = [](CallFailureKind kind) {
    throw_failure(make_failed_reply(kind, "E", "v"));
  };
  EXPECT_THROW(thrown(CallFailureKind::kRemote), RemoteError);
  EXPECT_THROW(thrown(CallFailureKind::kAborted), TaskAborted);
  EXPECT_THROW(thrown(CallFailureKind::kEngineDied), EngineDied);
  EXPECT_THROW(thrown(CallFailureKind::kImpossible), ImpossibleDependency);
  EXPECT_THROW(thrown(CallFailureKind::kInvalid), InvalidDependency);
  EXPECT_THROW(thrown(CallFailureKind::kTimeout), TaskTimeout);
  EXPECT_THROW(thrown(CallFailureKind::kConnection), ConnectionError);
  EXPECT_THROW(thrown(CallFailureKind::kFormat), FormatError);
  EXPECT_THROW(thrown(CallFailureKind::kQuery), QueryError);
}

TEST(CallReply, ARecordedNativeResultIsResolvedAgainstItsBuffers) {
  Message message = message_of("result_reply",
                               R"({"status": "ok", "pending": [], "completed": ["m"],
          "m": {"result_header": {"msg_type": "apply_reply", "date": "1970-01-01T00:00:09Z"},
                "result_metadata": {"engine": "e1"}, "io": {"stdout": "out", "stderr": ""},
                "result_content": {"status": "ok", "result": {"$buffer": 0}}}})");
  message.buffers = {Frame(std::string("bytes"))};
  const CallReply reply = read_recorded_reply(message, MsgId("m"), kNow);
  EXPECT_EQ(reply.value, Value(Bytes(std::string("bytes"))));
  EXPECT_EQ(reply.engine_uuid, "e1");
  EXPECT_EQ(reply.completed, Timestamp(std::chrono::seconds(9)));
  const auto shown = read_recorded_output(message, MsgId("m"));
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].text, "out");
}

TEST(CallReply, ARecordedExecutionIsAnExecuteResult) {
  const CallReply reply =
      read_recorded_reply(message_of("result_reply",
                                     R"({"m": {"result_header": {"msg_type": "execute_reply"},
                     "result_content": {"status": "ok", "execution_count": 3},
                     "io": {"execute_result": {"data": {"text/plain": "42"}}, "stdout": "o"}}})"),
                          MsgId("m"), kNow);
  const auto result = reply.value.to<ExecuteResult>();
  EXPECT_EQ(result.execution_count, 3);
  EXPECT_EQ(result.text(), "42");
  EXPECT_EQ(result.stdout_text, "o");
}

TEST(CallReply, MalformedRecordsAreFormatFailures) {
  for (const char* content : {"[", "{}", "[]", R"({"m": 5})", R"({"m": {"result_content": 1}})"}) {
    const CallReply reply =
        read_recorded_reply(message_of("result_reply", content), MsgId("m"), kNow);
    EXPECT_TRUE(reply.failure_kind == CallFailureKind::kFormat || reply.value.is_list()) << content;
  }
}

TEST(CallOutput, OnlyWhatACallKeepsIsRead) {
  const auto read = [](std::string_view type, std::string content) {
    return read_call_output(message_of(type, std::move(content)));
  };
  EXPECT_EQ(read("stream", R"({"name": "stdout", "text": "x"})")->kind, CallOutput::Kind::kStdout);
  EXPECT_EQ(read("stream", R"({"name": "stderr", "text": "x"})")->kind, CallOutput::Kind::kStderr);
  EXPECT_EQ(read("status", R"({"execution_state": "idle"})")->kind, CallOutput::Kind::kIdle);
  EXPECT_EQ(read("display_data", "{}")->kind, CallOutput::Kind::kDisplay);
  EXPECT_EQ(read("execute_result", "{}")->kind, CallOutput::Kind::kResult);
  EXPECT_FALSE(read("stream", R"({"name": "stdout", "text": "x"})")->offset);
  EXPECT_FALSE(read("status", R"({"execution_state": "busy"})"));
  EXPECT_FALSE(read("execute_input", "{}"));
  EXPECT_FALSE(read("comm_open", "{}"));
  EXPECT_FALSE(read("stream", "["));
}

TEST(CallOutput, PiecesOfAStreamAreNumberedByTheirOffset) {
  const auto offset_in = [](const char* metadata) {
    Message message = message_of("stream", R"({"name": "stdout", "text": "x"})");
    message.metadata_json = Frame(metadata);
    return read_call_output(message)->offset;
  };
  EXPECT_EQ(offset_in(R"({"engine": "e", "offset": 7})"), 7u);
  for (const char* none : {"{}", "[", R"({"offset": -1})", R"({"offset": "7"})"}) {
    EXPECT_FALSE(offset_in(none)) << none;
  }
}

}  // namespace
}  // namespace trireme
