#include "cli/trailing_command.hpp"

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {

void expect_trailing_command(CLI::App& command) { command.prefix_command(); }

std::vector<std::string> trailing_command(const CLI::App& command) {
  std::vector<std::string> words = command.remaining();
  if (!words.empty() && words.front() == "--") {
    words.erase(words.begin());
  } else if (!words.empty() && words.front().size() > 1 && words.front().starts_with("-")) {
    throw CommandFailed(kExitUsage, "unknown option " + words.front() + "; see trireme " +
                                        command.get_name() +
                                        " --help, or write -- before a command that begins with -");
  }
  return words;
}

}  // namespace trireme::cli
