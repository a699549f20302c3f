#include "cli/command_line.hpp"

#include <algorithm>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/exit_code.hpp"

namespace trireme::cli {
namespace {

/// Stands for `--` while the parser is at work, which would take one for itself; no argument of a
/// program can hold its NUL.
const std::string kProtectedDashes("x--\0", 4);

/// Commands that run somebody else's command may be given a `--` of that command.
void protect_dashes(std::vector<std::string>& words, const CLI::App& app) {
  if (words.empty()) return;
  const auto commands = app.get_subcommands([&words](const CLI::App* command) {
    return command->get_name() == words.front() && command->get_prefix_command();
  });
  if (commands.empty()) return;
  std::replace(words.begin(), words.end(), std::string("--"), kProtectedDashes);
}

}  // namespace

void Subcommand::flag(const std::string& names, bool& set, const std::string& help) {
  app_->add_flag(names, set, help);
}

void Subcommand::option(const std::string& names, std::string& text, const std::string& help) {
  app_->add_option(names, text, help);
}

void Subcommand::option(const std::string& names, std::optional<std::string>& text,
                        const std::string& help) {
  app_->add_option(names, text, help);
}

void Subcommand::option(const std::string& names, std::optional<int>& number,
                        const std::string& help) {
  app_->add_option(names, number, help);
}

void Subcommand::option(const std::string& names, double& positive, const std::string& help) {
  app_->add_option(names, positive, help)->check(CLI::PositiveNumber)->capture_default_str();
}

void Subcommand::option(const std::string& names, std::size_t& number, std::size_t least,
                        std::size_t most, const std::string& help) {
  app_->add_option(names, number, help)
      ->check(CLI::Range(least, most))
      ->type_name("NUMBER")
      ->capture_default_str();
}

void Subcommand::option(const std::string& names, std::string& text,
                        const std::vector<std::string>& choices, const std::string& help) {
  app_->add_option(names, text, help)->check(CLI::IsMember(choices));
}

void Subcommand::repeated(const std::string& names, std::vector<std::string>& texts,
                          const std::string& help) {
  app_->add_option(names, texts, help + "; repeat")->allow_extra_args(false);
}

void Subcommand::repeated(const std::string& names, std::vector<int>& numbers,
                          const std::string& help) {
  app_->add_option(names, numbers, help + "; repeat")->allow_extra_args(false);
}

void Subcommand::optional_argument(const std::string& name, std::string& text,
                                   const std::string& help) {
  app_->add_option(name, text, help);
}

void Subcommand::argument(const std::string& name, std::string& text, const std::string& help) {
  app_->add_option(name, text, help)->required();
}

void Subcommand::arguments(const std::string& name, std::vector<int>& numbers,
                           const std::string& help) {
  app_->add_option(name, numbers, help)->required();
}

void Subcommand::arguments_after_dashes(const std::string& name, std::vector<std::string>& words,
                                        const std::string& help) {
  app_->add_option(name, words, help + ", after --");
}

void Subcommand::cluster_options(ProfileChoice& choice) {
  const auto group = app_->add_option_group("Which cluster");
  group->add_option("--profile", choice.profile, "Name of the profile (default: 'default')");
  group->add_option("--profile-dir", choice.profile_dir,
                    "Folder of the profile (default: $IPP_PROFILE_DIR)");
  group->add_option("--ipython-dir", choice.ipython_dir,
                    "Where profiles are (default: $IPYTHONDIR, else ~/.ipython)");
  group->add_option("--cluster-id", choice.cluster_id,
                    "Tells clusters of one profile apart (default: $IPP_CLUSTER_ID)");
}

void Subcommand::expect_trailing_command() { app_->prefix_command(); }

std::vector<std::string> Subcommand::trailing_command() const {
  std::vector<std::string> words = app_->remaining();
  if (!words.empty() && words.front() == kProtectedDashes) {
    words.erase(words.begin());
  } else if (!words.empty() && words.front().size() > 1 && words.front().starts_with("-")) {
    throw CommandFailed(kExitUsage, "unknown option " + words.front() + "; see trireme " +
                                        app_->get_name() +
                                        " --help, or write -- before a command that begins with -");
  }
  std::replace(words.begin(), words.end(), kProtectedDashes, std::string("--"));
  return words;
}

void Subcommand::footer(const std::string& text) { app_->footer(text); }

Subcommand Subcommand::subcommand(const std::string& name, const std::string& help) {
  app_->require_subcommand(1);
  return {app_->add_subcommand(name, help), chosen_};
}

void Subcommand::on_chosen(std::function<int()> action) {
  app_->callback([chosen = chosen_, action = std::move(action)] { *chosen = action; });
}

CommandLine::CommandLine(const std::string& program, const std::string& help,
                         const std::string& version)
    : app_(std::make_unique<CLI::App>(help, program)),
      chosen_(std::make_unique<std::function<int()>>()) {
  app_->set_version_flag("--version", version);
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

void CommandLine::footer(const std::string& text) { app_->footer(text); }

Subcommand CommandLine::subcommand(const std::string& name, const std::string& help) {
  return {app_->add_subcommand(name, help), chosen_.get()};
}

int CommandLine::run(std::vector<std::string> words) {
  protect_dashes(words, *app_);
  std::reverse(words.begin(), words.end());  // as the parser wants them
  try {
    app_->parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return (*chosen_)();
}

}  // namespace trireme::cli
