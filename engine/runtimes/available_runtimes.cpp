// The languages that this build has, in order of preference.
#include "engine/runtimes/runtime.hpp"

namespace trireme {

std::vector<RuntimeOffer> available_runtimes() { return {}; }

}  // namespace trireme
