// A shell per cell, its state carried by a script that the one before has written.
#include "engine/runtimes/shell/shell_runtime.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/runtimes/shell/shell_process.hpp"
#include "engine/runtimes/shell/utf8_stream.hpp"

namespace trireme {
namespace {

/// A shell that was to be asked something small may print this much.
constexpr std::size_t kAnswerBytesMax = 1u << 20;

std::optional<std::string> find_program(const char* name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const auto colon = std::min(rest.find(':'), rest.size());
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (candidate.front() == '/' && access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return std::nullopt;
}

std::vector<std::string> environment_of_this_process() {
  std::vector<std::string> lines;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    lines.emplace_back(*entry);
  }
  return lines;
}

std::string signal_text(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? "signal " + std::to_string(signal) : "SIG" + std::string(name);
}

TaskFailure shell_error(std::string evalue) {
  std::string line = "ShellError: " + evalue;
  return {"ShellError", std::move(evalue), {std::move(line)}};
}

CellOutcome outcome_of(const ShellEnd& end) {
  if (end.signal) return shell_error("the shell was killed by " + signal_text(*end.signal));
  if (end.exit_code == 0) return CellSuccess{};
  std::string text = "exit status " + std::to_string(end.exit_code);
  if (end.exit_code > 128 && sigabbrev_np(end.exit_code - 128) != nullptr) {
    text += " (" + signal_text(end.exit_code - 128) + ")";  // how shells tell it
  }
  return shell_error(std::move(text));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  return lines;
}

MimeBundle plain_text(std::string text) {
  MimeBundle bundle;
  bundle.data.emplace("text/plain", std::move(text));
  return bundle;
}

/// Both streams of a cell on their way to the sink.
class CellOutput {
 public:
  explicit CellOutput(CellSink& sink) : sink_(sink) {}
  void take(ShellStream stream, std::string_view bytes) {
    show(stream, stream == ShellStream::kOut ? out_.feed(bytes) : err_.feed(bytes));
  }
  void finish() {
    show(ShellStream::kOut, out_.finish());
    show(ShellStream::kErr, err_.finish());
  }

 private:
  void show(ShellStream stream, const std::string& text) {
    if (text.empty()) return;
    stream == ShellStream::kOut ? sink_.write_out(text) : sink_.write_err(text);
  }

