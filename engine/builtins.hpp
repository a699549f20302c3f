// The functions every engine offers without a plug-in; all names begin with `trireme.`.
#pragma once

#include <cstddef>

#include "engine/function_table.hpp"

namespace trireme {

/// What the built-in functions tell about their engine.
struct BuiltinFacts {
  std::size_t threads = 1;
};

/// Registers:
///   trireme.echo(x)                  x; without arguments null; several: the list of them
///   trireme.sleep(seconds)           interruptible
///   trireme.push(name=value, ...)    sets names in the name space
///   trireme.pull(name)               one value; NameError when it is not there
///   trireme.pull([name, ...])        the list of values
///   trireme.scatter(name, part)      sets one name: this engine's part of a whole
///   trireme.gather(name)             this engine's part
///   trireme.keys()                   sorted names
///   trireme.clear()                  forgets all names; clear([name, ...]) forgets these
///   trireme.environment([name, ...]) environment variables, all without an argument
///   trireme.host_info()              dict: hostname, pid, cpu_count, ...
///   trireme.functions()              names of all registered functions
///   trireme.map(name, [[arg, ...], ...])  the function applied to each list of arguments
///   trireme.run_command(...)         see register_command_builtin
/// `table` must outlive every call.
void register_builtins(FunctionTable& table, BuiltinFacts facts);

/// trireme.run_command(argv or shell text, stdin=, cwd=, env={}, check=false, capture=true):
/// runs a program; its output appears as the task's. Result: dict {exit_code, signal (name or
/// null), stdout, stderr, truncated}; stdout and stderr are strings, or bytes when they
/// are no UTF-8. With check, an exit code other than 0 fails the task.
void register_command_builtin(Registry& registry);

}  // namespace trireme
