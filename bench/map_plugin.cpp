// The function of bench/cell_map.cpp as a plug-in has it.
#include <trireme/plugin.hpp>

TRIREME_PLUGIN(registry) {
  registry.add("bench.mixed", [](long x) -> long { return x * 2'654'435'761 % 1'000'003 - x; });
}