  CellSink& sink_;
  Utf8Stream out_;
  Utf8Stream err_;
};

}  // namespace

/// What a shell answered to a question of ours.
struct ShellRuntime::Quiet {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Result<std::unique_ptr<Runtime>> ShellRuntime::create(const RuntimeParts& parts) {
  if (auto bash = find_program("bash")) {
    return std::unique_ptr<Runtime>(
        std::make_unique<ShellRuntime>(std::move(*bash), ShellKind::kBash, parts));
  }
  if (auto plain = find_program("sh")) {
    return std::unique_ptr<Runtime>(
        std::make_unique<ShellRuntime>(std::move(*plain), ShellKind::kPlain, parts));
  }
  return Error{ErrorCode::kNotFound,
               "There is no shell for %%sh cells: neither bash nor sh is in PATH."};
}

ShellRuntime::ShellRuntime(std::string program, ShellKind kind, const RuntimeParts& parts)
    : program_(std::move(program)),
      kind_(kind),
      first_state_("export TRIREME_ENGINE_ID=" + std::to_string(parts.engine_id) +
                   "\nexport TRIREME_ENGINE_UUID='" + parts.engine_uuid + "'\n"),
      state_(first_state_) {}

LanguageInfo ShellRuntime::language() const {
  const bool is_bash = kind_ == ShellKind::kBash;
  return {is_bash ? "bash" : "sh", "1", "text/x-sh", ".sh",
          "Trireme: shell cells, run by " + program_};
}

CellOutcome ShellRuntime::execute(std::string_view code, const CellOptions& options,
                                  CellSink& sink) {
  auto cell = memory_file("cell", cell_script(code));
  auto state = memory_file("state", state_);
  auto new_state = memory_file("new-state", "");
  for (const auto* file : {&cell, &state, &new_state}) {
    if (!*file) return shell_error(file->error().text);
  }
  ShellStart start;
  start.argv = {program_, "-c", driver_script(kind_), "cell"};
  start.environment = environment_of_this_process();
  start.given = {{cell->get(), kCellDescriptor},
                 {state->get(), kStateDescriptor},
                 {new_state->get(), kNewStateDescriptor}};
  CellOutput output(sink);
  const auto end = run_shell(
      start, [&](ShellStream stream, std::string_view bytes) { output.take(stream, bytes); },
      options.stop);
  output.finish();
  if (!end) return shell_error(end.error().text);
  auto left = content_of(*new_state);
  if (left && !left->empty()) state_ = std::move(*left);  // a killed shell leaves nothing
  if (options.stop.stop_requested()) return interrupted();
  return outcome_of(*end);
}

CellOutcome ShellRuntime::evaluate(std::string_view expression, const CellOptions& options,
                                   CellSink&) {
  // The expression is what may stand between double quotes: text with $name and $(commands).
  Quiet answer = ask("eval \"printf %s \\\"$1\\\"\"", expression, options.stop);
  if (options.stop.stop_requested()) return interrupted();
  if (answer.exit_code != 0) return shell_error(std::move(answer.err));
  return CellSuccess{plain_text(std::move(answer.out))};
}

Completions ShellRuntime::complete(std::string_view code, std::size_t cursor) {
  const ShellWord word = word_at(code, cursor);
  Completions found{{}, word.begin, word.end};
  if (kind_ != ShellKind::kBash) return found;
  const char* const script =
      word.kind == ShellWord::Kind::kVariable ? "compgen -v -- \"$1\""
      : word.kind == ShellWord::Kind::kCommand
          ? "compgen -c -- \"$1\""
          : "compgen -f -- \"$1\" | while IFS= read -r f; do"
            " if [ -d \"$f\" ]; then printf '%s/\\n' \"$f\"; else printf '%s\\n' \"$f\"; fi; done";
  found.matches = lines_of(ask(script, code.substr(word.begin, word.end - word.begin)).out);
  return found;
}

std::optional<MimeBundle> ShellRuntime::inspect(std::string_view code, std::size_t cursor,
                                                int detail) {
  if (kind_ != ShellKind::kBash) return std::nullopt;
  std::size_t end = std::min(cursor, code.size());
  while (end < code.size() && std::string_view(" \t\n;|&()<>").find(code[end]) == code.npos) ++end;
  const ShellWord word = word_at(code, end);
  const std::string_view text = code.substr(word.begin, word.end - word.begin);
  if (text.empty()) return std::nullopt;
  const char* const script = word.kind == ShellWord::Kind::kVariable ? "declare -p -- \"$1\""
                             : detail > 0 ? "type -a -- \"$1\" && { help -- \"$1\" || true; }"
                                          : "type -- \"$1\"";
  Quiet answer = ask(script, text);
  if (answer.exit_code != 0 || answer.out.empty()) return std::nullopt;
  return plain_text(std::move(answer.out));
}

Completeness ShellRuntime::is_complete(std::string_view code) {
  // Read as a script would be, without running any of it.
  const std::string text = std::string(code) + "\n";
  ShellStart start;
  auto file = memory_file("cell", text);
  if (!file) return {};
  start.argv = {program_, "-n", "/dev/fd/" + std::to_string(kCellDescriptor)};
  start.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  start.given = {{file->get(), kCellDescriptor}};
  std::string messages;
  const auto end = run_shell(start,
                             [&](ShellStream, std::string_view bytes) {
                               if (messages.size() < kAnswerBytesMax) messages += bytes;
                             },
                             {});
  if (!end || end->signal) return {};
  Completeness answer;
  answer.state = judge_completeness(code, end->exit_code, messages);
  if (answer.state == Completeness::State::kIncomplete) answer.indent = "  ";
  return answer;
}

std::optional<Value> ShellRuntime::variable(std::string_view name) {
  const auto is_name = [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_';
  };
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0 ||
      !std::all_of(name.begin(), name.end(), is_name)) {
    return std::nullopt;
  }
  Quiet answer = ask("eval \"[ -n \\\"\\${$1+x}\\\" ] && printf %s \\\"\\$$1\\\"\"", name);
  if (answer.exit_code != 0) return std::nullopt;
  return Value(std::move(answer.out));
}

std::vector<std::string> ShellRuntime::variable_names() {
  if (kind_ != ShellKind::kBash) return {};
  return lines_of(ask("compgen -v", "").out);
}

void ShellRuntime::clear() { state_ = first_state_; }

ShellRuntime::Quiet ShellRuntime::ask(std::string_view script, std::string_view argument,
                                      std::stop_token stop) const {
  Quiet answer;
  auto state = memory_file("state", state_);
  if (!state) return answer;
  ShellStart start;
  start.argv = {program_, "-c", ". /dev/fd/8 2>/dev/null\nset +eux\n" + std::string(script), "cell",
                std::string(argument)};
  start.environment = environment_of_this_process();
  start.given = {{state->get(), kStateDescriptor}};
  const auto end = run_shell(
      start,
      [&](ShellStream stream, std::string_view bytes) {
        std::string& text = stream == ShellStream::kOut ? answer.out : answer.err;
        if (text.size() < kAnswerBytesMax) text += bytes;
      },
      std::move(stop));
  if (end && !end->signal) answer.exit_code = end->exit_code;
  Utf8Stream valid;
  answer.out = valid.feed(answer.out) + valid.finish();
  return answer;
}

}  // namespace trireme
