#include "cli/background_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

namespace trireme::cli {
namespace {

/// Fields of /proc/<pid>/stat that follow the program's name: state is the first of them.
struct ProcessFacts {
  char state = '?';
  std::uint64_t started_ticks = 0;
};

std::optional<ProcessFacts> read_facts(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream whole;
  whole << file.rdbuf();
  const std::string text = whole.str();
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  ProcessFacts facts;
  fields >> facts.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> facts.started_ticks;
  if (!fields) return std::nullopt;
  return facts;
}

/// Becomes the program; on failure tells errno through `report` and ends.
[[noreturn]] void become(char* const* words, int log, int report) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execvp(words[0], words);
  const int failure = errno;
  [[maybe_unused]] const auto told = ::write(report, &failure, sizeof failure);
  ::_exit(127);
}

/// errno of a child that could not become its program; 0 when it did.
int read_failure(int report) {
  int failure = 0;
  const auto got = ::read(report, &failure, sizeof failure);
  return got == static_cast<ssize_t>(sizeof failure) ? failure : 0;
}

}  // namespace

Result<ProcessMark> start_in_background(const std::vector<std::string>& words,
                                        const std::filesystem::path& log_file) {
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    return Error{ErrorCode::kIo, "cannot write the log file " + log_file.string() + ": " +
                                     std::strerror(errno) +
                                     "; make the folder writable or choose another profile"};
  }
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int report[2] = {-1, -1};
  if (::pipe2(report, O_CLOEXEC) != 0) {
    ::close(log);
    return Error{ErrorCode::kIo, std::string("cannot make a pipe: ") + std::strerror(errno)};
  }
  const pid_t child = ::fork();
  if (child == 0) become(arguments.data(), log, report[1]);
  const int fork_failure = errno;
  ::close(log);
  ::close(report[1]);
  const int failure = child < 0 ? fork_failure : read_failure(report[0]);
  ::close(report[0]);
  if (failure != 0) {
    if (child > 0) ::waitpid(child, nullptr, 0);
    return Error{failure == ENOENT ? ErrorCode::kNotFound : ErrorCode::kPermission,
                 "cannot start " + words[0] + ": " + std::strerror(failure)};
  }
  const std::optional<ProcessFacts> facts = read_facts(child);
  return ProcessMark{child, facts ? facts->started_ticks : 0};
}

bool is_running(const ProcessMark& process) {
  if (process.pid <= 0) return false;
  ::waitpid(process.pid, nullptr, WNOHANG);  // collects a child of ours that has ended
  const std::optional<ProcessFacts> facts = read_facts(process.pid);
  return facts && facts->started_ticks == process.started_ticks && facts->state != 'Z';
}

std::chrono::seconds running_time(const ProcessMark& process) {
  if (!is_running(process)) return std::chrono::seconds(0);
  std::ifstream file("/proc/uptime");
  double machine_seconds = 0;
  file >> machine_seconds;
  const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double started = static_cast<double>(process.started_ticks) / ticks_per_second;
  return std::chrono::seconds(static_cast<std::int64_t>(std::max(0.0, machine_seconds - started)));
}

void send_signal(std::span<const ProcessMark> processes, int signal) {
  for (const ProcessMark& process : processes) {
    if (is_running(process)) ::kill(process.pid, signal);
  }
}

bool wait_until_gone(std::span<const ProcessMark> processes, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (const ProcessMark& process : processes) {
    while (is_running(process)) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  return true;
}

std::string last_lines(const std::filesystem::path& file, std::size_t count) {
  std::ifstream input(file);
  std::deque<std::string> lines;
  for (std::string line; std::getline(input, line);) {
    lines.push_back(std::move(line));
    if (lines.size() > count) lines.pop_front();
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::filesystem::path program_folder() {
  std::error_code failure;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? std::filesystem::path(".") : program.parent_path();
}

}  // namespace trireme::cli
