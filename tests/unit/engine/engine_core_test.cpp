// For each request the engine says the right things in the right order, whatever the task does.
#include "engine/engine_core.hpp"

#include <gtest/gtest.h>

#include "tests/unit/engine/engine_fixture.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

std::string result_content(const std::string& result) {
  return R"({"status": "ok", "result": )" + result + "}";
}

struct EngineCoreTest : ::testing::Test {
  ~EngineCoreTest() override { core.check_invariants(); }

  static EngineCore make(std::size_t slots) {
    return EngineCore(EngineMessages({EngineUuid("uuid-2"), EngineId(2)},
                                     MessageFactory(SessionId("uuid-2"), "u", "1")),
                      slots, EngineDescription{"1.2.3", "a banner"});
  }
  void receive(const Message& message) {
    core.on_shell(message, at(milliseconds(++clock_ms)), box.out());
  }
  void control(const Message& message) {
    core.on_control(message, at(milliseconds(++clock_ms)), box.out());
  }
  void finish(RunNumber run, TaskOutcome outcome) {
    core.on_finished(run, std::move(outcome), at(milliseconds(++clock_ms)), box.out());
  }
  RunNumber expect_busy_start(const Message& request) {
    box.expect_status("busy", request.header.msg_id);
    return box.expect_start(request.header.msg_id);
  }
  /// A control request's answer between its busy and idle.
  Sent expect_answer(const Message& request, std::string_view type) {
    box.expect_status("busy", request.header.msg_id);
    Sent answer = box.expect(EngineChannel::kControl, type);
    EXPECT_EQ(answer.identities, request.identities);
    return answer;
  }
  void expect_aborted(const Message& request, std::string_view type) {
    box.expect_status("busy", request.header.msg_id);
    const Sent reply = box.expect(EngineChannel::kShell, type);
    EXPECT_EQ(reply.content, Json({{"status", "aborted"}}));
    EXPECT_EQ(reply.metadata.at("status"), "aborted");
    box.expect_status("idle", request.header.msg_id);
    EXPECT_EQ(reply.parent.at("msg_id"), request.header.msg_id.str());
  }

  int clock_ms = 0;
  TestClient client;
  RecordingOutbox box;
  EngineCore core = make(1);
};

