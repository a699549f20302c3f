// trireme exec: code in the engines' own language, with its output as it comes.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <trireme/client.hpp>

#include "cli/cell_run.hpp"
#include "cli/cluster_access.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/task_cancel.hpp"

namespace trireme::cli {
namespace {

struct ExecOptions {
  ProfileChoice choice;
  std::string targets = "all";
  std::string code;
  std::string file;
};

std::string code_of(const ExecOptions& options) {
  if (!options.code.empty() && !options.file.empty()) {
    throw CommandFailed(kExitUsage, "give either code or --file, not both");
  }
  if (!options.code.empty() && options.code != "-") return options.code;
  if (options.file.empty()) {
    return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
  }
  std::ifstream file(options.file, std::ios::binary);
  if (!file) throw CommandFailed(kExitFailed, "the file " + options.file + " cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int exec(const ExecOptions& options) {
  const std::string code = code_of(options);
  const auto client = connect(options.choice);
  const std::vector<int> engines = chosen_engines(*client, options.targets);
  const InterruptWatch watch;
  const bool good = run_cell(*client, engines, code, [&] { return watch.interrupted(); });
  if (watch.interrupted()) return watch.exit_code();
  return good ? kExitOk : kExitFailed;
}

}  // namespace

void add_exec(CommandLine& program) {
  const auto options = std::make_shared<ExecOptions>();
  Subcommand command = program.subcommand(
      "exec", "Runs code on engines, in their language, and shows what it gives");
  command.option("-t,--targets", options->targets, "Engines: ids such as 0,2 or 4-7 (all)");
  command.option("-f,--file", options->file, "File that holds the code");
  command.optional_argument("code", options->code,
                            "The code; without it or with -, standard input");
  command.cluster_options(options->choice);
  command.footer(
      "Cells of the shell begin with a line %%sh. Ends with 1 when the code failed somewhere.\n"
      "Example: trireme exec -t 0,1 'int a = 6; a * 7'");
  command.on_chosen([options] { return exec(*options); });
}

}  // namespace trireme::cli
