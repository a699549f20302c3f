// trireme.run_command: a program as a task.
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/builtins.hpp"
#include "engine/command.hpp"
#include "engine/signal_names.hpp"
#include "engine/task_output.hpp"

namespace trireme {
namespace {

constexpr std::string_view kName = "trireme.run_command";
/// How much of each stream is returned; the rest is shown, but not kept.
constexpr std::size_t kCapturedBytesMax = 64u << 20;

struct CommandCall {
  Command command;
  bool capture = true;
  bool check = false;
};

std::string text_or_bytes(const Value& value) {
  return value.is_bytes() ? std::string(value.as_bytes().text()) : value.as_string();
}

CommandCall read_call(const Call& call) {
  if (call.args.size() != 1) {
    throw TypeError(std::string(kName) +
                    " takes a list (program and arguments) or a string (for the shell)");
  }
  CommandCall wanted;
  wanted.command.argv = call.args[0].is_string()
                            ? std::vector<std::string>{"/bin/sh", "-c", call.args[0].as_string()}
                            : call.args[0].to<std::vector<std::string>>();
  if (wanted.command.argv.empty()) throw TypeError(std::string(kName) + ": the list is empty");
  for (const auto& [key, value] : call.kwargs) {
    if (key == "stdin") {
      wanted.command.input = text_or_bytes(value);
    } else if (key == "cwd") {
      wanted.command.folder = value.as_string();
    } else if (key == "env") {
      wanted.command.environment = value.to<std::map<std::string, std::string>>();
    } else if (key == "capture") {
      wanted.capture = value.as_bool();
    } else if (key == "check") {
      wanted.check = value.as_bool();
    } else {
      throw TypeError(std::string(kName) + " has no argument '" + key +
                      "'; it knows stdin, cwd, env, capture and check");
    }
  }
  return wanted;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

Value string_or_bytes(std::string text) {
  if (is_utf8(text)) return text;
  return Bytes(std::move(text));
}

/// What is kept of the output, for the result.
struct Captured {
  std::string out;
  std::string err;
  bool truncated = false;

  void add(std::string& to, std::string_view text) {
    const std::size_t room = kCapturedBytesMax - std::min(kCapturedBytesMax, to.size());
    truncated = truncated || text.size() > room;
    to += text.substr(0, room);
  }
};

std::string describe_end(const CommandCall& wanted, const CommandEnd& end) {
  const std::string& program = wanted.command.argv.front();
  return end.signal ? "'" + program + "' was killed by " + signal_name(*end.signal)
                    : "'" + program + "' ended with exit code " + std::to_string(end.exit_code);
}

[[noreturn]] void throw_start_error(const Error& error) {
  throw TaskError(std::string(wire_name(error.code)), error.text);
}

Value run(Call& call) {
  const CommandCall wanted = read_call(call);
  Captured captured;
  const auto on_output = [&](CommandStream stream, std::string_view text) {
    const bool is_out = stream == CommandStream::kStdout;
    if (is_out) {
      call.context.write_out(text);
    } else {
      call.context.write_err(text);
    }
    if (wanted.capture) captured.add(is_out ? captured.out : captured.err, text);
  };
  const auto end = run_command(wanted.command, on_output, call.context.stop_token());
  if (!end) throw_start_error(end.error());
  if (end->stopped) throw TaskStopped();
  if (wanted.check && (end->signal || end->exit_code != 0)) {
    throw TaskError("CalledProcessError", describe_end(wanted, *end));
  }
  Dict result{{"exit_code", end->signal ? -*end->signal : end->exit_code},
              {"signal", end->signal ? Value(signal_name(*end->signal)) : Value()}};
  if (wanted.capture) {
    result.emplace("stdout", string_or_bytes(std::move(captured.out)));
    result.emplace("stderr", string_or_bytes(std::move(captured.err)));
    result.emplace("truncated", captured.truncated);
  }
  return result;
}

}  // namespace

void register_command_builtin(Registry& registry) { registry.add(kName, &run); }

}  // namespace trireme
