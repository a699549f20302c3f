// The command line as subcommands declare it; the parser behind it is nobody else's business.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "session/profile.hpp"

namespace CLI {
class App;
}

namespace trireme::cli {

/// Ends a command: main prints the sentence and exits with the code.
class CommandFailed : public std::runtime_error {
 public:
  CommandFailed(int exit_code, const std::string& sentence)
      : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// One subcommand. What options fill in must live until the command has run; on_chosen() is a good
/// place to keep it. Names are as in `-n,--engines`.
class Subcommand {
 public:
  void flag(const std::string& names, bool& set, const std::string& help);
  void option(const std::string& names, std::string& text, const std::string& help);
  void option(const std::string& names, std::optional<std::string>& text, const std::string& help);
  void option(const std::string& names, std::optional<int>& number, const std::string& help);
  void option(const std::string& names, double& positive, const std::string& help);
  /// Whole numbers from `least` to `most`; the help shows the default.
  void option(const std::string& names, std::size_t& number, std::size_t least, std::size_t most,
              const std::string& help);
  /// One of `choices`.
  void option(const std::string& names, std::string& text, const std::vector<std::string>& choices,
              const std::string& help);
  /// May be given several times, each time with one value.
  void repeated(const std::string& names, std::vector<std::string>& texts, const std::string& help);
  void repeated(const std::string& names, std::vector<int>& numbers, const std::string& help);
  /// Arguments without a name.
  void argument(const std::string& name, std::string& text, const std::string& help);
  void optional_argument(const std::string& name, std::string& text, const std::string& help);
  void arguments(const std::string& name, std::vector<int>& numbers, const std::string& help);
  /// Whatever follows `--`.
  void arguments_after_dashes(const std::string& name, std::vector<std::string>& words,
                              const std::string& help);
  /// --profile, --profile-dir, --ipython-dir and --cluster-id.
  void cluster_options(ProfileChoice& choice);

  /// From the first word that is no option on, everything belongs to somebody else's command (or
  /// follows `--`, which the command may have as well); for subcommands without arguments.
  void expect_trailing_command();
  /// Its words, once the command line is read. CommandFailed with kExitUsage for an option nobody
  /// knows.
  std::vector<std::string> trailing_command() const;

  /// Printed at the end of the help.
  void footer(const std::string& text);
  Subcommand subcommand(const std::string& name, const std::string& help);
  /// What runs when this is chosen; returns the exit code.
  void on_chosen(std::function<int()> action);

 private:
  friend class CommandLine;
  Subcommand(CLI::App* app, std::function<int()>* chosen) : app_(app), chosen_(chosen) {}

  CLI::App* app_;                 // owned by the CommandLine
  std::function<int()>* chosen_;  // likewise
};

/// The whole command line of a program with subcommands.
class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& help, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  void footer(const std::string& text);
  Subcommand subcommand(const std::string& name, const std::string& help);

  /// Reads the words behind the program's name and runs what they choose. Prints help, version and
  /// what is wrong with the words. Returns the exit code; lets exceptions of commands pass.
  int run(std::vector<std::string> words);

 private:
  std::unique_ptr<CLI::App> app_;
  std::unique_ptr<std::function<int()>> chosen_;
};

}  // namespace trireme::cli
