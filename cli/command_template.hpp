// The command of `trireme map`: where its inputs begin, and the command for one input.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "session/result.hpp"

namespace trireme::cli {

/// `COMMAND... ::: INPUT...` taken apart; no inputs when there is no `:::`.
struct MapWords {
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> inputs;
};

/// kExitUsage when there is no command before `:::`.
Result<MapWords> split_at_inputs(const std::vector<std::string>& words);

/// The command for one input: each of these is replaced in every word:
///   {} the input   {.} without its extension   {/} its last path component   {//} its folder
///   {#} its number, counted from 1
/// A command without any of them gets the input as last word.
std::vector<std::string> command_for(const std::vector<std::string>& command,
                                     const std::string& input, std::size_t index);

/// The same for one line of shell, where what is put in is quoted.
std::string shell_line_for(const std::string& line, const std::string& input, std::size_t index);

/// The text as one word of POSIX shell.
std::string shell_quote(std::string_view text);

/// A command as people would type it.
std::string shell_words(const std::vector<std::string>& words);

/// Words with blanks between them, as they are.
std::string join(const std::vector<std::string>& words);

/// Text of a file or of standard input as inputs: its lines (or what NUL bytes separate), without
/// empty ones.
std::vector<std::string> split_inputs(std::string_view text, char separator);

}  // namespace trireme::cli
