// trireme-engine: command line, log, plug-ins, and the engine itself.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/builtins.hpp"
#include "engine/connection_wait.hpp"
#include "engine/engine.hpp"
#include "engine/last_will.hpp"
#include "engine/options.hpp"
#include "engine/output_capture.hpp"
#include "engine/plugin_loader.hpp"

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

Result<std::shared_ptr<FunctionTable>> load_functions(const EngineOptions& options) {
  auto table = std::make_shared<FunctionTable>();
  register_builtins(*table, BuiltinFacts{options.threads});
  for (const std::filesystem::path& plugin : options.plugins) {
    if (auto loaded = load_plugin(plugin, *table); !loaded) return loaded.error();
  }
  return table;
}

std::unique_ptr<OutputCapture> start_capture(const EngineOptions& options, Log& log) {
  if (!options.capture_output) return nullptr;
  return std::make_unique<OutputCapture>([&log](OutputPiece::Kind, std::string_view text) {
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (!text.empty())
      log.write(LogLevel::kInfo, "Printed by no single task: " + std::string(text));
  });
}

EngineExit work(const EngineOptions& options, std::shared_ptr<const FunctionTable> functions,
                Log& log, SignalWatch& signals, LastWill* will) {
  const SystemClock clock;
  const auto connection = wait_for_connection(options, clock, signals);
  if (!connection) {
    const bool asked_to_stop = connection.error().code == ErrorCode::kClosed;
    log.write(asked_to_stop ? LogLevel::kInfo : LogLevel::kError, connection.error().text);
    return EngineExit{asked_to_stop ? kExitOk : kExitConfiguration, std::nullopt, false};
  }
  if (!connection->ssh.empty()) {
    log.write(LogLevel::kWarning,
              "ssh tunnels are not supported: connecting directly instead of "
              "through " +
                  connection->ssh + ".");
  }
  const auto capture = start_capture(options, log);
  const EngineParts parts{options, *connection, std::move(functions), clock,
                          log,     signals,     capture.get(),        will};
  const EngineExit exit = run_engine(parts);
  // A task that does not stop still uses its streams and the connection: no clean-up then.
  if (exit.tasks_running) std::_Exit(exit.code);
  return exit;
}

int run(int argc, char** argv) {
  SignalWatch signals({SIGTERM, SIGINT, SIGHUP});
  std::signal(SIGPIPE, SIG_IGN);
  auto command = parse_engine_options({argv + 1, argv + argc}, &environment_variable);
  if (!command) return complain(command.error());
  if (command->print_text) {
    std::fputs(command->print_text->c_str(), stdout);
    return kExitOk;
  }
  const EngineOptions& options = command->options;
  std::error_code failure;
  auto functions = load_functions(options);
  if (!functions) return complain(functions.error());
  if (!options.work_folder.empty()) std::filesystem::current_path(options.work_folder, failure);
  if (failure) {
    return complain({ErrorCode::kConfiguration,
                     "The folder " + options.work_folder +
                         " of --work-dir cannot be used: " + failure.message() + "."});
  }
  keep_own_stderr();
  auto log = open_log(options);
  if (!log) return complain(log.error());
  for (const std::string& warning : command->warnings) log->write(LogLevel::kWarning, warning);
  std::optional<LastWill> will;
  if (options.nanny) {
    auto started = LastWill::start();
    if (!started) return complain(started.error());
    will.emplace(std::move(*started));
  }
  const EngineExit exit =
      work(options, std::move(*functions), *log, signals, will ? &*will : nullptr);
  will.reset();
  if (exit.signal) {
    std::signal(*exit.signal, SIG_DFL);
    sigset_t unblocked;
    sigemptyset(&unblocked);
    sigaddset(&unblocked, *exit.signal);
    pthread_sigmask(SIG_UNBLOCK, &unblocked, nullptr);
    std::raise(*exit.signal);
  }
  return exit.code;
}

}  // namespace
}  // namespace trireme

int main(int argc, char** argv) { return trireme::run(argc, argv); }
