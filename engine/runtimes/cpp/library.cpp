// The door of the library that holds the C++ runtime.
#include "engine/runtimes/cpp/cpp_runtime.hpp"
#include "engine/runtimes/cpp_offer.hpp"

extern "C" __attribute__((visibility("default"))) trireme::Runtime* trireme_create_cpp_runtime(
    int version, const trireme::RuntimeParts* parts) {
  if (version != trireme::kCppRuntimeVersion) return nullptr;
  return new trireme::CppRuntime(*parts);
}
