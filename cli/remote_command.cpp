#include "cli/remote_command.hpp"

#include <cstdlib>

#include "cli/command_line.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

constexpr const char* kFunction = "trireme.run_command";
constexpr int kSignalBase = 128;

std::string bytes_of(const Value& result, const char* key) {
  const Value* value = result.find(key);
  if (value == nullptr || value->is_null()) return "";
  return value->is_bytes() ? std::string(value->as_bytes().text()) : value->as_string();
}

Dict environment_of(const std::vector<std::string>& settings) {
  Dict environment;
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw CommandFailed(kExitUsage, "'" + setting + "' is no setting; write --env NAME=VALUE");
    }
    environment[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return environment;
}

void read_result(const Value& result, CommandEnd& end) {
  const int code = result.at("exit_code").to<int>();
  end.exit_code = code < 0 ? kSignalBase - code : code;
  if (const Value* name = result.find("signal"); name != nullptr && name->is_string()) {
    end.signal = name->as_string();
  }
  end.out = bytes_of(result, "stdout");
  end.err = bytes_of(result, "stderr");
}

}  // namespace

std::string CommandEnd::describe() const {
  if (!failure.empty()) return failure;
  if (!signal.empty()) return "killed by " + signal;
  return "exit code " + std::to_string(exit_code);
}

AsyncResult<Value> submit(const LoadBalancedView& view, const RemoteCommand& command) {
  Dict keywords;
  if (!command.folder.empty()) keywords["cwd"] = command.folder;
  if (!command.settings.empty()) keywords["env"] = environment_of(command.settings);
  if (!command.input.empty()) keywords["stdin"] = Bytes(command.input);
  if (command.fail_on_exit_code) keywords["check"] = true;
  Value what = command.shell ? Value(command.words.front()) : to_value(command.words);
  return view.apply(kFunction, {std::move(what)}, std::move(keywords));
}

CommandEnd read_end(const AsyncResult<Value>& task) {
  CommandEnd end;
  try {
    read_result(task.get(), end);
  } catch (const RemoteError& error) {
    end.failure = error.what();
    end.aborted = dynamic_cast<const TaskAborted*>(&error) != nullptr;
    end.out = task.stdout_text();
    end.err = task.stderr_text();
  } catch (const Exception& error) {
    end.failure = error.what();
  }
  const TaskInfo info = task.task(0);
  end.engine_id = info.engine_id;
  if (info.started && info.completed) {
    end.seconds = std::chrono::duration<double>(*info.completed - *info.started).count();
  }
  return end;
}

}  // namespace trireme::cli
