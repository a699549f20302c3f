// From requests to runtimes, and from their answers to contents of replies.
#include "engine/cells/cell_executor.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/interactive_context.hpp"
#include "engine/task_failure.hpp"
#include "session/characters.hpp"
#include "session/message.hpp"

namespace trireme {
namespace {

using Json = nlohmann::json;

/// A cell's outputs on their way to the context of its run.
class ContextSink final : public CellSink {
 public:
  /// `interactive` is null when the run can only print.
  ContextSink(TaskContext& context, InteractiveContext* interactive, bool allows_input)
      : context_(context), interactive_(interactive), allows_input_(allows_input) {}

  void write_out(std::string_view text) override { context_.write_out(text); }
  void write_err(std::string_view text) override { context_.write_err(text); }
  void display(CellDisplay shown) override {
    if (interactive_ == nullptr) return context_.display(shown.bundle.data);
    std::string content = R"({"data": )" + to_json(Value(std::move(shown.bundle.data))) +
                          R"(, "metadata": )" + to_json(Value(std::move(shown.bundle.metadata))) +
                          R"(, "transient": {)";
    if (!shown.display_id.empty()) content += R"("display_id": )" + json_quote(shown.display_id);
    interactive_->show(shown.is_update ? OutputPiece::Kind::kUpdate : OutputPiece::Kind::kDisplay,
                       content + "}}");
  }
  void clear_output(bool wait) override {
    if (interactive_ == nullptr) return;
    interactive_->show(OutputPiece::Kind::kClear,
                       wait ? R"({"wait": true})" : R"({"wait": false})");
  }
  Result<std::string> request_input(std::string_view prompt, bool is_password) override {
    if (interactive_ == nullptr || !allows_input_) {
      return Error{
          ErrorCode::kPermission,
          "This cell was sent without allow_stdin, so that nobody can be asked for input."};
    }
    return interactive_->ask(is_password ? Wanted::kPassword : Wanted::kLine, prompt);
  }