TEST_F(EngineCoreTest, AnApplyIsAnsweredBetweenBusyAndIdle) {
  const Message request = client.apply();
  receive(request);
  const RunNumber run = expect_busy_start(request);
  finish(run, TaskSuccess{result_content("42"), {Frame::copy_of("raw")}, {}});
  const Sent reply = box.expect(EngineChannel::kShell, "apply_reply");
  EXPECT_EQ(reply.content, Json({{"status", "ok"}, {"result", 42}}));
  EXPECT_EQ(reply.metadata, Json({{"started", "2026-11-22T01:38:22.620123Z"},
                                  {"dependencies_met", true},
                                  {"engine", "uuid-2"},
                                  {"is_broadcast", false},
                                  {"is_coalescing", false},
                                  {"original_msg_id", ""},
                                  {"status", "ok"}}));
  EXPECT_EQ(reply.parent, Json::parse(request.header_json.view()));
  EXPECT_EQ(reply.identities, request.identities);
  ASSERT_EQ(reply.buffers.size(), 1u);
  EXPECT_EQ(reply.buffers[0].view(), "raw");
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, AFailureIsShownAndAnsweredWithWhereItHappened) {
  const Message request = client.apply();
  receive(request);
  const RunNumber run = expect_busy_start(request);
  finish(run, TaskFailure{"ValueError", "a \"bad\" value", {"line 1", "line 2"}});
  const Sent shown = box.expect(EngineChannel::kIopub, "error");
  EXPECT_EQ(shown.topic, "engine.2.error");
  EXPECT_EQ(shown.content, Json({{"ename", "ValueError"},
                                 {"evalue", "a \"bad\" value"},
                                 {"traceback", {"line 1", "line 2"}}}));
  const Sent reply = box.expect(EngineChannel::kShell, "apply_reply");
  EXPECT_EQ(reply.content.at("status"), "error");
  EXPECT_EQ(reply.content.at("ename"), "ValueError");
  EXPECT_EQ(reply.content.at("engine_info"),
            Json({{"engine_uuid", "uuid-2"}, {"engine_id", 2}, {"method", "apply"}}));
  EXPECT_EQ(reply.metadata.at("status"), "error");
  EXPECT_EQ(reply.metadata.at("dependencies_met"), true);
  EXPECT_EQ(reply.metadata.at("engine_info"), Json({{"engine_uuid", "uuid-2"}, {"engine_id", 2}}));
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, AnUnmetDependencyIsToldInTheMetadata) {
  const Message request = client.apply();
  receive(request);
  finish(expect_busy_start(request), TaskFailure{"UnmetDependency", "not here", {}});
  box.expect(EngineChannel::kIopub, "error");
  const Sent reply = box.expect(EngineChannel::kShell, "apply_reply");
  EXPECT_EQ(reply.metadata.at("dependencies_met"), false);
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, BroadcastAndLabelMetadataComeBack) {
  const Message request = client.apply(
      "f",
      R"({"is_broadcast": true, "is_coalescing": true, "original_msg_id": "o", "label": "x"})");
  receive(request);
  finish(expect_busy_start(request), TaskSuccess{result_content("null"), {}, {}});
  const Sent reply = box.expect(EngineChannel::kShell, "apply_reply");
  EXPECT_EQ(reply.metadata.at("is_broadcast"), true);
  EXPECT_EQ(reply.metadata.at("is_coalescing"), true);
  EXPECT_EQ(reply.metadata.at("original_msg_id"), "o");
  EXPECT_EQ(reply.metadata.at("label"), "x");
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, OneRequestRunsWhileTheNextWaits) {
  const Message first = client.apply();
  const Message second = client.apply();
  receive(first);
  const RunNumber run = expect_busy_start(first);
  receive(second);
  EXPECT_TRUE(box.nothing_sent());
  EXPECT_TRUE(box.nothing_started());
  finish(run, TaskSuccess{result_content("1"), {}, {}});
  box.expect(EngineChannel::kShell, "apply_reply");
  box.expect_status("idle", first.header.msg_id);
  expect_busy_start(second);
}

TEST_F(EngineCoreTest, SeveralRunAtOnceWhenThereAreSlots) {
  core = make(2);
  const Message first = client.apply();
  const Message second = client.apply();
  receive(first);
  receive(second);
  box.expect_status("busy", first.header.msg_id);
  box.expect_status("busy", second.header.msg_id);
  const RunNumber one = box.expect_start(first.header.msg_id);
  const RunNumber two = box.expect_start(second.header.msg_id);
  finish(two, TaskSuccess{result_content("2"), {}, {}});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "apply_reply").content.at("result"), 2);
  box.expect_status("idle", second.header.msg_id);
  finish(one, TaskSuccess{result_content("1"), {}, {}});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "apply_reply").content.at("result"), 1);
  box.expect_status("idle", first.header.msg_id);
}

