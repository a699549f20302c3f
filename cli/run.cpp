// trireme run: one program on whichever engine is free, as if it ran here.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <iterator>

#include <trireme/client.hpp>

#include "cli/cluster_access.hpp"
#include "cli/command_template.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "cli/remote_command.hpp"
#include "cli/task_cancel.hpp"

namespace trireme::cli {
namespace {

constexpr std::chrono::milliseconds kLookInterval{40};
/// Output may arrive a little after the result.
constexpr std::chrono::seconds kLateOutput{5};

struct RunOptions {
  ProfileChoice choice;
  RemoteCommand command;
  bool pass_input = false;
  bool exact = false;
  bool json = false;
  std::vector<int> engines;
  std::string label;
};

/// Prints what is new in the task's output so far, up to the first piece that was lost.
class LiveOutput {
 public:
  void follow(const TaskInfo& task) {
    if (!task.output_whole) return;
    print(task.stdout_text.substr(std::min(out_, task.stdout_text.size())));
    print_error(task.stderr_text.substr(std::min(err_, task.stderr_text.size())));
    out_ = task.stdout_text.size();
    err_ = task.stderr_text.size();
  }
  /// Prints what did not come by itself: the result has it all.
  void complete(const TaskInfo& task, const CommandEnd& end) {
    if (end.out.starts_with(task.stdout_text.substr(0, out_))) print(end.out.substr(out_));
    if (end.err.starts_with(task.stderr_text.substr(0, err_))) print_error(end.err.substr(err_));
  }

 private:
  std::size_t out_ = 0;
  std::size_t err_ = 0;
};

std::string read_standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void print_for_programs(const AsyncResult<Value>& task, const CommandEnd& end) {
  print_json(Dict{{"msg_id", task.msg_ids().front()},
                  {"exit_code", end.failure.empty() ? Value(end.exit_code) : Value()},
                  {"signal", end.signal.empty() ? Value() : Value(end.signal)},
                  {"error", end.failure.empty() ? Value() : Value(end.failure)},
                  {"engine", end.engine_id},
                  {"seconds", end.seconds},
                  {"stdout", end.out},
                  {"stderr", end.err}});
}

int finish(const AsyncResult<Value>& task, const RunOptions& options, bool live,
           LiveOutput& output) {
  if (live) {
    task.wait_for_output(kLateOutput);
    output.follow(task.task(0));
  }
  const CommandEnd end = read_end(task);
  if (options.json) {
    print_for_programs(task, end);
  } else if (live) {
    output.complete(task.task(0), end);
  } else {
    print(end.out);
    print_error(end.err);
  }
  if (!end.failure.empty()) throw CommandFailed(kExitFailed, end.failure);
  return end.exit_code;
}

int run(RunOptions options) {
  if (options.command.words.empty()) {
    throw CommandFailed(kExitUsage, "no command given; write: trireme run COMMAND [ARGUMENT]...");
  }
  if (options.command.folder.empty()) {
    options.command.folder = std::filesystem::current_path().string();
  }
  if (options.command.shell) options.command.words = {join(options.command.words)};
  const auto client = connect(options.choice);
  if (client->ids().empty()) {
    throw CommandFailed(kExitFailed, "the cluster has no engines; add some: trireme engines add" +
                                         choice_words(options.choice));
  }
  if (options.pass_input) options.command.input = read_standard_input();
  const bool live = !options.json && !options.exact;
  const InterruptWatch watch;
  const auto task =
      submit(client->load_balanced_view(options.engines).label(options.label), options.command);
  LiveOutput output;
  bool cancelled = false;
  while (!task.wait_for(kLookInterval)) {
    if (live) output.follow(task.task(0));
    if (watch.interrupted() && !cancelled) {
      cancel_tasks(*client, task.msg_ids());
      cancelled = true;
    }
  }
  if (!cancelled) return finish(task, options, live, output);
  if (live) output.follow(task.task(0));
  return watch.exit_code();
}

}  // namespace

void add_run(CommandLine& program) {
  const auto options = std::make_shared<RunOptions>();
  Subcommand command = program.subcommand(
      "run", "Runs a program on a free engine; its output and exit code become ours");
  command.flag("-s,--shell", options->command.shell, "The command is a line of shell");
  command.flag("-i,--stdin", options->pass_input, "Pass our standard input on to it");
  command.option("--cwd", options->command.folder,
                 "Folder it runs in, on the engine (default: the one we are in)");
  command.repeated("--env", options->command.settings, "NAME=VALUE for it");
  command.repeated("--engine", options->engines, "Id of an engine that may run it");
  command.option("--label", options->label, "Stored with the task");
  command.flag("--exact", options->exact,
               "Print its output at the end, byte for byte, instead of as it comes");
  command.flag("--json", options->json, "Print exit code, output and engine as JSON");
  command.cluster_options(options->choice);
  command.expect_trailing_command();
  command.footer(
      "Usage: trireme run [OPTIONS] COMMAND [ARGUMENT]...\n"
      "Ends with the exit code of the program; 128 and the number of the signal that killed it.\n"
      "Example: trireme run sort --unique words.txt");
  command.on_chosen([options, command] {
    options->command.words = command.trailing_command();
    return run(*options);
  });
}

}  // namespace trireme::cli
