#include "cli/trailing_command.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

/// Stands for `--` while the parser is at work; no argument of a program can hold its NUL.
const std::string kProtected("x--\0", 4);

}  // namespace

void expect_trailing_command(CLI::App& command) { command.prefix_command(); }

std::vector<std::string> protect_double_dash(std::vector<std::string> words) {
  if (!words.empty() && (words.front() == "run" || words.front() == "map")) {
    std::replace(words.begin(), words.end(), std::string("--"), kProtected);
  }
  return words;
}

std::vector<std::string> trailing_command(const CLI::App& command) {
  std::vector<std::string> words = command.remaining();
  if (!words.empty() && words.front() == kProtected) {
    words.erase(words.begin());
  } else if (!words.empty() && words.front().size() > 1 && words.front().starts_with("-")) {
    throw CommandFailed(kExitUsage, "unknown option " + words.front() + "; see trireme " +
                                        command.get_name() +
                                        " --help, or write -- before a command that begins with -");
  }
  std::replace(words.begin(), words.end(), kProtected, std::string("--"));
  return words;
}

}  // namespace trireme::cli
