// A plug-in of another version of the interface.
#include <trireme/plugin.hpp>

extern "C" __attribute__((visibility("default"))) const trireme::PluginDescriptor*
trireme_plugin() {
  static const trireme::PluginDescriptor descriptor{trireme::kPluginAbi + 1, sizeof(trireme::Value),
                                                    "another compiler", nullptr};
  return &descriptor;
}
