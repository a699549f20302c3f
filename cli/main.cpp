#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <trireme/errors.hpp>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/trailing_command.hpp"

namespace trireme::cli {
namespace {

constexpr const char* kVersion = TRIREME_VERSION;

constexpr const char* kAfterwards =
    "Exit codes: 0 all went well, 1 something failed, 2 wrong command line, 3 no cluster is\n"
    "running; `run` ends with the exit code of its command.\n"
    "Each command explains itself: trireme COMMAND --help";

constexpr void (*kCommands[])(CLI::App&, Action&) = {
    add_start, add_stop, add_engines, add_status, add_run, add_map, add_history, add_result,
};

int complain(int exit_code, const char* sentence) {
  std::fprintf(stderr, "trireme: %s\n", sentence);
  return exit_code;
}

int run(int argc, char** argv) {
  CLI::App app("Runs clusters of engines on this machine and sends them work.", "trireme");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.footer(kAfterwards);
  Action chosen;
  for (const auto add : kCommands) add(app, chosen);
  try {
    std::vector<std::string> words = protect_double_dash({argv + 1, argv + argc});
    std::reverse(words.begin(), words.end());  // as the parser wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  try {
    return chosen();
  } catch (const CommandFailed& failure) {
    return complain(failure.exit_code(), failure.what());
  } catch (const std::exception& failure) {
    return complain(kExitFailed, failure.what());
  }
}

}  // namespace
}  // namespace trireme::cli

int main(int argc, char** argv) { return trireme::cli::run(argc, argv); }
