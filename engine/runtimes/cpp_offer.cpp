// The library is loaded when the first runtime is wanted: nobody else pays for the compiler.
#include "engine/runtimes/cpp_offer.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace trireme {
namespace {

constexpr const char* kFile = "libtrireme_cpp_runtime.so";

std::optional<std::filesystem::path> find_library() {
  std::error_code failed;
  if (const char* named = std::getenv("TRIREME_CPP_RUNTIME")) {
    if (std::filesystem::exists(named, failed)) return named;
    return std::nullopt;
  }
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return std::nullopt;
  const auto folder = program.parent_path();
  for (const char* place : {"../lib/trireme", "../lib", "."}) {
    const auto file = folder / place / kFile;
    if (std::filesystem::exists(file, failed)) return file;
  }
  return std::nullopt;
}

}  // namespace

bool has_cpp_runtime() { return find_library().has_value(); }

Result<std::unique_ptr<Runtime>> create_cpp_runtime(const RuntimeParts& parts) {
  const auto file = find_library();
  if (!file) {
    return Error{ErrorCode::kNotFound, std::string("There is no C++ runtime: ") + kFile +
                                           " is not beside the program. Build Trireme with"
                                           " -DTRIREME_WITH_CLANG=ON."};
  }
  void* library = dlopen(file->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error{ErrorCode::kConfiguration,
                 "The C++ runtime cannot be loaded: " + std::string(dlerror()) + "."};
  }
  auto* create = reinterpret_cast<CreateCppRuntime>(dlsym(library, kCppRuntimeSymbol));
  Runtime* made = create == nullptr ? nullptr : create(kCppRuntimeVersion, &parts);
  if (made == nullptr) {
    return Error{ErrorCode::kVersion, file->string() +
                                          " belongs to another version of Trireme;"
                                          " build both together."};
  }
  return std::unique_ptr<Runtime>(made);
}

}  // namespace trireme
