// trireme map: one program, once per input, spread over the engines.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/command_template.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/map_run.hpp"
#include "cli/output.hpp"
#include "cli/progress_bar.hpp"
#include "cli/task_cancel.hpp"
#include "cli/text_table.hpp"

namespace trireme::cli {
namespace {

constexpr std::size_t kFailuresListed = 10;
constexpr std::size_t kInputColumns = 60;

struct MapOptions {
  ProfileChoice choice;
  RemoteCommand command;
  std::string inputs_file;
  bool nul_separated = false;
  bool keep_going = false;
  bool unordered = false;
  bool json = false;
  bool quiet = false;
  bool dry_run = false;
  std::size_t retries = 0;
  std::vector<int> engines;
  std::string label;
};

std::string read_all(std::istream& stream) {
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::string> read_inputs(const MapOptions& options) {
  const char separator = options.nul_separated ? '\0' : '\n';
  if (!options.inputs_file.empty() && options.inputs_file != "-") {
    std::ifstream file(options.inputs_file, std::ios::binary);
    if (!file)
      throw CommandFailed(kExitFailed, "cannot read the inputs file " + options.inputs_file);
    return split_inputs(read_all(file), separator);
  }
  if (::isatty(STDIN_FILENO) == 1) {
    throw CommandFailed(kExitUsage,
                        "no inputs given; write them after :::, or pipe them in, one per line");
  }
  return split_inputs(read_all(std::cin), separator);
}

/// The command for each input.
class Commands {
 public:
  Commands(const MapOptions& options, const std::vector<std::string>& words) : options_(options) {
    Result<MapWords> split = split_at_inputs(words);
    if (!split) throw CommandFailed(kExitUsage, split.error().text);
    template_ = std::move(split->command);
    if (options.command.shell) template_ = {join(template_)};
    inputs_ = split->inputs ? *std::move(split->inputs) : read_inputs(options);
  }

  std::size_t size() const { return inputs_.size(); }
  const std::string& input(std::size_t index) const { return inputs_[index]; }

  RemoteCommand command(std::size_t index) const {
    RemoteCommand command = options_.command;
    if (command.shell) {
      command.words = {shell_line_for(template_.front(), inputs_[index], index)};
    } else {
      command.words = command_for(template_, inputs_[index], index);
    }
    return command;
  }

  /// As people would type it.
  std::string line(std::size_t index) const {
    const RemoteCommand one = command(index);
    return one.shell ? one.words.front() : shell_words(one.words);
  }

 private:
  const MapOptions& options_;
  std::vector<std::string> template_;
  std::vector<std::string> inputs_;
};

/// Prints outcomes, and at the end how many there were of each kind.
class MapReport {
 public:
  MapReport(const MapOptions& options, const Commands& commands)
      : options_(options), commands_(commands), bar_(!options.quiet) {}

  void show(const MapOutcome& outcome) {
    bar_.clear();
    if (options_.json) {
      print_json(to_value(outcome), false);
    } else {
      print(outcome.end.out);
      print_error(outcome.end.err);
    }
    if (!outcome.end.ok()) failures_.push_back(outcome.index);
    if (!outcome.end.ok()) reasons_.push_back(outcome.end.describe());
  }

  void draw(const MapCounts& counts) {
    bar_.draw({.done = counts.done(), .total = commands_.size(), .failed = counts.failed});
  }

  void finish(const MapCounts& counts, std::size_t engines) {
    bar_.clear();
    if (options_.quiet) return;
    const std::size_t listed = std::min(failures_.size(), kFailuresListed);
    std::string text;
    for (std::size_t i = 0; i < listed; ++i) {
      text += "failed: " + one_line(commands_.input(failures_[i]), kInputColumns) + " (" +
              reasons_[i] + ")\n";
    }
    if (failures_.size() > listed) {
      text += "failed: " + std::to_string(failures_.size() - listed) + " more\n";
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_;
    text += std::to_string(counts.ok) + " ok, " + std::to_string(counts.failed) + " failed";
    if (counts.skipped > 0) text += ", " + std::to_string(counts.skipped) + " not run";
    text += " in " + describe_seconds(took.count()) + " on " + counted(engines, "engine") + "\n";
    print_error(text);
  }

 private:
  Value to_value(const MapOutcome& outcome) const {
    const CommandEnd& end = outcome.end;
    return Dict{{"index", outcome.index},
                {"input", commands_.input(outcome.index)},
                {"command", commands_.line(outcome.index)},
                {"exit_code", end.failure.empty() ? Value(end.exit_code) : Value()},
                {"signal", end.signal.empty() ? Value() : Value(end.signal)},
                {"error", end.failure.empty() ? Value() : Value(end.failure)},
                {"engine", end.engine_id},
                {"seconds", end.seconds},
                {"stdout", end.out},
                {"stderr", end.err}};
  }

  const MapOptions& options_;
  const Commands& commands_;
  ProgressBar bar_;
  std::vector<std::size_t> failures_;
  std::vector<std::string> reasons_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

int dry_run(const Commands& commands) {
  for (std::size_t i = 0; i < commands.size(); ++i) print(commands.line(i) + "\n");
  return kExitOk;
}

int map(MapOptions options, const std::vector<std::string>& words) {
  if (options.command.folder.empty()) {
    options.command.folder = std::filesystem::current_path().string();
  }
  options.command.fail_on_exit_code = options.retries > 0;
  const Commands commands(options, words);
  if (options.dry_run) return dry_run(commands);
  const auto client = connect(options.choice);
  const std::size_t engines =
      options.engines.empty() ? client->ids().size() : options.engines.size();
  if (engines == 0) {
    throw CommandFailed(kExitFailed, "the cluster has no engines; add some: trireme engines add" +
                                         choice_words(options.choice));
  }
  const auto view = client->load_balanced_view(options.engines)
                        .label(options.label)
                        .retries(static_cast<int>(options.retries));
  MapReport report(options, commands);
  const InterruptWatch watch;
  MapRun run;
  run.count = commands.size();
  run.submit = [&](std::size_t index) { return submit(view, commands.command(index)); };
  run.show = [&](const MapOutcome& outcome) { report.show(outcome); };
  run.draw = [&](const MapCounts& counts) { report.draw(counts); };
  run.interrupted = [&] { return watch.interrupted(); };
  run.cancel = [&](const std::vector<std::string>& ids) { cancel_tasks(*client, ids); };
  run.window = std::max<std::size_t>(64, 8 * engines);
  run.keep_going = options.keep_going;
  run.ordered = !options.unordered;
  const MapCounts counts = run_map(run);
  report.finish(counts, engines);
  if (watch.interrupted()) return watch.exit_code();
  return counts.failed + counts.skipped == 0 ? kExitOk : kExitFailed;
}

void add_map_options(Subcommand& command, MapOptions& options) {
  command.flag("-s,--shell", options.command.shell, "The command is a line of shell");
  command.flag("-k,--keep-going", options.keep_going, "Go on after a failure");
  command.option("--retries", options.retries, 0, 100, "Further attempts for an input that fails");
  command.option("-a,--inputs", options.inputs_file, "Read inputs from this file, one per line");
  command.flag("-0,--null", options.nul_separated, "Inputs end with NUL bytes, not lines");
  command.flag("-u,--unordered", options.unordered, "Print output as tasks end");
  command.option("--cwd", options.command.folder,
                 "Folder it runs in, on the engine (default: the one we are in)");
  command.repeated("--env", options.command.settings, "NAME=VALUE for it");
  command.repeated("--engine", options.engines, "Id of an engine that may run it");
  command.option("--label", options.label, "Stored with the tasks");
  command.flag("-n,--dry-run", options.dry_run, "Print the commands and run nothing");
  command.flag("--json", options.json, "Print one JSON object per input and line");
  command.flag("-q,--quiet", options.quiet, "No progress bar and no summary");
  command.cluster_options(options.choice);
}

}  // namespace

void add_map(CommandLine& program) {
  const auto options = std::make_shared<MapOptions>();
  Subcommand command =
      program.subcommand("map", "Runs a program once per input, on all engines at once");
  add_map_options(command, *options);
  command.expect_trailing_command();
  command.footer(
      "Usage: trireme map [OPTIONS] COMMAND... ::: INPUT...\n"
      "Without ::: the inputs are the lines of standard input. In the command stand\n"
      "  {}   for the input        {.}  for it without its extension   {#}  for its number\n"
      "  {/}  for its last part    {//} for its folder\n"
      "and a command without any of them gets the input as last argument. Output is printed in\n"
      "the order of the inputs. Exits with 1 when an input failed.\n"
      "Example: trireme map gzip -k {} ::: *.txt");
  command.on_chosen([options, command] { return map(*options, command.trailing_command()); });
}

}  // namespace trireme::cli
