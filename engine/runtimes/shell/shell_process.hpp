// Runs one shell over file descriptors: its output as it comes, its end, and nothing left behind.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "session/result.hpp"

namespace trireme {

/// A file descriptor that closes itself.
class OwnedDescriptor {
 public:
  OwnedDescriptor() = default;
  explicit OwnedDescriptor(int number) noexcept : number_(number) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : number_(other.number_) { other.number_ = -1; }
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept;
  ~OwnedDescriptor() { reset(); }

  int get() const noexcept { return number_; }
  void reset() noexcept;

 private:
  int number_ = -1;
};

/// A file in memory with this content, read from its beginning. kIo.
Result<OwnedDescriptor> memory_file(const char* name, std::string_view content);
/// What a memory file holds. kIo.
Result<std::string> content_of(const OwnedDescriptor& file);

/// A shell to run.
struct ShellStart {
  std::vector<std::string> argv;         // not empty; argv[0] is a path
  std::vector<std::string> environment;  // NAME=value; replaces the caller's
  /// Descriptors of the caller that the shell gets under other numbers (all above 2, distinct).
  struct Given {
    int ours;
    int theirs;
  };
  std::vector<Given> given;
};

/// How it ended.
struct ShellEnd {
  int exit_code = 0;          // meaningless after a signal
  std::optional<int> signal;  // that killed it
};

enum class ShellStream { kOut, kErr };
using ShellOutput = std::function<void(ShellStream stream, std::string_view bytes)>;

/// Runs it with an empty standard input until it ends, and then ends whatever it started that still
/// runs, even in other process groups and sessions: SIGTERM, a moment later SIGKILL.
/// A stop request sends SIGINT to the shell's process group, SIGTERM after 400 ms, SIGKILL to
/// everything after 700 ms. All of it dies with the calling thread. kIo when it cannot be started.
Result<ShellEnd> run_shell(const ShellStart& start, const ShellOutput& on_output,
                           std::stop_token stop);

}  // namespace trireme
