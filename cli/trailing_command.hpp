// `trireme run [OPTIONS] COMMAND...`: where our options end and somebody else's command begins.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace trireme::cli {

/// From the first word that is no option on, everything belongs to the command (or follows `--`).
/// Call before parsing; the subcommand may have no positional arguments.
void expect_trailing_command(CLI::App& command);

/// The words of a command line, ready for the parser: in subcommands with a trailing command it
/// shall not take a `--` for itself, because the command may have one too.
std::vector<std::string> protect_double_dash(std::vector<std::string> words);

/// The command's words after parsing. CommandFailed with kExitUsage for an option nobody knows.
std::vector<std::string> trailing_command(const CLI::App& command);

}  // namespace trireme::cli
