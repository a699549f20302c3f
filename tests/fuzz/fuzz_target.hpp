// What is fed with hostile bytes: one entry per reader, for the seeded tests and for libFuzzer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::fuzz {

/// How an input is made of bytes.
enum class InputShape {
  kText,    // as it is
  kFrames,  // several frames, see frame_text.hpp
};

/// One reader of foreign bytes.
struct FuzzTarget {
  std::string_view name;
  InputShape shape;
  /// Pieces worth inserting: what the reader looks for.
  std::vector<std::string_view> (*tokens)();
  /// Real inputs to begin from, at least one.
  std::vector<std::string> (*corpus)();
  /// Feeds one input. Ends, in bounds, whatever it is; ends the program when what the reader made
  /// of it breaks a promise. Says whether the input was understood.
  bool (*run)(std::string_view input);
  /// About how many times as long as a plain parser it takes; fewer inputs are drawn for it.
  std::uint64_t cost = 1;
};

/// All of this program. What a controller reads and what engines and clients read are two programs,
/// as everywhere: rooms that never meet may use the same names.
std::span<const FuzzTarget> fuzz_targets();
/// Null for an unknown name.
inline const FuzzTarget* find_fuzz_target(std::string_view name) {
  for (const FuzzTarget& target : fuzz_targets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

/// Ends the program: the reader broke a promise.
[[noreturn]] void fail_fuzzing(std::string_view promise);
inline void demand(bool holds, std::string_view promise) {
  if (!holds) fail_fuzzing(promise);
}

}  // namespace trireme::fuzz
