// One reader under libFuzzer: TRIREME_FUZZ_TARGET names it.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  ::testing::InitGoogleTest(argc, *argv);
  GTEST_FLAG_SET(break_on_failure, true);  // what the test's parts complain about is a finding
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const trireme::fuzz::FuzzTarget* const target =
      trireme::fuzz::find_fuzz_target(TRIREME_FUZZ_TARGET);
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
