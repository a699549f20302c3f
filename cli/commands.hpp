// The subcommands of `trireme`: each adds its options and says what to run when it is chosen.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

namespace CLI {
class App;
}

namespace trireme::cli {

/// What the chosen subcommand does once the command line is read; returns the exit code.
using Action = std::function<int()>;

/// Ends a command: main prints the sentence and exits with the code.
class CommandFailed : public std::runtime_error {
 public:
  CommandFailed(int exit_code, const std::string& sentence)
      : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

// Each adds one subcommand to `app`; parsing it sets `chosen`.
void add_start(CLI::App& app, Action& chosen);
void add_stop(CLI::App& app, Action& chosen);
void add_engines(CLI::App& app, Action& chosen);
void add_status(CLI::App& app, Action& chosen);
void add_run(CLI::App& app, Action& chosen);
void add_map(CLI::App& app, Action& chosen);
void add_history(CLI::App& app, Action& chosen);
void add_result(CLI::App& app, Action& chosen);

}  // namespace trireme::cli
