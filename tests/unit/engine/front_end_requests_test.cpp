// What front ends of the Jupyter protocol ask an engine, and what they get.
#include <gtest/gtest.h>

#include "engine/engine_core.hpp"
#include "tests/unit/engine/engine_fixture.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

struct FrontEndRequestsTest : ::testing::Test {
  ~FrontEndRequestsTest() override { core.check_invariants(); }

  RunNumber start(const Message& request) {
    core.on_shell(request, now, box.out());
    box.expect_status("busy", request.header.msg_id);
    return box.expect_start(request.header.msg_id);
  }
  RunNumber start_cell(const Message& request, int count) {
    core.on_shell(request, now, box.out());
    box.expect_status("busy", request.header.msg_id);
    const Sent input = box.expect(EngineChannel::kIopub, "execute_input");
    EXPECT_EQ(input.content.at("execution_count"), count);
    return box.expect_start(request.header.msg_id);
  }
  /// Ends a run and takes its reply and idle; outputs before them must be taken first.
  void finish(RunNumber run, TaskOutcome outcome) {
    core.on_finished(run, std::move(outcome), now, box.out());
  }
  Sent reply(const Message& request, std::string_view type) {
    Sent sent = box.expect(EngineChannel::kShell, type);
    EXPECT_EQ(sent.identities, request.identities);
    box.expect_status("idle", request.header.msg_id);
    return sent;
  }
  Message cell(Json content) { return client.request("execute_request", content.dump()); }
  /// The answer to a request that is answered at once.
  Json ask(std::string_view type, const Json& content = Json::object()) {
    const Message request = client.request(type, content.dump());
    core.on_shell(request, now, box.out());
    box.expect_status("busy", request.header.msg_id);
    return reply(request, reply_type_of(type)).content;
  }

  Now now = at(milliseconds(5));
  TestClient client;
  RecordingOutbox box;
  EngineCore core{EngineMessages({EngineUuid("uuid"), EngineId(2)},
                                 MessageFactory(SessionId("uuid"), "u", "1")),
                  1, EngineDescription{"1.2.3", {"bash", "5", "text/x-sh", ".sh", "The shell"}}};
};

TEST_F(FrontEndRequestsTest, AValueIsShownBetweenInputAndReply) {
  const Message request = cell({{"code", "6 * 7"}});
  const RunNumber run = start_cell(request, 1);
  finish(run, TaskSuccess{{}, {}, R"({"text/plain": "42"})", R"({"k": 1})", R"({"x": {}})"});
  const Sent result = box.expect(EngineChannel::kIopub, "execute_result");
  EXPECT_EQ(result.content, Json::parse(R"({"data": {"text/plain": "42"}, "metadata": {"k": 1},
                                            "execution_count": 1})"));
  EXPECT_EQ(reply(request, "execute_reply").content,
            Json::parse(R"({"status": "ok", "execution_count": 1, "payload": [],
                            "user_expressions": {"x": {}}})"));
}

TEST_F(FrontEndRequestsTest, OnlyCellsThatAreStoredAreCounted) {
  const Message first = cell({{"code", "1"}});
  finish(start_cell(first, 1), TaskSuccess{});
  reply(first, "execute_reply");
  const Message unstored = cell({{"code", "2"}, {"store_history", false}});
  finish(start_cell(unstored, 1), TaskSuccess{});
  EXPECT_EQ(reply(unstored, "execute_reply").content.at("execution_count"), 1);
  const Message silent = cell({{"code", "3"}, {"silent", true}});
  finish(start(silent), TaskSuccess{});
  reply(silent, "execute_reply");
  const Message second = cell({{"code", "4"}});
  finish(start_cell(second, 2), TaskSuccess{});
  reply(second, "execute_reply");
  EXPECT_EQ(ask("history_request", {{"hist_access_type", "tail"}, {"n", 9}}).at("history"),
            Json::parse(R"([[1, 1, "1"], [1, 2, "4"]])"));
}

TEST_F(FrontEndRequestsTest, QuestionsWaitForTheirTurnAndGetTheirOwnReply) {
  const Message request = cell({{"code", "1"}});
  const RunNumber run = start_cell(request, 1);
  const Message question = client.request("complete_request", R"({"code": "a", "cursor_pos": 1})");
  core.on_shell(question, now, box.out());
  EXPECT_TRUE(box.nothing_sent());
  finish(run, TaskSuccess{});
  reply(request, "execute_reply");
  box.expect_status("busy", question.header.msg_id);
  finish(box.expect_start(question.header.msg_id), TaskSuccess{R"({"status": "ok"})", {}, {}});
  EXPECT_EQ(reply(question, "complete_reply").content, Json({{"status", "ok"}}));
}

TEST_F(FrontEndRequestsTest, AFailedQuestionDoesNotAbortCells) {
  const Message question = client.request("inspect_request", "{}");
  const RunNumber run = start(question);
  const Message behind = cell({{"code", "1"}});
  core.on_shell(behind, now, box.out());
  finish(run, TaskFailure{"Name", "text", {}});
  box.expect(EngineChannel::kIopub, "error");
  EXPECT_EQ(reply(question, "inspect_reply").content.at("status"), "error");
  box.expect_status("busy", behind.header.msg_id);
  box.expect(EngineChannel::kIopub, "execute_input");
  box.expect_start(behind.header.msg_id);
}

