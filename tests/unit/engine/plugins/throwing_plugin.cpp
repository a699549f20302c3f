// A plug-in whose registration fails.
#include <stdexcept>

#include <trireme/plugin.hpp>

TRIREME_PLUGIN(registry) {
  registry.add("throwing.before", [] {});
  throw std::runtime_error("the licence server is down");
}
