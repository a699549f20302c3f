// Starts programs that outlive us and recognises them later, even when their pid was given away.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "session/result.hpp"

namespace trireme::cli {

/// One process for ever: no other process has this pid and this start time.
struct ProcessMark {
  int pid = 0;
  std::uint64_t started_ticks = 0;  // since the machine's boot, as the kernel counts

  friend bool operator==(const ProcessMark&, const ProcessMark&) = default;
};

/// Starts `words` as a program in a session of its own, with no input and its output appended to
/// `log_file`. kNotFound or kPermission naming the program; kIo naming the log file.
Result<ProcessMark> start_in_background(const std::vector<std::string>& words,
                                        const std::filesystem::path& log_file);

/// False once it has ended, also when nobody has collected its exit status yet.
bool is_running(const ProcessMark& process);

/// How long it has been running; zero when it is not.
std::chrono::seconds running_time(const ProcessMark& process);

/// Sends a signal to those that still run.
void send_signal(std::span<const ProcessMark> processes, int signal);

/// Waits until none runs any more, at most `limit`; true when all are gone.
bool wait_until_gone(std::span<const ProcessMark> processes, std::chrono::milliseconds limit);

/// The end of a text file for people: up to `count` lines, empty when it cannot be read.
std::string last_lines(const std::filesystem::path& file, std::size_t count);

/// The folder of the program that is running now; its sisters are there too.
std::filesystem::path program_folder();

}  // namespace trireme::cli
