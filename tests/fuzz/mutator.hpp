// The engine behind the seeded tests of hostile input: spoils real inputs, always in the same way
// for the same seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

namespace trireme::fuzz {

/// Draws inputs from the corpus of a target. Mild on purpose: most inputs keep enough of their
/// original that the checks behind the first one are reached as well.
class Mutator {
 public:
  /// `target` must outlive it.
  explicit Mutator(const FuzzTarget& target);

  /// The input with this number; the same for the same numbers, in any order.
  std::string input(std::uint64_t seed, std::uint64_t number);

 private:
  std::size_t draw(std::size_t bound);
  const std::string& original();
  std::string token();
  std::string noise();
  void edit(std::string& bytes);
  void edit_frames(std::string& input);

  const FuzzTarget& target_;
  std::vector<std::string> originals_;
  std::vector<std::string_view> tokens_;
  std::mt19937_64 random_;
};

}  // namespace trireme::fuzz
