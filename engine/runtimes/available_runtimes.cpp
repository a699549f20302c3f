// The languages that this build has, in order of preference.
#include "engine/runtimes/cpp_offer.hpp"
#include "engine/runtimes/runtime.hpp"
#include "engine/runtimes/shell/shell_runtime.hpp"

namespace trireme {

std::vector<RuntimeOffer> available_runtimes() {
  std::vector<RuntimeOffer> offers;
  if (has_cpp_runtime()) offers.push_back({"cpp", "%%cpp", &create_cpp_runtime});
  offers.push_back({"sh", "%%sh", &ShellRuntime::create});
  return offers;
}

}  // namespace trireme
