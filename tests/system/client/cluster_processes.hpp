// Controllers and engines as real processes in a folder of their own, gone when the test is.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <trireme/client.hpp>

namespace trireme {

/// Whose programs a cluster is made of.
enum class Make { kStock, kTrireme };
const char* name_of(Make make);
/// The controllers this build can test.
std::vector<Make> controllers();

/// A profile folder with a controller and engines. The end kills what still runs.
class ClusterProcesses {
 public:
  explicit ClusterProcesses(Make controller, std::vector<std::string> arguments = {});
  ~ClusterProcesses();
  ClusterProcesses(const ClusterProcesses&) = delete;
  ClusterProcesses& operator=(const ClusterProcesses&) = delete;

  /// Again, after the first was killed.
  void start_controller();
  pid_t start_engine(Make make);
  void kill_process(pid_t pid);
  /// True when the process ends by itself within the limit.
  bool wait_for_end(pid_t pid, std::chrono::seconds limit);
  pid_t controller() const { return controller_; }

  ClientOptions options() const;
  std::filesystem::path client_file() const;
  std::string client_json() const;
  /// Writes a file into the folder; returns its name.
  std::string write_file(const std::string& name, const std::string& text) const;
  /// The last lines of all logs, for failed tests.
  std::string logs() const;

  /// How long processes may take to come up on a busy machine.
  static constexpr std::chrono::seconds kStartLimit{180};

 private:
  pid_t spawn(const std::string& name, const std::vector<std::string>& command);

  const std::vector<std::string> controller_command_;
  std::filesystem::path folder_;
  std::vector<pid_t> running_;
  pid_t controller_ = -1;
  int next_log_ = 0;
};

/// Waits until the hub knows the task: Python's hears of tasks beside their way, at times later
/// than of a question about them.
void wait_until_known(const Client& client, const std::string& msg_id);

}  // namespace trireme
