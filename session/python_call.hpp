// The calls of Python clients, and calls that Python engines understand: the buffers of an
// apply_request without named function (docs/protocol.md, "Calls of Python clients").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <trireme/value.hpp>

#include "session/frame.hpp"
#include "session/python_value.hpp"
#include "session/result.hpp"

namespace trireme {

/// What a Python client asks an engine to call.
struct PythonFunction {
  enum class Kind {
    kReference,  // a name in the engine: `name`
    kFunction,   // Python code, with the module and name of its function
    kGlobal,     // something importable, by module and name
    kOther,      // anything else that Python can call
  };
  Kind kind = Kind::kOther;
  std::string module;
  std::string name;
  std::string description;  // for error sentences

  bool is(std::string_view wanted_module, std::string_view wanted_name) const {
    return module == wanted_module && name == wanted_name;
  }
};

/// One call, its arguments not yet converted.
struct PythonCall {
  PythonFunction function;
  std::vector<PythonObject> args;
  std::vector<std::pair<std::string, PythonObject>> kwargs;
};

/// What an object is when it is called.
PythonFunction read_python_function(const PythonObject& object);

/// kBadFormat for buffers that are no such call.
Result<PythonCall> read_python_call(const Frames& buffers);

/// The function of a call made for Python engines: something importable ("math.sqrt", or
/// "datetime:datetime.now" where the name itself has dots; without module a builtin), or an
/// expression that the engine evaluates in its name space.
struct PythonTarget {
  enum class Kind { kImportable, kExpression };
  Kind kind = Kind::kImportable;
  std::string text;
};

/// The buffers of a call. TypeError when a value cannot travel.
Frames write_python_call(const PythonTarget& target, const List& args, const Dict& kwargs);

/// The buffers of a call whose result is the value of an expression in the engine's name space.
Frames write_python_pull(std::string_view expression);

/// The buffers of a call that applies the target to each entry of `argument_lists`, a list of lists
/// of arguments; its result is the list of results.
Frames write_python_map(const PythonTarget& target, const Value& argument_lists);

/// Expressions that name the helpers of views when they are called: they mean the same to a Python
/// engine, which evaluates them, and to ours, which knows them by their text.
inline constexpr std::string_view kPythonPush = "globals().update";           // (name=value, ...)
inline constexpr std::string_view kPythonIdentity = "(lambda value: value)";  // (value)
inline constexpr std::string_view kPythonKeys =                               // ()
    "(lambda: sorted(name for name in globals() if name[:1] != '_' and "
    "name not in get_ipython().user_ns_hidden))";

}  // namespace trireme