TEST_F(FrontEndRequestsTest, KernelInfoNamesTheLanguage) {
  const Json info = ask("kernel_info_request");
  EXPECT_EQ(info.at("language_info").at("name"), "bash");
  EXPECT_EQ(info.at("protocol_version"), "5.3");
  EXPECT_EQ(info.at("banner"), "Trireme 1.2.3: The shell");
  EXPECT_EQ(ask("comm_info_request").at("comms"), Json::object());
}

TEST_F(FrontEndRequestsTest, DisplaysUpdatesAndClearsGoOutUnderTheirNames) {
  const Message request = cell({{"code", "1"}});
  const RunNumber run = start_cell(request, 1);
  core.on_output(run,
                 {{OutputPiece::Kind::kDisplay, R"({"data": {}})"},
                  {OutputPiece::Kind::kUpdate, R"({"data": {}})"},
                  {OutputPiece::Kind::kClear, R"({"wait": true})"},
                  {OutputPiece::Kind::kStdout, "text"}},
                 now, box.out());
  box.expect(EngineChannel::kIopub, "display_data");
  box.expect(EngineChannel::kIopub, "update_display_data");
  EXPECT_EQ(box.expect(EngineChannel::kIopub, "clear_output").content, Json({{"wait", true}}));
  EXPECT_EQ(box.expect(EngineChannel::kIopub, "stream").content.at("text"), "text");
}

TEST_F(FrontEndRequestsTest, InputIsAskedOfTheSenderAndItsAnswerPassedOn) {
  core.open_stdin();
  const Message request = cell({{"code", "1"}, {"allow_stdin", true}});
  const RunNumber run = start_cell(request, 1);
  core.on_waits({run, Wanted::kPassword, "secret: "}, now, box.out());
  const Sent question = box.expect(EngineChannel::kStdin, "input_request");
  EXPECT_EQ(question.content, Json({{"prompt", "secret: "}, {"password", true}}));
  EXPECT_EQ(question.identities, Frames{request.identities.back()});
  core.on_stdin(client.request("input_reply", R"({"value": "sesame"})"), box.out());
  ASSERT_EQ(box.out().answers.size(), 1u);
  EXPECT_EQ(box.out().answers.front().run, run);
  EXPECT_EQ(box.out().answers.front().text, "sesame");
}

TEST_F(FrontEndRequestsTest, InputThatNobodyCanGiveIsRefusedAtOnce) {
  const Message allowed = cell({{"code", "1"}, {"allow_stdin", true}});
  const RunNumber run = start_cell(allowed, 1);
  core.on_waits({run, Wanted::kLine, "? "}, now, box.out());  // stdin is not open
  ASSERT_EQ(box.out().answers.size(), 1u);
  EXPECT_EQ(box.out().answers.front().text, std::nullopt);
  box.out().answers.clear();
  core.on_stdin(client.request("input_reply", R"({"value": "late"})"), box.out());
  EXPECT_TRUE(box.out().answers.empty());
}

TEST_F(FrontEndRequestsTest, HostileInputRepliesAreHarmless) {
  core.open_stdin();
  for (const char* content : {"[]", R"({"value": 5})", "{}"}) {
    const Message request = cell({{"code", "1"}, {"allow_stdin", true}, {"silent", true}});
    const RunNumber run = start(request);
    core.on_waits({run, Wanted::kLine, ""}, now, box.out());
    box.expect(EngineChannel::kStdin, "input_request");
    core.on_stdin(client.request("input_reply", content), box.out());
    ASSERT_EQ(box.out().answers.size(), 1u);
    EXPECT_EQ(box.out().answers.front().text, "");
    box.out().answers.clear();
    finish(run, TaskSuccess{});
    reply(request, "execute_reply");
  }
}

TEST_F(FrontEndRequestsTest, PortsAreWantedFromTheLoop) {
  const Message request = client.apply("trireme.bind_kernel");
  const RunNumber run = start(request);
  core.on_waits({run, Wanted::kPorts, ""}, now, box.out());
  EXPECT_EQ(box.out().ports_wanted, std::vector<RunNumber>{run});
}

TEST_F(FrontEndRequestsTest, ARestartKeepsTheEngine) {
  const Message request = client.request("shutdown_request", R"({"restart": true})");
  core.on_control(request, now, box.out());
  box.expect_status("busy", request.header.msg_id);
  EXPECT_EQ(box.expect(EngineChannel::kControl, "shutdown_reply").content,
            Json({{"status", "ok"}, {"restart", true}}));
  box.expect_status("idle", request.header.msg_id);
  EXPECT_TRUE(box.out().restart);
  EXPECT_FALSE(box.out().leave.has_value());
}

}  // namespace
}  // namespace trireme
