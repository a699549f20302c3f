// Where the C++ runtime is found: a library of its own beside the program, if it was built.
#pragma once

#include <memory>
#include <string>

#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// The one function of that library.
inline constexpr const char* kCppRuntimeSymbol = "trireme_create_cpp_runtime";
/// Changes whenever the seam does: library and program must agree.
inline constexpr int kCppRuntimeVersion = 1;
/// `version` is the program's; null when it is not the library's own.
using CreateCppRuntime = Runtime* (*)(int version, const RuntimeParts* parts);

/// Loads the library (TRIREME_CPP_RUNTIME, else beside the program in ../lib/trireme, ../lib or
/// its own folder). kNotFound with what to do when there is none.
Result<std::unique_ptr<Runtime>> create_cpp_runtime(const RuntimeParts& parts);

/// Whether there is such a library.
bool has_cpp_runtime();

}  // namespace trireme