TEST_F(EngineCoreTest, PiecesOfEachStreamAreNumberedByWhatCameBefore) {
  const Message request = client.apply();
  receive(request);
  const RunNumber run = expect_busy_start(request);
  core.on_output(run,
                 {{OutputPiece::Kind::kStdout, "four"},
                  {OutputPiece::Kind::kStderr, "e"},
                  {OutputPiece::Kind::kStdout, "x"}},
                 at(milliseconds(9)), box.out());
  core.on_output(run, {{OutputPiece::Kind::kStdout, "y"}}, at(milliseconds(9)), box.out());
  for (const int offset : {0, 0, 4, 5}) {
    EXPECT_EQ(box.expect(EngineChannel::kIopub, "stream").metadata.at("offset"), offset);
  }
  finish(run, TaskSuccess{result_content("1"), {}, {}});
  box.expect(EngineChannel::kShell, "apply_reply");
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, OutputGoesOutUnderTheRequestThatMadeIt) {
  const Message request = client.apply();
  receive(request);
  const RunNumber run = expect_busy_start(request);
  core.on_output(run,
                 {{OutputPiece::Kind::kStdout, "out\n"},
                  {OutputPiece::Kind::kStderr, "err\n"},
                  {OutputPiece::Kind::kDisplay, R"({"data": {"text/plain": "x"}})"}},
                 at(milliseconds(9)), box.out());
  const Sent out = box.expect(EngineChannel::kIopub, "stream");
  EXPECT_EQ(out.topic, "engine.2.stdout");
  EXPECT_EQ(out.content, Json({{"name", "stdout"}, {"text", "out\n"}}));
  EXPECT_EQ(out.parent.at("msg_id"), request.header.msg_id.str());
  EXPECT_EQ(out.metadata, Json({{"engine", "uuid-2"}, {"offset", 0}}));
  EXPECT_EQ(box.expect(EngineChannel::kIopub, "stream").topic, "engine.2.stderr");
  EXPECT_EQ(box.expect(EngineChannel::kIopub, "display_data").topic, "engine.2.displaypub");
  finish(run, TaskSuccess{result_content("1"), {}, {}});
  box.expect(EngineChannel::kShell, "apply_reply");
  box.expect_status("idle", request.header.msg_id);
  core.on_output(run, {{OutputPiece::Kind::kStdout, "late"}}, at(milliseconds(9)), box.out());
  EXPECT_TRUE(box.nothing_sent()) << "idle was the last word";
}

TEST_F(EngineCoreTest, ExecutesShowTheirCodeAndCount) {
  for (int count = 1; count <= 2; ++count) {
    const Message request = client.execute("1 + 1");
    receive(request);
    box.expect_status("busy", request.header.msg_id);
    const Sent input = box.expect(EngineChannel::kIopub, "execute_input");
    EXPECT_EQ(input.content, Json({{"code", "1 + 1"}, {"execution_count", count}}));
    const RunNumber run = box.expect_start(request.header.msg_id);
    finish(run, TaskSuccess{"", {}, R"({"text/plain": "2"})"});
    const Sent result = box.expect(EngineChannel::kIopub, "execute_result");
    EXPECT_EQ(result.content, Json({{"data", {{"text/plain", "2"}}},
                                    {"metadata", Json::object()},
                                    {"execution_count", count}}));
    const Sent reply = box.expect(EngineChannel::kShell, "execute_reply");
    EXPECT_EQ(reply.content, Json({{"status", "ok"},
                                   {"execution_count", count},
                                   {"user_expressions", Json::object()},
                                   {"payload", Json::array()}}));
    box.expect_status("idle", request.header.msg_id);
  }
}

TEST_F(EngineCoreTest, SilentExecutesShowNothingAndDoNotCount) {
  const Message silent = client.execute("1", true);
  receive(silent);
  finish(expect_busy_start(silent), TaskSuccess{"", {}, R"({"text/plain": "1"})"});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "execute_reply").content.at("execution_count"), 0);
  box.expect_status("idle", silent.header.msg_id);
}

TEST_F(EngineCoreTest, AFailedExecuteAbortsTheExecutesBehindItButNotTheApplies) {
  const Message failing = client.execute("1/0");
  const Message behind = client.execute("2");
  const Message apply = client.apply();
  receive(failing);
  box.expect_status("busy", failing.header.msg_id);
  box.expect(EngineChannel::kIopub, "execute_input");
  const RunNumber run = box.expect_start(failing.header.msg_id);
  receive(behind);
  receive(apply);
  finish(run, TaskFailure{"ZeroDivisionError", "", {}});
  box.expect(EngineChannel::kIopub, "error");
  const Sent reply = box.expect(EngineChannel::kShell, "execute_reply");
  EXPECT_EQ(reply.content.at("engine_info").at("method"), "execute");
  EXPECT_EQ(reply.content.at("execution_count"), 1);
  box.expect_status("idle", failing.header.msg_id);
  expect_aborted(behind, "execute_reply");
  expect_busy_start(apply);
}

