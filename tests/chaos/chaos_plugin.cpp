// The tasks of a chaos run on our engines.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <trireme/plugin.hpp>

#include "tests/chaos/chaos_tasks.hpp"

namespace {

/// Appends one line in one write, so that lines of several engines do not mix.
void note(const std::string& folder, const char* what, std::int64_t index) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line =
      std::string(what) + " " + std::to_string(index) + " " +
      std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count()) + " " +
      std::to_string(::getpid()) + "\n";
  const int file = ::open((folder + "/runs.txt").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw std::runtime_error("the journal of runs cannot be written");
  }
  ::close(file);
}

/// True for the first caller only, whichever engine it is on.
bool is_first(const std::string& folder, std::int64_t index) {
  const std::string mark = folder + "/marks/" + std::to_string(index);
  const int file = ::open(mark.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
  if (file >= 0) ::close(file);
  return file >= 0;
}

}  // namespace

TRIREME_PLUGIN(registry) {
  registry.add(chaos::kWork,
               [](std::int64_t index, double seconds, bool fails_first, const std::string& folder) {
                 note(folder, "start", index);
                 std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
                 if (fails_first && is_first(folder, index)) {
                   note(folder, "failed", index);
                   throw std::runtime_error("the first run of this task fails");
                 }
                 note(folder, "ended", index);
                 return chaos::result_of(index);
               });
}
