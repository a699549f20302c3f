#include "cli/record_facts.hpp"

#include <array>
#include <charconv>
#include <ctime>

#include "cli/command_template.hpp"

namespace trireme::cli {
namespace {

constexpr std::size_t kUuidShown = 8;
constexpr std::string_view kCommandFunction = "trireme.run_command";

std::string text_of(const Value* value) {
  return value != nullptr && value->is_string() ? value->as_string() : std::string();
}

const Value* find(const Dict& record, std::string_view key) {
  const auto found = record.find(key);
  return found == record.end() ? nullptr : &found->second;
}

const Value* find(const Dict& record, std::string_view key, std::string_view inner) {
  const Value* outer = find(record, key);
  return outer == nullptr ? nullptr : outer->find(inner);
}

std::optional<Timestamp> moment_of(const Dict& record, std::string_view key) {
  return parse_timestamp(text_of(find(record, key)));
}

/// The words of a command task, as people would type them.
std::string describe_command(const Value& arguments) {
  if (!arguments.is_list() || arguments.size() == 0) return std::string(kCommandFunction);
  const Value& first = arguments.at(std::size_t{0});
  if (first.is_string()) return first.as_string();
  std::vector<std::string> words;
  if (first.is_list()) {
    for (const Value& word : first.as_list()) words.push_back(text_of(&word));
  }
  return shell_words(words);
}

std::string describe_call(const std::string& function, const Value* arguments) {
  std::string text = function + "(";
  if (arguments != nullptr && arguments->is_list()) {
    for (const Value& argument : arguments->as_list()) {
      if (text.back() != '(') text += ", ";
      const bool is_raw = argument.find("$buffer") != nullptr;
      text += is_raw ? "<data>" : argument.to_string();
    }
  }
  return text + ")";
}

std::string describe_what(const Dict& record) {
  std::string code = text_of(find(record, "content", "code"));
  if (!code.empty()) return code;
  const std::string function = text_of(find(record, "content", "function"));
  const Value* arguments = find(record, "content", "args");
  if (function == kCommandFunction && arguments != nullptr) return describe_command(*arguments);
  if (!function.empty()) return describe_call(function, arguments);
  return text_of(find(record, "header", "msg_type"));
}

TaskState state_of(const Dict& record) {
  const std::string status = text_of(find(record, "result_content", "status"));
  if (status == "ok") return TaskState::kOk;
  if (status == "aborted") return TaskState::kAborted;
  if (!status.empty() || moment_of(record, "completed")) return TaskState::kFailed;
  return text_of(find(record, "engine_uuid")).empty() ? TaskState::kWaiting : TaskState::kRunning;
}

std::string describe_error(const Dict& record) {
  const std::string name = text_of(find(record, "result_content", "ename"));
  const std::string value = text_of(find(record, "result_content", "evalue"));
  return value.empty() ? name : name + ": " + value;
}

std::optional<int> exit_code_of(const Dict& record) {
  if (text_of(find(record, "content", "function")) != kCommandFunction) return std::nullopt;
  const Value* result = find(record, "result_content", "result");
  const Value* code = result == nullptr ? nullptr : result->find("exit_code");
  if (code == nullptr || !code->is_int()) return std::nullopt;
  return static_cast<int>(code->as_int());
}

}  // namespace

std::string_view name_of(TaskState state) {
  switch (state) {
    case TaskState::kWaiting:
      return "waiting";
    case TaskState::kRunning:
      return "running";
    case TaskState::kOk:
      return "ok";
    case TaskState::kFailed:
      return "failed";
    case TaskState::kAborted:
      return "aborted";
  }
  return "unknown";
}

std::optional<double> RecordFacts::seconds() const {
  if (!started || !completed) return std::nullopt;
  return std::chrono::duration<double>(*completed - *started).count();
}

const std::vector<std::string>& columns_of_facts() {
  static const std::vector<std::string> columns{"header",      "metadata",      "content",
                                                "submitted",   "started",       "completed",
                                                "engine_uuid", "result_content"};
  return columns;
}

RecordFacts read_facts(const Dict& record, const std::map<std::string, int>& engines) {
  RecordFacts facts;
  facts.msg_id = text_of(find(record, "msg_id"));
  facts.what = describe_what(record);
  facts.label = text_of(find(record, "metadata", "label"));
  facts.state = state_of(record);
  const std::string uuid = text_of(find(record, "engine_uuid"));
  const auto known = engines.find(uuid);
  facts.engine =
      known == engines.end() ? uuid.substr(0, kUuidShown) : std::to_string(known->second);
  facts.submitted = moment_of(record, "submitted");
  facts.started = moment_of(record, "started");
  facts.completed = moment_of(record, "completed");
  facts.error = describe_error(record);
  facts.exit_code = exit_code_of(record);
  return facts;
}

std::string describe_time(const std::optional<Timestamp>& moment, Timestamp now) {
  if (!moment) return "";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(*moment));
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  const bool recent = now - *moment < std::chrono::hours(24);
  std::strftime(text.data(), text.size(), recent ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
  return text.data();
}

std::optional<Timestamp> parse_since(std::string_view text, Timestamp now) {
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, int>, 5> kUnits{
      {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  if (failure == std::errc() && count >= 0 && count < 1'000'000'000) {
    for (const auto& [name, seconds] : kUnits) {
      if (unit == name) return now - std::chrono::seconds(count * seconds);
    }
  }
  return parse_timestamp(text);
}

}  // namespace trireme::cli