 private:
  TaskContext& context_;
  InteractiveContext* interactive_;
  bool allows_input_;
};

EngineIdentity identity_of(const TaskContext& context) {
  return {EngineUuid(context.engine_uuid()), EngineId(context.engine_id())};
}

TaskFailure with_traceback(TaskFailure failure) {
  if (failure.traceback.empty()) {
    failure.traceback.push_back(failure.evalue.empty() ? failure.ename
                                                       : failure.ename + ": " + failure.evalue);
  }
  return failure;
}

TaskFailure no_language(const Error& error) {
  return make_failure("NotImplementedError", error.text, "the choice of a language");
}

std::string text_of(const Json& content, const char* key) {
  const auto found = content.find(key);
  return found != content.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// A number of characters or the like; `otherwise` for everything that is none.
std::size_t count_of(const Json& content, const char* key, std::size_t otherwise) {
  const auto found = content.find(key);
  if (found == content.end() || !found->is_number_integer()) return otherwise;
  const auto number = found->get<std::int64_t>();
  return number < 0 ? otherwise : static_cast<std::size_t>(number);
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A question about a cell, with positions in bytes of the code behind its magic.
struct Question {
  std::string cell;
  std::size_t skipped_characters = 0;  // of the magic line
  std::size_t cursor = 0;
};

std::string complete(Runtime& runtime, std::string_view code, const Question& question) {
  Completions found = runtime.complete(code, question.cursor);
  const auto characters = [&](std::size_t bytes) {
    return question.skipped_characters + count_characters(code.substr(0, bytes));
  };
  return dump({{"status", "ok"},
               {"matches", found.matches},
               {"cursor_start", characters(found.begin)},
               {"cursor_end", characters(found.end)},
               {"metadata", Json::object()}});
}

std::string inspect(Runtime& runtime, std::string_view code, const Question& question, int detail) {
  auto found = runtime.inspect(code, question.cursor, detail);
  std::string json = R"({"status": "ok", "found": )" + std::string(found ? "true" : "false");
  if (!found) return json + R"(, "data": {}, "metadata": {}})";
  return json + R"(, "data": )" + to_json(Value(std::move(found->data))) + R"(, "metadata": )" +
         to_json(Value(std::move(found->metadata))) + "}";
}

std::string is_complete(Runtime& runtime, std::string_view code) {
  constexpr std::string_view kStates[] = {"complete", "incomplete", "invalid", "unknown"};
  const Completeness found = runtime.is_complete(code);
  Json json{{"status", kStates[static_cast<std::size_t>(found.state)]}};
  if (found.state == Completeness::State::kIncomplete) json["indent"] = found.indent;
  return dump(json);
}

/// The answer when no language understands the cell.
std::string nothing_known(std::string_view msg_type, std::size_t cursor) {
  if (msg_type == "complete_request") {
    return dump({{"status", "ok"},
                 {"matches", Json::array()},
                 {"cursor_start", cursor},
                 {"cursor_end", cursor},
                 {"metadata", Json::object()}});
  }
  if (msg_type == "inspect_request") {
    return R"({"status": "ok", "found": false, "data": {}, "metadata": {}})";
  }
  return R"({"status": "unknown"})";
}

}  // namespace

bool CellExecutor::accepts(const TaskRequest& request) const {
  return request.kind != TaskRequest::Kind::kApply;
}

TaskOutcome CellExecutor::run(const TaskRequest& request, TaskContext& context) {
  return request.is_execute() ? execute(request, context) : answer(request, context);
}

TaskOutcome CellExecutor::execute(const TaskRequest& request, TaskContext& context) {
  const bool is_blank = request.code.find_first_not_of(" \t\r\n") == std::string::npos;
  if (is_blank && request.user_expressions_json.empty()) return TaskSuccess{};
  auto access = languages_->open(request.code, identity_of(context));
  if (!access) return no_language(access.error());
  ContextSink sink(context, dynamic_cast<InteractiveContext*>(&context), request.allow_stdin);
  CellOptions options;
  options.stop = context.stop_token();
  options.silent = request.silent;
  options.store_history = request.store_history;
  options.execution_count = request.execution_count;
  options.magic_arguments = access->magic_arguments;
  CellOutcome outcome = CellSuccess{};
  if (!is_blank) outcome = access->runtime->execute(access->code, options, sink);
  if (auto* failure = std::get_if<TaskFailure>(&outcome)) {
    return with_traceback(std::move(*failure));
  }
  TaskSuccess success;
  auto& value = std::get<CellSuccess>(outcome).value;
  if (value && !request.silent) {
    success.data_json = to_json(Value(std::move(value->data)));
    success.data_metadata_json = to_json(Value(std::move(value->metadata)));
  }
  success.user_expressions_json = evaluate_all(request, *access, options, sink);
  return success;
}

std::string CellExecutor::evaluate_all(const TaskRequest& request, Languages::Access& access,
                                       const CellOptions& options, CellSink& sink) {
  if (request.user_expressions_json.empty()) return {};
  const Json expressions = Json::parse(request.user_expressions_json, nullptr, false);
  if (!expressions.is_object() || expressions.empty()) return {};
  std::string json = "{";
  for (const auto& [name, expression] : expressions.items()) {
    if (json.size() > 1) json += ", ";
    json += json_quote(name) + ": ";
    CellOutcome outcome = TaskFailure{"TypeError", "the expression is no text", {}};
    if (expression.is_string()) {
      outcome = access.runtime->evaluate(expression.get<std::string>(), options, sink);
    }
    if (const auto* failure = std::get_if<TaskFailure>(&outcome)) {
      json += R"({"status": "error", )" + error_members_json(with_traceback(*failure)) + "}";
      continue;
    }
    const MimeBundle value = std::get<CellSuccess>(outcome).value.value_or(MimeBundle{});
    json += R"({"status": "ok", "data": )" + to_json(Value(value.data)) + R"(, "metadata": )" +
            to_json(Value(value.metadata)) + "}";
  }
  return json + "}";
}

TaskOutcome CellExecutor::answer(const TaskRequest& request, TaskContext& context) {
  const Json content = Json::parse(request.message.content_json.view(), nullptr, false);
  const std::string& type = request.message.header.msg_type;
  if (!content.is_object()) {
    return make_failure("ValueError", "The content of the " + type + " is not a JSON object.",
                        "the reading of the request");
  }
  Question question{text_of(content, "code"), 0, 0};
  const std::size_t all = count_characters(question.cell);
  const std::size_t cursor = std::min(count_of(content, "cursor_pos", all), all);
  auto access = languages_->open(question.cell, identity_of(context));
  const std::size_t skipped = access ? question.cell.size() - access->code.size() : 0;
  const std::size_t cursor_byte = byte_position(question.cell, cursor);
  if (!access || cursor_byte < skipped) {
    return TaskSuccess{nothing_known(type, cursor), {}, {}, {}, {}};
  }
  question.skipped_characters =
      count_characters(std::string_view(question.cell).substr(0, skipped));
  question.cursor = cursor_byte - skipped;
  Runtime& runtime = *access->runtime;
  const int detail = count_of(content, "detail_level", 0) > 0 ? 1 : 0;
  std::string json = type == "complete_request"  ? complete(runtime, access->code, question)
                     : type == "inspect_request" ? inspect(runtime, access->code, question, detail)
                                                 : is_complete(runtime, access->code);
  return TaskSuccess{std::move(json), {}, {}, {}, {}};
}

}  // namespace trireme
