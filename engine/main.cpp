// trireme-engine: command line, log, the kernel process, and the engine itself.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/cells/languages.hpp"
#include "engine/connection_wait.hpp"
#include "engine/engine.hpp"
#include "engine/jupyter_kernel.hpp"
#include "engine/kernel/kernel_host.hpp"
#include "engine/kernel/kernel_main.hpp"
#include "engine/last_will.hpp"
#include "engine/options.hpp"
#include "engine/task_machinery.hpp"

namespace trireme {
namespace {

int exit_code_of(const Error& error) {
  return error.code == ErrorCode::kUsage ? kExitUsage : kExitConfiguration;
}

int complain(const Error& error) {
  std::fprintf(stderr, "trireme-engine: %s\n", error.text.c_str());
  return exit_code_of(error);
}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

/// The log keeps a stream of its own, for the common one will be taken over by the capture.
void keep_own_stderr() {
  const int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (FILE* own = descriptor < 0 ? nullptr : fdopen(descriptor, "w")) {
    std::setvbuf(own, nullptr, _IONBF, 0);
    stderr = own;
  }
}

Result<Log> open_log(const EngineOptions& options) {
  Log::Options wanted{"trireme-engine", options.log_level, std::nullopt};
  if (options.log_to_file) {
    const Profile profile = resolve_profile(options.profile);
    if (auto created = create_profile(profile); !created) return created.error();
    const std::string infix = profile.cluster_id.empty() ? "" : profile.cluster_id + "-";
    wanted.file = profile.log_dir() / ("ipengine-" + infix + std::to_string(getpid()) + ".log");
  }
  return Log::open(wanted);
}

/// What happens before the engine joins, and may end it.
struct Start {
  std::unique_ptr<TaskHost> host;
  std::optional<EngineExit> exit;  // instead of the host
};

EngineExit exit_with(int code) { return EngineExit{code, std::nullopt, false}; }

/// The words of the kernel process: those of the engine.
std::vector<std::string> kernel_words(int argc, char** argv) { return {argv + 1, argv + argc}; }

/// Starts the kernel process and waits until it has loaded everything.
Start start_kernel(const KernelHost::Parts& parts, SignalWatch& signals) {
  auto host = std::make_unique<KernelHost>(parts);
  if (auto spawned = host->spawn(); !spawned) {
    return {nullptr, exit_with(complain(spawned.error()))};
  }
  bool stopped = false;
  parts.loop.watch_fd(signals.fd(), [&] { stopped = signals.take().has_value() || stopped; });
  while (!host->is_ready() && !host->refusal() && !stopped) parts.loop.wait(std::nullopt);
  parts.loop.unwatch_fd(signals.fd());
  if (stopped) return {nullptr, exit_with(kExitOk)};
  if (!host->is_ready()) {
    std::fprintf(stderr, "trireme-engine: %s\n", host->refusal()->text.c_str());
    return {nullptr, exit_with(host->refusal()->exit_code)};
  }
  return {std::move(host), std::nullopt};
}

/// Joins a cluster and works for it, or works for front ends alone.
EngineExit work(const EngineOptions& options, TaskHost& host, PollLoop& loop, Log& log,
                SignalWatch& signals, LastWill* will) {
  const SystemClock clock;
  if (!options.kernel_file.empty()) {
    const bool has_parent = environment_variable("JPY_PARENT_PID").has_value();
    return run_jupyter_kernel({options, clock, log, signals, loop, host, has_parent});
  }
  const auto connection = wait_for_connection(options, clock, signals);
  if (!connection) {
    const bool asked_to_stop = connection.error().code == ErrorCode::kClosed;
    log.write(asked_to_stop ? LogLevel::kInfo : LogLevel::kError, connection.error().text);
    return exit_with(asked_to_stop ? kExitOk : kExitConfiguration);
  }
  if (!connection->ssh.empty()) {
    log.write(LogLevel::kWarning,
              "ssh tunnels are not supported: connecting directly instead of "
              "through " +
                  connection->ssh + ".");
  }
  const EngineParts parts{
      options, *connection, clock, log,
      signals, loop,        host,  resolve_profile(options.profile).security_dir(),
      will};
  const EngineExit exit = run_engine(parts);
  // A task that does not stop still uses its streams and the connection: no clean-up then.
  if (exit.tasks_running) std::_Exit(exit.code);
  return exit;
}

/// Where it is plain that cells of one language will come, its compiler is started at once; other
/// engines do without one until a cell comes.
CellPlan plan_cells(const EngineOptions& options) {
  CellPlan plan;
  plan.language_of = [offers = available_runtimes(),
                      wanted = options.language](const TaskRequest& request) {
    return request.kind == TaskRequest::Kind::kApply
               ? std::string()
               : language_of_cell(offers, wanted, request.code);
  };
  const bool expects_cells = !options.language.empty() || !options.kernel_file.empty();
  if (expects_cells) plan.at_once = default_language(available_runtimes(), options.language);
  return plan;
}

/// Tasks run in a process of their own, which may die of them.
EngineExit run_with_kernel(const EngineOptions& options, std::vector<std::string> words, Log& log,
                           SignalWatch& signals, LastWill* will) {
  const SystemClock clock;
  PollLoop loop;
  const TaskLimits limits{options.task_timeout, options.cpu_limit, options.memory_limit,
                          options.stop_grace};
  Start start =
      start_kernel({loop, clock, log, std::move(words), limits, plan_cells(options)}, signals);
  if (start.exit) return *start.exit;
  return work(options, *start.host, loop, log, signals, will);
}

/// Tasks run on threads of this process.
EngineExit run_in_process(const EngineOptions& options, Log& log, SignalWatch& signals,
                          LastWill* will) {
  const SystemClock clock;
  PollLoop loop;
  auto machinery = TaskMachinery::create(
      {options, loop, clock, [&log](LogLevel level, std::string text) { log.write(level, text); }});
  if (!machinery) return exit_with(complain(machinery.error()));
  if (auto entered = enter_work_folder(options); !entered) {
    return exit_with(complain(entered.error()));
  }
  return work(options, machinery->host(), loop, log, signals, will);
}

void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  sigset_t unblocked;
  sigemptyset(&unblocked);
  sigaddset(&unblocked, signal);
  pthread_sigmask(SIG_UNBLOCK, &unblocked, nullptr);
  std::raise(signal);
}

int run_engine_process(int argc, char** argv, const EngineCommandLine& command) {
  const EngineOptions& options = command.options;
  SignalWatch signals({SIGTERM, SIGINT, SIGHUP});
  std::signal(SIGPIPE, SIG_IGN);
  std::optional<LastWill> will;
  if (options.nanny && options.kernel_file.empty()) {
    auto started = LastWill::start();
    if (!started) return complain(started.error());
    will.emplace(std::move(*started));
  }
  keep_own_stderr();
  auto log = open_log(options);
  if (!log) return complain(log.error());
  for (const std::string& warning : command.warnings) log->write(LogLevel::kWarning, warning);
  LastWill* keeper = will ? &*will : nullptr;
  const EngineExit exit = options.in_process ? run_in_process(options, *log, signals, keeper)
                                             : run_with_kernel(options, kernel_words(argc, argv),
                                                               *log, signals, keeper);
  will.reset();
  if (exit.signal) end_by(*exit.signal);
  return exit.code;
}

int run(int argc, char** argv) {
  auto command = parse_engine_options({argv + 1, argv + argc}, &environment_variable);
  if (!command) return complain(command.error());
  if (command->print_text) {
    std::fputs(command->print_text->c_str(), stdout);
    return kExitOk;
  }
  if (command->options.kernel_link) {
    return run_kernel(command->options, *command->options.kernel_link);
  }
  return run_engine_process(argc, argv, *command);
}

}  // namespace
}  // namespace trireme

int main(int argc, char** argv) { return trireme::run(argc, argv); }
