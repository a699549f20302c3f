// trireme console: cells typed by a person, run on all chosen engines at once.
#include <algorithm>
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
#include "session/characters.hpp"

namespace trireme::cli {
namespace {

constexpr std::string_view kWelcome =
    "Cells run on the engines; %targets 0,2 chooses some, %quit or Ctrl-D leaves.\n"
    "Tab completes names, Ctrl-C interrupts. A cell goes on while a bracket is open;\n"
    "one that begins with %% ends with an empty line.\n";

/// An engine that is busy does not answer: nobody waits long for a Tab.
constexpr std::chrono::seconds kCompletionPatience{2};

/// What may replace cell[begin, end), out of what may replace cell[found_begin, end).
std::vector<std::string> words_for(std::vector<std::string> matches, std::string_view cell,
                                   std::size_t begin, std::size_t found_begin) {
  const std::string_view before = cell.substr(0, std::max(begin, found_begin));
  const std::string_view between = before.substr(std::min(begin, found_begin));
  std::vector<std::string> words;
  for (std::string& match : matches) {
    if (found_begin >= begin) {
      words.push_back(std::string(between) + match);
    } else if (match.starts_with(between)) {
      words.push_back(match.substr(between.size()));
    }
  }
  return words;
}

struct ConsoleOptions {
  ProfileChoice choice;
  std::string targets = "all";
};

class Console {
 public:
  Console(const ConsoleOptions& options, const Client& client)
      : client_(client),
        targets_(options.targets),
        lines_(resolve_profile(options.choice).dir / "trireme_console_history") {
    lines_.complete_with([this](std::string_view line, std::size_t begin, std::size_t end) {
      return completions(line, begin, end);
    });
  }

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
    before_.clear();
    auto line = lines_.read("trireme> ");
    if (!line) return std::nullopt;
    lines_.remember(*line);
    std::string cell = *line;
    while (wants_more_lines(cell)) {
      before_ = cell + "\n";
      line = lines_.read("    ...> ");
      if (!line) break;
      lines_.remember(*line);
      cell += "\n" + *line;
      if (cell.starts_with("%%") && line->empty()) break;
    }
    return cell;
  }

  /// As the first of the chosen engines knows them.
  std::vector<std::string> completions(std::string_view line, std::size_t begin, std::size_t end) {
    try {
      const std::string cell = before_ + std::string(line);
      const int engine = chosen_engines(client_, targets_).front();
      const std::size_t cursor = count_characters(cell.substr(0, before_.size() + end));
      const auto asked = client_.engine(engine).complete(cell, cursor);
      if (!asked.wait_for(kCompletionPatience)) {
        client_.abort(asked.msg_ids());
        return {};
      }
      const CodeCompletions found = asked.get();
      return words_for(found.matches, cell, before_.size() + begin,
                       byte_position(cell, static_cast<std::size_t>(
                                               std::max<std::int64_t>(found.cursor_start, 0))));
    } catch (const std::exception&) {
      return {};  // while a line is typed is no time for complaints
    }
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
  std::string before_;   // the lines of the cell that are typed already
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
