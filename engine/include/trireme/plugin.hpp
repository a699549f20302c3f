// Turns a shared library into a plug-in of trireme-engine:
//
//   #include <trireme/plugin.hpp>
//   #include "tasks.hpp"
//   TRIREME_PLUGIN(registry) {
//     registry.add(tasks::norm, [](std::span<const double> v) { ... });
//     registry.add("mytasks.greet", [](std::string name) { return "hello " + name; });
//   }
//
// Build it as a CMake MODULE that links trireme::plugin; start engines with --load libmytasks.so.
#pragma once

#include <cstddef>
#include <cstdint>

#include <trireme/registry.hpp>
#include <trireme/task.hpp>
#include <trireme/task_context.hpp>

namespace trireme {

/// Changes whenever a class that plug-ins and engine share changes its layout.
inline constexpr std::uint32_t kPluginAbi = 1;

/// How a plug-in introduces itself; the engine compares before it calls anything.
struct PluginDescriptor {
  std::uint32_t abi;         // kPluginAbi when the plug-in was built
  std::uint32_t value_size;  // sizeof(Value), which depends on the compiler and its settings
  const char* compiler;      // for people
  void (*load)(Registry& registry);
};

/// The one symbol the engine looks for.
inline constexpr const char* kPluginSymbol = "trireme_plugin";

}  // namespace trireme

/// The entry of a plug-in; the block registers its functions. Exceptions that leave it stop the
/// engine with their text.
#define TRIREME_PLUGIN(registry)                                                             \
  static void trireme_plugin_load(::trireme::Registry& registry);                            \
  extern "C" __attribute__((visibility("default"))) const ::trireme::PluginDescriptor*       \
  trireme_plugin() {                                                                         \
    static const ::trireme::PluginDescriptor descriptor{                                     \
        ::trireme::kPluginAbi, sizeof(::trireme::Value), __VERSION__, &trireme_plugin_load}; \
    return &descriptor;                                                                      \
  }                                                                                          \
  static void trireme_plugin_load(::trireme::Registry& registry)
