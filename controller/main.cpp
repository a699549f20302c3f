// trireme-controller: reads its orders, serves, and leaves with a code that says how it went.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "controller/controller.hpp"
#include "controller/program/options.hpp"

namespace trireme {
namespace {
namespace fs = std::filesystem;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int fail(const Error& error) {
  std::fprintf(stderr, "trireme-controller: %s\n", error.text.c_str());
  return error.code == ErrorCode::kUsage ? kExitUsage : kExitFailure;
}

std::string log_prefix(const Profile& profile) {
  return profile.cluster_id.empty() ? "ipcontroller-" : "ipcontroller-" + profile.cluster_id + "-";
}

void remove_old_logs(const Profile& profile) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(profile.log_dir(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(log_prefix(profile)) && name.ends_with(".log")) {
      fs::remove(entry.path(), ignored);
    }
  }
}

Result<Log> open_log(const ControllerOptions& options, const Profile& profile) {
  Log::Options log{.program = "trireme-controller", .level = options.log_level, .file = {}};
  if (options.log_to_file) {
    log.file = profile.log_dir() / (log_prefix(profile) + std::to_string(::getpid()) + ".log");
  }
  return Log::open(log);
}

Result<void> serve(const ControllerCommand& command, SignalWatch& signals) {
  const ControllerOptions& options = command.options;
  if (!options.work_dir.empty()) {
    std::error_code failure;
    fs::current_path(options.work_dir, failure);
    if (failure) {
      return Error{ErrorCode::kConfiguration, "cannot work in " + options.work_dir + ": " +
                                                  failure.message() + "; check --work-dir"};
    }
  }
  const Profile profile = resolve_profile(options.profile);
  if (Result<void> made = create_profile(profile); !made) return made;
  if (options.clean_logs) remove_old_logs(profile);
  Result<Log> log = open_log(options, profile);
  if (!log) return log.error();
  for (const std::string& warning : command.warnings) log->write(LogLevel::kWarning, warning);

  Result<std::unique_ptr<Controller>> controller = Controller::create(options, profile, *log);
  if (!controller) return controller.error();
  (*controller)->run(signals);
  return {};
}

// Messages come and go in bursts, and memory given back to the system after each is faulted in
// anew, page by page, for the next. So this much stays with us, and large buffers lie in it too.
void keep_freed_memory() {
  constexpr int kMebibyte = 1 << 20;
  ::mallopt(M_TRIM_THRESHOLD, 16 * kMebibyte);
  ::mallopt(M_MMAP_THRESHOLD, 4 * kMebibyte);
}

// Every connection takes a descriptor, so all that may be had are taken. With very few ZeroMQ would
// end the program without a word of ours.
Result<void> claim_descriptors() {
  constexpr rlim_t kNeededMin = 128;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kNeededMin) return {};
  return Error{ErrorCode::kConfiguration,
               "only " + std::to_string(limit.rlim_max) + " files may be open at once and " +
                   std::to_string(kNeededMin) +
                   " are needed at least; raise the limit on open files (ulimit -n)"};
}

int run(int argc, char** argv) {
  const Result<ControllerCommand> command =
      parse_controller_command(std::vector<std::string>(argv + 1, argv + argc));
  if (!command) return fail(command.error());
  switch (command->action) {
    case ControllerCommand::Action::kHelp:
      std::fputs(controller_help(false).c_str(), stdout);
      return 0;
    case ControllerCommand::Action::kHelpAll:
      std::fputs(controller_help(true).c_str(), stdout);
      return 0;
    case ControllerCommand::Action::kVersion:
      std::puts(TRIREME_VERSION);
      return 0;
    case ControllerCommand::Action::kRun:
      break;
  }
  keep_freed_memory();
  // Before any thread: all threads inherit what is blocked here.
  SignalWatch signals({SIGINT, SIGTERM, SIGABRT, SIGHUP});
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the store, not our end
  if (const Result<void> claimed = claim_descriptors(); !claimed) return fail(claimed.error());
  const Result<void> served = serve(*command, signals);
  return served ? 0 : fail(served.error());
}

}  // namespace
}  // namespace trireme

int main(int argc, char** argv) { return trireme::run(argc, argv); }
