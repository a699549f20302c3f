#include <cstdio>
#include <exception>

#include "cli/commands.hpp"
#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

constexpr const char* kAfterwards =
    "Exit codes: 0 all went well, 1 something failed, 2 wrong command line, 3 no cluster is\n"
    "running; `run` ends with the exit code of its command.\n"
    "Each command explains itself: trireme COMMAND --help";

constexpr void (*kCommands[])(CommandLine&) = {
    add_start, add_stop,    add_engines, add_status, add_run,        add_map,
    add_exec,  add_console, add_history, add_result, add_kernelspec,
};

int complain(int exit_code, const char* sentence) {
  std::fprintf(stderr, "trireme: %s\n", sentence);
  return exit_code;
}

int run(int argc, char** argv) {
  CommandLine program("trireme", "Runs clusters of engines on this machine and sends them work.",
                      TRIREME_VERSION);
  program.footer(kAfterwards);
  for (const auto add : kCommands) add(program);
  try {
    return program.run({argv + 1, argv + argc});
  } catch (const CommandFailed& failure) {
    return complain(failure.exit_code(), failure.what());
  } catch (const std::exception& failure) {
    return complain(kExitFailed, failure.what());
  }
}

}  // namespace
}  // namespace trireme::cli

int main(int argc, char** argv) { return trireme::cli::run(argc, argv); }
