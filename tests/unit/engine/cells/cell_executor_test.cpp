// Cells go to the language they are written in, and what comes of them becomes a reply.
#include "engine/cells/cell_executor.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/cells/cell_names.hpp"
#include "tests/unit/engine/engine_fixture.hpp"
#include "tests/unit/engine/test_context.hpp"

namespace trireme {
namespace {

/// What the cells of a pretended language were, and what they shall give.
struct Pretended {
  std::vector<std::string> cells;
  std::string magic_arguments;
  CellOutcome outcome = CellSuccess{};
  std::optional<Error> cannot_start;
  std::size_t cursor = 0;
  int clears = 0;
  int made = 0;
  int preparations = 0;
};

class PretendedRuntime final : public Runtime {
 public:
  explicit PretendedRuntime(Pretended& pretended) : pretended_(pretended) {}
  LanguageInfo language() const override { return {"pretended", "1", "text/x", ".p", ""}; }
  Result<void> prepare() override {
    ++pretended_.preparations;
    if (pretended_.cannot_start) return *pretended_.cannot_start;
    return {};
  }
  CellOutcome execute(std::string_view code, const CellOptions& options, CellSink& sink) override {
    pretended_.cells.emplace_back(code);
    pretended_.magic_arguments = options.magic_arguments;
    if (code == "print") sink.write_out("printed");
    if (code == "input") {
      auto line = sink.request_input("? ", false);
      sink.write_out(line ? *line : line.error().text);
    }
    return pretended_.outcome;
  }
  Completions complete(std::string_view, std::size_t cursor) override {
    pretended_.cursor = cursor;
    return {{"alpha", "beta"}, cursor - 1, cursor};
  }
  std::optional<MimeBundle> inspect(std::string_view code, std::size_t, int detail) override {
    if (code != "known") return std::nullopt;
    return MimeBundle{{{"text/plain", detail > 0 ? "much" : "little"}}, {}};
  }
  Completeness is_complete(std::string_view code) override {
    if (code == "{") return {Completeness::State::kIncomplete, "  "};
    return {Completeness::State::kComplete, ""};
  }
  std::optional<Value> variable(std::string_view name) override {
    if (name == "of_a_cell") return Value(7);
    return std::nullopt;
  }
  std::vector<std::string> variable_names() override { return {"of_a_cell"}; }
  Result<NativeFunction> function(std::string_view name) override {
    if (name != "twice") return Runtime::function(name);
    return NativeFunction([](Call& call) { return Value(2 * call.args.at(0).as_int()); });
  }
  void clear() override { ++pretended_.clears; }

 private:
  Pretended& pretended_;
};

struct CellExecutorTest : ::testing::Test {
  RuntimeOffer offer(std::string name, Pretended& pretended) {
    return {name, "%%" + name,
            [&pretended](const RuntimeParts&) -> Result<std::unique_ptr<Runtime>> {
              ++pretended.made;
              return std::unique_ptr<Runtime>(std::make_unique<PretendedRuntime>(pretended));
            }};
  }
  void use(std::string wanted = "") {
    languages = std::make_shared<Languages>(
        std::vector<RuntimeOffer>{offer("cpp", cpp), offer("sh", shell)}, context.names,
        std::move(wanted));
  }
  TaskOutcome run(std::string_view type, const Json& content) {
    TaskRequest request;
    request.message = client.request(type, content.dump());
    EXPECT_TRUE(read_task_request(request).has_value());
    CellExecutor executor(languages);
    EXPECT_TRUE(executor.accepts(request));
    return executor.run(request, context);
  }
  TaskOutcome cell(std::string_view code) { return run("execute_request", {{"code", code}}); }
  TaskFailure failed_cell(std::string_view code) {
    TaskOutcome outcome = cell(code);
    if (auto* failure = std::get_if<TaskFailure>(&outcome)) return *failure;
    ADD_FAILURE() << "the cell did not fail: " << code;
    return {};
  }
  Json ask(std::string_view type, const Json& content) {
    return Json::parse(std::get<TaskSuccess>(run(type, content)).content_json);
  }

