// trireme console: cells typed by a person, run on all chosen engines at once.
#include <csignal>
#include <memory>

#include <trireme/client.hpp>

#include "cli/cell_lines.hpp"
#include "cli/cell_run.hpp"
#include "cli/cluster_access.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/line_reader.hpp"
#include "cli/output.hpp"
#include "cli/task_cancel.hpp"

namespace trireme::cli {
namespace {

constexpr std::string_view kWelcome =
    "Cells run on the engines; %targets 0,2 chooses some, %quit or Ctrl-D leaves, Ctrl-C "
    "interrupts.\n"
    "A cell goes on while a bracket is open; one that begins with %% ends with an empty line.\n";

struct ConsoleOptions {
  ProfileChoice choice;
  std::string targets = "all";
};

class Console {
 public:
  Console(const ConsoleOptions& options, const Client& client)
      : client_(client),
        targets_(options.targets),
        lines_(resolve_profile(options.choice).dir / "trireme_console_history") {}

  int run() {
    std::signal(SIGINT, SIG_IGN);  // while a line is typed
    while (const auto cell = read_cell()) {
      if (*cell == "%quit" || *cell == "%exit") break;
      try {
        run_line(*cell);
      } catch (const std::exception& failure) {
        print_error("trireme: " + std::string(failure.what()) + "\n");
        failed_ = true;
      }
    }
    return failed_ ? kExitFailed : kExitOk;
  }

 private:
  std::optional<std::string> read_cell() {
    auto line = lines_.read("trireme> ");
    if (!line) return std::nullopt;
    lines_.remember(*line);
    std::string cell = *line;
    while (wants_more_lines(cell)) {
      line = lines_.read("    ...> ");
      if (!line) break;
      lines_.remember(*line);
      cell += "\n" + *line;
      if (cell.starts_with("%%") && line->empty()) break;
    }
    return cell;
  }

  void run_line(const std::string& cell) {
    constexpr std::string_view kTargets = "%targets";
    if (cell.find_first_not_of(" \t\n") == std::string::npos) return;
    if (cell.starts_with(kTargets)) {
      const std::size_t word = cell.find_first_not_of(' ', kTargets.size());
      const std::string wanted = word == std::string::npos ? "all" : cell.substr(word);
      chosen_engines(client_, wanted);  // complains
      targets_ = wanted;
      return;
    }
    const InterruptWatch watch;
    const auto engines = chosen_engines(client_, targets_);
    failed_ = !run_cell(client_, engines, cell, [&] { return watch.interrupted(); });
    std::signal(SIGINT, SIG_IGN);
  }

  const Client& client_;
  std::string targets_;
  LineReader lines_;
  bool failed_ = false;  // the latest cell
};

int console(const ConsoleOptions& options) {
  const auto client = connect(options.choice);
  chosen_engines(*client, options.targets);  // complains
  print(std::string(kWelcome));
  return Console(options, *client).run();
}

}  // namespace

void add_console(CommandLine& program) {
  const auto options = std::make_shared<ConsoleOptions>();
  Subcommand command =
      program.subcommand("console", "Takes cells from a person and runs them on the engines");
  command.option("-t,--targets", options->targets, "Engines: ids such as 0,2 or 4-7 (all)");
  command.cluster_options(options->choice);
  command.footer("Ends with 1 when the last cell failed.");
  command.on_chosen([options] { return console(*options); });
}

}  // namespace trireme::cli
