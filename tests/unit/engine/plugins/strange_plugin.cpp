// A plug-in whose compiler laid out values in another way.
#include <trireme/plugin.hpp>

extern "C" __attribute__((visibility("default"))) const trireme::PluginDescriptor*
trireme_plugin() {
  static const trireme::PluginDescriptor descriptor{trireme::kPluginAbi, 1, "another compiler",
                                                    nullptr};
  return &descriptor;
}