  TestClient client;
  TestContext context;
  Pretended cpp;
  Pretended shell;
  std::shared_ptr<Languages> languages;
};

TEST_F(CellExecutorTest, TheFirstLineChoosesTheLanguage) {
  use();
  cell("int a;");
  cell("%%sh -e\nls\n");
  cell("\n  %%sh\r\npwd");
  EXPECT_EQ(cpp.cells, std::vector<std::string>{"int a;"});
  EXPECT_EQ(shell.cells, (std::vector<std::string>{"ls\n", "pwd"}));
  EXPECT_EQ(shell.made, 1);
}

TEST_F(CellExecutorTest, WordsBehindTheMagicAreItsArguments) {
  use();
  cell("%%sh  -e now \nls");
  EXPECT_EQ(shell.magic_arguments, "-e now");
  cell("%%sh");
  EXPECT_EQ(shell.magic_arguments, "");
  EXPECT_EQ(shell.cells.back(), "");
}

TEST_F(CellExecutorTest, TheLanguageOfAnEngineCanBeChosen) {
  use("sh");
  cell("ls");
  EXPECT_EQ(shell.cells, std::vector<std::string>{"ls"});
  EXPECT_EQ(cpp.made, 0);
}

TEST_F(CellExecutorTest, AnEngineWithoutCellsSaysSo) {
  use("none");
  EXPECT_NE(failed_cell("%%sh\nls").evalue.find("--language=none"), std::string::npos);
  EXPECT_EQ(failed_cell("1").ename, "NotImplementedError");
}

TEST_F(CellExecutorTest, AMissingLanguageIsExplained) {
  languages =
      std::make_shared<Languages>(std::vector<RuntimeOffer>{offer("sh", shell)}, context.names, "");
  const TaskFailure failure = failed_cell("1 + 1");
  EXPECT_NE(failure.evalue.find("-DTRIREME_WITH_CLANG=ON"), std::string::npos) << failure.evalue;
  EXPECT_NE(failure.evalue.find("%%sh"), std::string::npos);
  EXPECT_NE(failed_cell("%%python\n1").evalue.find("%%python"), std::string::npos);
}

TEST_F(CellExecutorTest, ALanguageThatCannotStartFailsEveryCell) {
  use();
  cpp.cannot_start = Error{ErrorCode::kNotFound, "The headers are missing."};
  EXPECT_NE(failed_cell("1").evalue.find("The headers are missing."), std::string::npos);
  EXPECT_NE(failed_cell("1").evalue.find("The headers are missing."), std::string::npos);
  EXPECT_EQ(cpp.made, 1);
}

TEST_F(CellExecutorTest, AValueBecomesAMimeBundle) {
  use();
  cpp.outcome = CellSuccess{MimeBundle{{{"text/plain", "42"}}, {{"k", 1}}}};
  const TaskOutcome outcome = cell("42");
  const auto& success = std::get<TaskSuccess>(outcome);
  EXPECT_EQ(Json::parse(success.data_json), Json({{"text/plain", "42"}}));
  EXPECT_EQ(Json::parse(success.data_metadata_json), Json({{"k", 1}}));
}

TEST_F(CellExecutorTest, ASilentCellShowsNoValue) {
  use();
  cpp.outcome = CellSuccess{MimeBundle{{{"text/plain", "42"}}, {}}};
  const TaskOutcome outcome = run("execute_request", {{"code", "42"}, {"silent", true}});
  EXPECT_EQ(std::get<TaskSuccess>(outcome).data_json, "");
}

TEST_F(CellExecutorTest, AFailureAlwaysHasATraceback) {
  use();
  cpp.outcome = TaskFailure{"CompileError", "no such thing", {}};
  EXPECT_EQ(failed_cell("x").traceback, std::vector<std::string>{"CompileError: no such thing"});
}

TEST_F(CellExecutorTest, ABlankCellNeedsNoLanguage) {
  languages = std::make_shared<Languages>(std::vector<RuntimeOffer>{}, context.names, "");
  EXPECT_TRUE(std::holds_alternative<TaskSuccess>(cell(" \n")));
}

TEST_F(CellExecutorTest, UserExpressionsAreEvaluatedEachForItself) {
  use();
  cpp.outcome = CellSuccess{MimeBundle{{{"text/plain", "1"}}, {}}};
  const TaskOutcome outcome = run(
      "execute_request", {{"code", "int a = 1;"}, {"user_expressions", {{"x", "a"}, {"y", 5}}}});
  const Json results = Json::parse(std::get<TaskSuccess>(outcome).user_expressions_json);
  EXPECT_EQ(results.at("x").at("status"), "ok");
  EXPECT_EQ(results.at("x").at("data").at("text/plain"), "1");
  EXPECT_EQ(results.at("y").at("status"), "error");
}

TEST_F(CellExecutorTest, InputIsRefusedToSendersThatDidNotAllowIt) {
  use();
  cell("input");
  EXPECT_NE(context.out.find("allow_stdin"), std::string::npos) << context.out;
}

TEST_F(CellExecutorTest, PositionsOfCompletionsAreCharactersOfTheWholeCell) {
  use();
  const Json answer = ask("complete_request", {{"code", "%%sh\nüx al"}, {"cursor_pos", 9}});
  EXPECT_EQ(shell.cursor, 5u);  // bytes of "üx a"
  EXPECT_EQ(answer, Json({{"status", "ok"},
                          {"matches", {"alpha", "beta"}},
                          {"cursor_start", 8},
                          {"cursor_end", 9},
                          {"metadata", Json::object()}}));
}

TEST_F(CellExecutorTest, NothingIsCompletedInsideOfTheMagicLine) {
  use();
  const Json answer = ask("complete_request", {{"code", "%%sh\nls"}, {"cursor_pos", 3}});
  EXPECT_EQ(answer.at("matches"), Json::array());
  EXPECT_EQ(answer.at("cursor_end"), 3);
}

TEST_F(CellExecutorTest, QuestionsWithoutALanguageGetEmptyAnswers) {
  languages = std::make_shared<Languages>(std::vector<RuntimeOffer>{}, context.names, "");
  EXPECT_EQ(ask("complete_request", {{"code", "al"}, {"cursor_pos", -4}}).at("matches"),
            Json::array());
  EXPECT_EQ(ask("inspect_request", {{"code", "al"}, {"cursor_pos", 1}}).at("found"), false);
  EXPECT_EQ(ask("is_complete_request", {{"code", 5}}).at("status"), "unknown");
}

TEST_F(CellExecutorTest, InspectAndIsCompleteAreAnswered) {
  use();
  const Json found =
      ask("inspect_request", {{"code", "known"}, {"cursor_pos", 2}, {"detail_level", 1}});
  EXPECT_EQ(found.at("found"), true);
  EXPECT_EQ(found.at("data").at("text/plain"), "much");
  EXPECT_EQ(ask("inspect_request", {{"code", "other"}, {"cursor_pos", 2}}).at("found"), false);
  EXPECT_EQ(ask("is_complete_request", {{"code", "{"}}),
            Json({{"status", "incomplete"}, {"indent", "  "}}));
  EXPECT_EQ(ask("is_complete_request", {{"code", "1"}}), Json({{"status", "complete"}}));
}

TEST_F(CellExecutorTest, NamesOfCellsCanBePulledAndFunctionsOfCellsCalled) {
  use();
  CellNames names(context.names, *languages);
  EXPECT_EQ(names.get("of_a_cell"), std::nullopt);  // before the first cell
  cell("int of_a_cell = 7;");
  names.set("pushed", 1);
  EXPECT_EQ(names.get("of_a_cell"), Value(7));
  EXPECT_EQ(names.keys(), (std::vector<std::string>{"of_a_cell", "pushed"}));
  names.set("of_a_cell", 8);  // what was pushed comes first
  EXPECT_EQ(names.get("of_a_cell"), Value(8));
  Call call{context, "twice", {21}, {}};
  EXPECT_EQ((*languages->function("twice"))(call), Value(42));
  EXPECT_EQ(languages->function("thrice").error().code, ErrorCode::kNotFound);
}

TEST_F(CellExecutorTest, ClearForgetsWhatCellsDefinedBeforeTheNextOne) {
  use();
  cell("1");
  CellNames names(context.names, *languages);
  names.set("pushed", 1);
  names.clear();
  EXPECT_EQ(names.get("of_a_cell"), std::nullopt);
  EXPECT_TRUE(names.keys().empty());
  EXPECT_EQ(cpp.clears, 0);
  cell("2");
  EXPECT_EQ(cpp.clears, 1);
  EXPECT_EQ(names.get("of_a_cell"), Value(7));
}

TEST_F(CellExecutorTest, APreparedLanguageIsReadyForItsFirstCell) {
  use();
  languages->prepare("sh", EngineIdentity{});
  EXPECT_EQ(shell.made, 1);
  EXPECT_EQ(shell.preparations, 1);
  EXPECT_EQ(cpp.made, 0);
  cell("%%sh\nls");
  EXPECT_EQ(shell.preparations, 1);
  languages->prepare("unheard of", EngineIdentity{});
}

TEST_F(CellExecutorTest, WhatGoesWrongInPreparingIsToldToTheCell) {
  use();
  cpp.cannot_start = Error{ErrorCode::kNotFound, "no compiler"};
  languages->prepare("cpp", EngineIdentity{});
  EXPECT_EQ(failed_cell("1").evalue, "no compiler");
  EXPECT_EQ(cpp.preparations, 1);
}

TEST_F(CellExecutorTest, AClearedLanguageIsPreparedAgain) {
  use();
  cell("1");
  languages->clear();
  languages->prepare("cpp", EngineIdentity{});
  EXPECT_EQ(cpp.clears, 1);
  EXPECT_EQ(cpp.preparations, 2);
  cell("2");
  EXPECT_EQ(cpp.preparations, 2);
}

TEST_F(CellExecutorTest, TheLanguageOfACellIsKnownBeforeItRuns) {
  const std::vector<RuntimeOffer> offers{offer("cpp", cpp), offer("sh", shell)};
  struct Row {
    std::string_view wanted, cell, language;
  };
  for (const Row& row : {Row{"", "1 + 1", "cpp"}, Row{"", "%%sh\nls", "sh"}, Row{"sh", "ls", "sh"},
                         Row{"sh", "%%cpp\n1", "cpp"}, Row{"none", "1", ""}, Row{"", " \n", ""},
                         Row{"", "%%perl\n1", ""}, Row{"perl", "1", ""}}) {
    EXPECT_EQ(language_of_cell(offers, std::string(row.wanted), row.cell), row.language)
        << row.wanted << ": " << row.cell;
  }
}

}  // namespace
}  // namespace trireme