TEST_F(EngineCoreTest, AFailedSilentExecuteAbortsNothing) {
  const Message failing = client.execute("1/0", true);
  const Message behind = client.execute("2");
  receive(failing);
  const RunNumber run = expect_busy_start(failing);
  receive(behind);
  finish(run, TaskFailure{"ZeroDivisionError", "", {}});
  box.expect(EngineChannel::kIopub, "error");
  box.expect(EngineChannel::kShell, "execute_reply");
  box.expect_status("idle", failing.header.msg_id);
  box.expect_status("busy", behind.header.msg_id);
  box.expect(EngineChannel::kIopub, "execute_input");
  box.expect_start(behind.header.msg_id);
}

TEST_F(EngineCoreTest, AnAbortAnswersTheWaitingRequestAndStopsTheRunningOne) {
  const Message running = client.apply();
  const Message waiting = client.apply();
  receive(running);
  const RunNumber run = expect_busy_start(running);
  receive(waiting);
  const Message abort = client.request(
      "abort_request",
      Json{{"msg_ids", {waiting.header.msg_id.str(), running.header.msg_id.str()}}}.dump());
  control(abort);
  box.expect_status("busy", abort.header.msg_id);
  expect_aborted(waiting, "apply_reply");
  EXPECT_EQ(box.expect(EngineChannel::kControl, "abort_reply").content, Json({{"status", "ok"}}));
  box.expect_status("idle", abort.header.msg_id);
  const auto stops = box.take_stops();
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].run, run);
  EXPECT_EQ(stops[0].reason, StopReason::kAborted);
  finish(run, TaskGaveUp{});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "apply_reply").content,
            Json({{"status", "aborted"}}));
  box.expect_status("idle", running.header.msg_id);
}

TEST_F(EngineCoreTest, AnAbortThatComesFirstStillCounts) {
  const Message late = client.apply();
  const Message abort =
      client.request("abort_request", Json{{"msg_ids", {late.header.msg_id.str()}}}.dump());
  control(abort);
  expect_answer(abort, "abort_reply");
  box.expect_status("idle", abort.header.msg_id);
  receive(late);
  expect_aborted(late, "apply_reply");
}

TEST_F(EngineCoreTest, AnAbortWithoutNamesMeansTheWaitingExecutes) {
  const Message running = client.apply();
  const Message execute = client.execute("1");
  receive(running);
  expect_busy_start(running);
  receive(execute);
  const Message abort = client.request("abort_request", R"({"msg_ids": []})");
  control(abort);
  box.expect_status("busy", abort.header.msg_id);
  expect_aborted(execute, "execute_reply");
  box.expect(EngineChannel::kControl, "abort_reply");
  box.expect_status("idle", abort.header.msg_id);
}

TEST_F(EngineCoreTest, ClearEmptiesTheNameSpace) {
  const Message clear = client.request("clear_request");
  control(clear);
  EXPECT_EQ(expect_answer(clear, "clear_reply").content, Json({{"status", "ok"}}));
  box.expect_status("idle", clear.header.msg_id);
  EXPECT_TRUE(box.out().clear_name_space);
}

TEST_F(EngineCoreTest, ShutdownIsAnsweredOnBothSocketsBeforeLeaving) {
  const Message shutdown = client.request("shutdown_request", R"({"restart": false})");
  control(shutdown);
  box.expect_status("busy", shutdown.header.msg_id);
  const Json content{{"status", "ok"}, {"restart", false}};
  const Sent shown = box.expect(EngineChannel::kIopub, "shutdown_reply");
  EXPECT_EQ(shown.topic, "engine.2.shutdown");
  EXPECT_EQ(shown.content, content);
  EXPECT_EQ(shown.metadata, Json::object());
  EXPECT_EQ(box.expect(EngineChannel::kControl, "shutdown_reply").content, content);
  box.expect_status("idle", shutdown.header.msg_id);
  ASSERT_TRUE(box.out().leave.has_value());
  EXPECT_FALSE(box.out().leave->signal.has_value());
}

