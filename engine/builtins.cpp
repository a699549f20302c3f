// Echo, sleep, the name space, facts about the machine, and map.
#include "engine/builtins.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/interactive_context.hpp"

namespace trireme {
namespace {

constexpr double kSleepSecondsMax = 365.0 * 24 * 3'600;

Value echo(Call& call) {
  if (call.args.size() > 1) return std::move(call.args);
  return call.args.empty() ? Value() : std::move(call.args.front());
}

void sleep_for(TaskContext& context, double seconds) {
  if (!(seconds >= 0) || seconds > kSleepSecondsMax) {
    throw TypeError("trireme.sleep takes seconds from 0 to one year");
  }
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, context.stop_token(), std::chrono::duration<double>(seconds),
                [] { return false; });
  context.throw_if_stopped();
}

Value push(Call& call) {
  if (!call.args.empty()) throw TypeError("trireme.push takes keyword arguments only: name=value");
  for (auto& [name, value] : call.kwargs) {
    call.context.name_space().set(name, std::move(value));
  }
  return Value();
}

Value pull_one(const NameSpace& names, const std::string& name) {
  std::optional<Value> value = names.get(name);
  if (!value) throw TaskError("NameError", "name '" + name + "' is not defined");
  return std::move(*value);
}

Value pull(TaskContext& context, const Value& wanted) {
  if (wanted.is_string()) return pull_one(context.name_space(), wanted.as_string());
  List values;
  for (const std::string& name : wanted.to<std::vector<std::string>>()) {
    values.push_back(pull_one(context.name_space(), name));
  }
  return values;
}

Value clear(Call& call) {
  if (call.args.empty()) {
    call.context.name_space().clear();
    return Value();
  }
  for (const std::string& name : call.args.front().to<std::vector<std::string>>()) {
    call.context.name_space().erase(name);
  }
  return Value();
}

Value environment(Call& call) {
  std::optional<std::vector<std::string>> wanted;
  if (!call.args.empty()) wanted = call.args.front().to<std::vector<std::string>>();
  Dict variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(line.substr(0, equals));
    if (!wanted || std::find(wanted->begin(), wanted->end(), name) != wanted->end()) {
      variables.emplace(name, line.substr(equals + 1));
    }
  }
  return variables;
}

Value host_info(const TaskContext& context, const BuiltinFacts& facts) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  utsname system{};
  uname(&system);
  std::error_code ignored;
  const std::int64_t memory_bytes =
      static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return Dict{{"hostname", host},
              {"pid", getpid()},
              {"cpu_count", std::thread::hardware_concurrency()},
              {"memory_bytes", memory_bytes},
              {"system", system.sysname},
              {"release", system.release},
              {"machine", system.machine},
              {"working_folder", std::filesystem::current_path(ignored).string()},
              {"engine_id", context.engine_id()},
              {"engine_uuid", context.engine_uuid()},
              {"engine_threads", facts.threads},
              {"compiler", __VERSION__}};
}

/// Each item is the list of arguments of one call; a failure names the item.
Value map(const FunctionTable& table, Call& call) {
  if (call.args.size() != 2) {
    throw TypeError("trireme.map takes a function's name and a list of argument lists");
  }
  const std::string& name = call.args[0].as_string();
  const auto function = table.resolve(name);
  if (!function) {
    throw TaskError(function.error().code == ErrorCode::kNotFound ? "NameError" : "TypeError",
                    function.error().code == ErrorCode::kNotFound
                        ? "this engine has no function '" + name + "'"
                        : function.error().text);
  }
  List items = std::move(call.args[1].as_list());
  List results;
  results.reserve(items.size());
  for (Value& item : items) {
    call.context.throw_if_stopped();
    Call one{call.context, name, std::move(item.as_list()), {}};
    results.push_back((*function)(one));
  }
  return results;
}

Value function_names(const FunctionTable& table) {
  List names;
  for (std::string& name : table.names()) names.push_back(std::move(name));
  return names;
}

}  // namespace

void register_builtins(FunctionTable& table, BuiltinFacts facts) {
  table.add("trireme.echo", &echo);
  table.add("trireme.sleep", &sleep_for);
  table.add("trireme.push", &push);
  table.add("trireme.pull", &pull);
  table.add("trireme.scatter", [](TaskContext& context, std::string name, Value part) {
    context.name_space().set(std::move(name), std::move(part));
  });
  table.add("trireme.gather", [](TaskContext& context, const std::string& name) {
    return pull_one(context.name_space(), name);
  });
  table.add("trireme.keys", [](TaskContext& context) { return context.name_space().keys(); });
  table.add("trireme.clear", &clear);
  table.add("trireme.environment", &environment);
  table.add("trireme.bind_kernel", &bind_ports);
  table.add("trireme.host_info",
            [facts](TaskContext& context) { return host_info(context, facts); });
  table.add("trireme.functions", [&table](TaskContext&) { return function_names(table); });
  table.add("trireme.map", [&table](Call& call) { return map(table, call); });
  register_command_builtin(table);
}

}  // namespace trireme
