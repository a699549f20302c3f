#include "tests/fuzz/fuzz_target.hpp"

#include <cstdio>
#include <cstdlib>

namespace trireme::fuzz {

void fail_fuzzing(std::string_view promise) {
  std::fprintf(stderr, "a promise broke: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

}  // namespace trireme::fuzz