TEST_F(EngineCoreTest, KernelInfoIsAnsweredOnTheSocketItCameBy) {
  for (const bool by_control : {true, false}) {
    const Message request = client.request("kernel_info_request");
    if (by_control) {
      control(request);
    } else {
      receive(request);
    }
    box.expect_status("busy", request.header.msg_id);
    const Sent reply = box.expect(by_control ? EngineChannel::kControl : EngineChannel::kShell,
                                  "kernel_info_reply");
    EXPECT_EQ(reply.content.at("implementation_version"), "1.2.3");
    EXPECT_EQ(reply.content.at("status"), "ok");
    box.expect_status("idle", request.header.msg_id);
  }
}

TEST_F(EngineCoreTest, AnAnsweredRequestThatComesAgainIsAnsweredAgainButNotRun) {
  const Message request = client.apply();
  receive(request);
  finish(expect_busy_start(request), TaskSuccess{result_content("42"), {Frame::copy_of("b")}, {}});
  const Sent first = box.expect(EngineChannel::kShell, "apply_reply");
  box.expect_status("idle", request.header.msg_id);
  Message again = request;
  again.identities = {Frame::copy_of("another route")};
  receive(again);
  const Sent second = box.expect(EngineChannel::kShell, "apply_reply");
  EXPECT_EQ(second.identities, again.identities);
  EXPECT_EQ(second.content, first.content);
  EXPECT_EQ(second.metadata, first.metadata);
  EXPECT_EQ(second.parent, first.parent);
  EXPECT_EQ(second.buffers, first.buffers);
  EXPECT_TRUE(box.nothing_started());
}

TEST_F(EngineCoreTest, AFurtherAttemptAtAnAnsweredRequestRuns) {
  const Message request = client.apply();
  receive(request);
  finish(expect_busy_start(request), TaskFailure{"ValueError", "no luck", {}});
  box.expect(EngineChannel::kIopub, "error");
  box.expect(EngineChannel::kShell, "apply_reply");
  box.expect_status("idle", request.header.msg_id);
  Message second = request;
  std::string header = request.header_json.to_string();
  header.replace(header.rfind('}'), 1, R"(, "attempt": 2})");
  second.header_json = Frame(header);
  receive(second);
  finish(expect_busy_start(second), TaskSuccess{result_content("42"), {}, {}});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "apply_reply").content.at("status"), "ok");
  box.expect_status("idle", request.header.msg_id);
}

TEST_F(EngineCoreTest, ARunningRequestThatComesAgainIsAnsweredToWhoAskedLast) {
  const Message request = client.apply();
  receive(request);
  const RunNumber run = expect_busy_start(request);
  Message again = request;
  again.identities = {Frame::copy_of("another route")};
  receive(again);
  EXPECT_TRUE(box.nothing_sent());
  EXPECT_TRUE(box.nothing_started());
  finish(run, TaskSuccess{result_content("1"), {}, {}});
  EXPECT_EQ(box.expect(EngineChannel::kShell, "apply_reply").identities, again.identities);
  box.expect_status("idle", request.header.msg_id);
}

struct SignalCase {
  const char* content;
  const char* status;
  bool stops;
  bool leaves;
  std::optional<int> leave_signal;
};

