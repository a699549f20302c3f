// The languages that this build has, in order of preference.
#include "engine/runtimes/runtime.hpp"
#include "engine/runtimes/shell/shell_runtime.hpp"

namespace trireme {

std::vector<RuntimeOffer> available_runtimes() {
  return {RuntimeOffer{"sh", "%%sh", &ShellRuntime::create}};
}

}  // namespace trireme
