// What a shell is told to do around a cell, and what it says about unfinished text.
#pragma once

#include <string>
#include <string_view>

#include "engine/runtimes/runtime.hpp"

namespace trireme {

/// Which shell runs the cells. Plain shells keep only folder, variables and umask between cells;
/// bash keeps functions, arrays, aliases and options too.
enum class ShellKind { kBash, kPlain };

/// The descriptors that a shell gets from us; plain shells can name those of one digit only.
inline constexpr int kCellDescriptor = 9;
inline constexpr int kStateDescriptor = 8;     // what to start from
inline constexpr int kNewStateDescriptor = 7;  // what to leave

/// For `sh -c`: takes over the state, runs the cell, leaves the state, exits with the cell's
/// status.
std::string driver_script(ShellKind kind);
/// The text that driver_script runs for a cell; lines keep their numbers.
std::string cell_script(std::string_view code);

/// Whether the shell's own judgement (`sh -n` on the text: its exit code and messages) means that
/// more lines are wanted.
Completeness::State judge_completeness(std::string_view code, int exit_code,
                                       std::string_view messages);

/// The word that ends at `cursor`, and what kind of thing may stand there.
struct ShellWord {
  enum class Kind { kCommand, kVariable, kFile };
  Kind kind = Kind::kCommand;
  std::size_t begin = 0;  // of the word; for variables after the '$' or '${'
  std::size_t end = 0;
};
ShellWord word_at(std::string_view code, std::size_t cursor);

}  // namespace trireme