TEST_F(EngineCoreTest, SignalsDoWhatTheirNamesSay) {
  const SignalCase cases[] = {
      {R"({"sig": 0})", "ok", false, false, {}},
      {R"({"sig": 2})", "ok", true, false, {}},
      {R"({"sig": "SIGINT"})", "ok", true, false, {}},
      {R"({"sig": "SIGTERM"})", "ok", false, true, {}},
      {R"({"sig": "SIGKILL"})", "ok", false, true, 9},
      {R"({"sig": "SIGWINCH"})", "ok", false, false, {}},
      {R"({"sig": "SIGNOPE"})", "error", false, false, {}},
      {R"({"sig": -1})", "error", false, false, {}},
      {R"({"sig": 1000})", "error", false, false, {}},
      {R"({"sig": []})", "error", false, false, {}},
      {R"({})", "error", false, false, {}},
  };
  const Message running = client.apply();
  receive(running);
  expect_busy_start(running);
  for (const SignalCase& each : cases) {
    SCOPED_TRACE(each.content);
    control(client.request("signal_request", each.content));
    const Sent reply = box.expect(EngineChannel::kControl, "_request");
    EXPECT_EQ(reply.content.at("status"), each.status);
    EXPECT_EQ(box.take_stops().size(), each.stops ? 1u : 0u);
    EXPECT_EQ(box.out().leave.has_value(), each.leaves);
    if (box.out().leave) {
      EXPECT_EQ(box.out().leave->signal, each.leave_signal);
    }
    box.out().leave.reset();
  }
}

TEST_F(EngineCoreTest, RequestsItDoesNotKnowAreRefusedByName) {
  for (const char* type : {"debug_request", "usage_request", "queue_request"}) {
    control(client.request(type));
    const Sent reply = box.expect(EngineChannel::kControl, reply_type_of(type));
    EXPECT_EQ(reply.content.at("ename"), "NotImplementedError");
    receive(client.request(type));
    box.expect(EngineChannel::kShell, reply_type_of(type));
  }
  receive(client.request("comm_open"));
  control(client.request("made_up"));
  EXPECT_TRUE(box.nothing_sent()) << "what is no request gets no reply";
}

TEST_F(EngineCoreTest, UnreadableRequestsAreAnsweredAsFailures) {
  const Message cases[] = {client.request("execute_request", R"({"code": 5})"),
                           client.request("execute_request", R"({})")};
  for (const Message& request : cases) {
    receive(request);
    box.expect_status("busy", request.header.msg_id);
    box.expect(EngineChannel::kIopub, "error");
    const Sent reply = box.expect(EngineChannel::kShell, "execute_reply");
    EXPECT_EQ(reply.metadata.at("status"), "error");
    EXPECT_EQ(reply.content.at("ename"), "ValueError");
    box.expect_status("idle", request.header.msg_id);
  }
}

TEST_F(EngineCoreTest, HostileAbortContentsAreHarmless) {
  for (const char* content : {R"({"msg_ids": 5})", R"({"msg_ids": [1, {}, null]})", R"({})"}) {
    const Message abort = client.request("abort_request", content);
    control(abort);
    expect_answer(abort, "abort_reply");
    box.expect_status("idle", abort.header.msg_id);
  }
}

TEST_F(EngineCoreTest, ARunThatNobodyKnowsEndsInSilence) {
  finish(RunNumber{99}, TaskSuccess{result_content("1"), {}, {}});
  EXPECT_TRUE(box.nothing_sent());
}

TEST_F(EngineCoreTest, AnInterruptReachesEveryRunningTask) {
  EXPECT_FALSE(core.on_interrupt(box.out()));
  const Message request = client.apply();
  receive(request);
  expect_busy_start(request);
  const Message interrupt = client.request("interrupt_request");
  control(interrupt);
  expect_answer(interrupt, "interrupt_reply");
  box.expect_status("idle", interrupt.header.msg_id);
  const auto stops = box.take_stops();
  ASSERT_EQ(stops.size(), 1u);
  EXPECT_EQ(stops[0].reason, StopReason::kInterrupted);
}

TEST_F(EngineCoreTest, HelloIsSaidWithoutAParent) {
  core.on_ready(at(milliseconds(0)), box.out());
  const Sent hello = box.expect(EngineChannel::kIopub, "status");
  EXPECT_EQ(hello.content, Json({{"execution_state", "starting"}}));
  EXPECT_EQ(hello.parent, Json::object());
}

}  // namespace
}  // namespace trireme
