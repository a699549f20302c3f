// Which call of a Python client means what here: references by name, view methods by their helpers.
#include "engine/python_executor.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/function_executor.hpp"
#include "engine/interactive_context.hpp"
#include "engine/task_failure.hpp"
#include "session/python_call.hpp"

namespace trireme {
namespace {

/// One call on its way: arguments are converted when they are asked for.
class PythonTask {
 public:
  PythonTask(const FunctionTable& table, const PythonCall& call, TaskContext& context)
      : table_(table), call_(call), context_(context) {}

  Value run_reference() {
    return call_function(call_.function.name, values(0, call_.args.size()), keywords());
  }
  /// push(name=value, ...)
  Value push() {
    for (auto& [name, value] : keywords()) context_.name_space().set(name, std::move(value));
    return {};
  }
  /// pull(name) or pull([name, ...])
  Value pull() {
    if (call_.args.size() != 1) throw TypeError("pull takes one name or a list of names");
    const Value wanted = value(call_.args.front());
    if (wanted.is_string()) return named(wanted.as_string());
    List found;
    for (const Value& name : wanted.as_list()) found.push_back(named(name.as_string()));
    return found;
  }
  /// (value)
  Value identity() {
    if (call_.args.size() != 1) throw TypeError("one value is wanted");
    return value(call_.args.front());
  }
  /// bind_kernel()
  Value bind_kernel() {
    bind_ports(context_);
    return {};
  }
  Value keys() {
    List names;
    for (std::string& name : context_.name_space().keys()) names.emplace_back(std::move(name));
    return names;
  }
  /// map(f, part, ...): the parts' entries are f's arguments.
  Value map() { return map_over(values(1, call_.args.size())); }
  /// map(f, name, ...): the parts lie under names and are taken away.
  Value map_over_names() {
    List parts;
    for (const Value& name : values(1, call_.args.size())) {
      parts.push_back(named(name.as_string()));
      context_.name_space().erase(name.as_string());
    }
    return map_over(parts);
  }

 private:
  std::optional<Value> lookup(std::string_view name) const {
    return context_.name_space().get(name);
  }
  Value named(const std::string& name) const {
    std::optional<Value> found = lookup(name);
    if (!found) throw TaskError("NameError", "name '" + name + "' is not defined");
    return std::move(*found);
  }
  Value value(const PythonObject& object) const {
    Result<Value> converted =
        object.to_value([this](std::string_view name) { return lookup(name); });
    if (converted) return std::move(*converted);
    const ErrorCode code = converted.error().code;
    throw TaskError(code == ErrorCode::kKeyError ? "NameError" : std::string(wire_name(code)),
                    converted.error().text);
  }
  List values(std::size_t begin, std::size_t end) const {
    List list;
    for (std::size_t i = begin; i < end; ++i) list.push_back(value(call_.args[i]));
    return list;
  }
  Dict keywords() const {
    Dict dict;
    for (const auto& [name, object] : call_.kwargs) dict.insert_or_assign(name, value(object));
    return dict;
  }

  Value call_function(const std::string& name, List args, Dict kwargs) const {
    return call_found(resolve(name), name, std::move(args), std::move(kwargs));
  }
  FunctionTable::Found resolve(const std::string& name) const {
    auto found = table_.resolve(name);
    if (found) return std::move(*found);
    const TaskFailure failure = unusable_function(table_, name, found.error());
    throw TaskError(failure.ename, failure.evalue);
  }
  Value call_found(const FunctionTable::Found& function, const std::string& name, List args,
                   Dict kwargs) const {
    Call native{context_, name, std::move(args), std::move(kwargs)};
    return function(native);
  }
  Value map_over(const List& parts) const {
    const std::optional<std::string> name =
        call_.args.empty() ? std::nullopt : call_.args.front().reference_name();
    if (!name) {
      throw TaskError("NotImplementedError",
                      "this Trireme engine runs no Python code and cannot map it; map "
                      "ipyparallel.Reference(\"name\") of one of its functions");
    }
    if (parts.empty()) return List{};
    const FunctionTable::Found function = resolve(*name);
    std::size_t count = parts.front().size();
    for (const Value& part : parts) count = std::min(count, part.size());
    List results;
    for (std::size_t i = 0; i < count; ++i) {
      context_.throw_if_stopped();
      List args;
      for (const Value& part : parts) {
        args.push_back(part.is_array() ? part.as_array().element(i) : part.at(i));
      }
      results.push_back(call_found(function, *name, std::move(args), {}));
    }
    return results;
  }

  const FunctionTable& table_;
  const PythonCall& call_;
  TaskContext& context_;
};

/// What Python clients send for the methods of their views, by module and name of the function.
struct Helper {
  std::string_view module;
  std::string_view name;
  Value (PythonTask::*run)();
};
constexpr std::array kHelpers{
    Helper{"ipyparallel.util", "_push", &PythonTask::push},
    Helper{"ipyparallel", "bind_kernel", &PythonTask::bind_kernel},
    Helper{"ipyparallel.util", "_pull", &PythonTask::pull},
    Helper{"ipyparallel.client.remotefunction", "<lambda>", &PythonTask::map},
    Helper{"ipyparallel.client.remotefunction", "_map", &PythonTask::map},
    Helper{"ipyparallel.client.view", "_broadcast_map", &PythonTask::map_over_names},
};

/// What C++ clients send for the methods of their views, by the expression they refer to.
struct Expression {
  std::string_view text;
  Value (PythonTask::*run)();
};
constexpr std::array kExpressions{
    Expression{kPythonPush, &PythonTask::push},
    Expression{kPythonIdentity, &PythonTask::identity},
    Expression{kPythonKeys, &PythonTask::keys},
};

Value run_call(const FunctionTable& table, const PythonCall& call, TaskContext& context) {
  PythonTask task(table, call, context);
  if (call.function.kind == PythonFunction::Kind::kReference) {
    for (const Expression& known : kExpressions) {
      if (call.function.name == known.text) return (task.*known.run)();
    }
    return task.run_reference();
  }
  for (const Helper& helper : kHelpers) {
    if (call.function.is(helper.module, helper.name)) return (task.*helper.run)();
  }
  throw TaskError("NotImplementedError",
                  "this Trireme engine cannot run " + call.function.description +
                      "; call one of its functions as ipyparallel.Reference(\"name\") (see "
                      "Reference(\"trireme.functions\")), or choose a Python engine");
}

}  // namespace

std::string PythonExecutor::description() const {
  return "registered functions that Python clients call by Reference";
}

bool PythonExecutor::accepts(const TaskRequest& request) const {
  if (request.kind != TaskRequest::Kind::kApply) return false;
  const std::string_view content = request.message.content_json.view();
  return content.empty() || content == "{}";
}

TaskOutcome PythonExecutor::run(const TaskRequest& request, TaskContext& context) {
  const Result<PythonCall> call = read_python_call(request.message.buffers);
  if (!call) {
    return make_failure("NotImplementedError",
                        "this Trireme engine cannot read the call: " + call.error().text,
                        "the decoding of the call");
  }
  const std::string name =
      call->function.name.empty() ? call->function.description : call->function.name;
  const std::string place =
      "task '" + name + "' of a Python client on engine " + std::to_string(context.engine_id());
  try {
    TaskSuccess success;
    append_python_object(run_call(*table_, *call, context), success.buffers);
    return success;
  } catch (const TaskStopped&) {
    throw;
  } catch (...) {
    return describe_exception(std::current_exception(), place);
  }
}

}  // namespace trireme
