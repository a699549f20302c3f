#include "tests/system/client/cluster_processes.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "tests/support/loopback.hpp"

namespace trireme {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::string_view kMisses = "--HeartMonitor.max_heartmonitor_misses=";

// Engines are not given up because a busy machine left them no time for some beats.
std::vector<std::string> controller_command(Make make, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"/usr/bin/python3", "-m", "ipyparallel.controller"};
  if (make == Make::kTrireme) command = {TRIREME_BIN_DIR "/trireme-controller"};
  command.insert(command.end(), {"--ping=250", "--ip=" + own_loopback_address()});
  command.insert(command.end(), arguments.begin(), arguments.end());
  const bool is_told = std::any_of(arguments.begin(), arguments.end(),
                                   [](const auto& word) { return word.starts_with(kMisses); });
  if (!is_told) command.push_back(std::string(kMisses) + "80");
  return command;
}

std::vector<std::string> engine_command(Make make) {
  if (make == Make::kStock) {
    return {"/usr/bin/python3",
            "-m",
            "ipyparallel.engine",
            "--IPEngine.timeout=180",
            "--IPEngine.wait_for_url_file=180",
            "--IPEngine.max_heartbeat_misses=200"};
  }
  return {TRIREME_BIN_DIR "/trireme-engine", "--timeout=180", "--wait-for-file=180", "--load",
          TRIREME_LIB_DIR "/libclient_test_plugin.so"};
}

[[noreturn]] void become(const std::vector<std::string>& command, const fs::path& folder,
                         const fs::path& log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const int in = ::open("/dev/null", O_RDONLY);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::setenv("IPYTHONDIR", folder.c_str(), 1);
  ::unsetenv("IPP_PROFILE_DIR");
  ::unsetenv("IPP_CLUSTER_ID");
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  ::_exit(127);
}

}  // namespace

const char* name_of(Make make) { return make == Make::kStock ? "Stock" : "Trireme"; }

std::vector<Make> controllers() {
#ifdef TRIREME_HAS_CONTROLLER
  return {Make::kStock, Make::kTrireme};
#else
  return {Make::kStock};
#endif
}

ClusterProcesses::ClusterProcesses(Make controller, std::vector<std::string> arguments)
    : controller_command_(controller_command(controller, arguments)) {
  std::string pattern = (fs::temp_directory_path() / "trireme-client-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  start_controller();
}

ClusterProcesses::~ClusterProcesses() {
  for (const pid_t pid : running_) ::kill(pid, SIGTERM);
  const std::vector<pid_t> ending = running_;
  for (const pid_t pid : ending) {
    if (!wait_for_end(pid, std::chrono::seconds(5))) kill_process(pid);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void ClusterProcesses::start_controller() {
  controller_ = spawn("controller", controller_command_);
}

pid_t ClusterProcesses::start_engine(Make make) { return spawn("engine", engine_command(make)); }

pid_t ClusterProcesses::spawn(const std::string& name, const std::vector<std::string>& command) {
  const fs::path log = folder_ / (std::to_string(next_log_++) + "-" + name + ".log");
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid == 0) become(command, folder_, log);
  running_.push_back(pid);
  return pid;
}

void ClusterProcesses::kill_process(pid_t pid) {
  ::kill(pid, SIGKILL);    // it may be too young to have a session of its own
  ::killpg(pid, SIGKILL);  // with its helpers, who are in that session
  ::waitpid(pid, nullptr, 0);
  std::erase(running_, pid);
}

bool ClusterProcesses::wait_for_end(pid_t pid, std::chrono::seconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (steady_clock::now() < deadline) {
    if (::waitpid(pid, nullptr, WNOHANG) == pid) {
      std::erase(running_, pid);
      return true;
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

fs::path ClusterProcesses::client_file() const {
  return folder_ / "profile_default" / "security" / "ipcontroller-client.json";
}

std::string ClusterProcesses::client_json() const {
  std::ostringstream text;
  text << std::ifstream(client_file()).rdbuf();
  return text.str();
}

std::string ClusterProcesses::write_file(const std::string& name, const std::string& text) const {
  const std::string file = (folder_ / name).string();
  std::ofstream(file) << text;
  return file;
}

ClientOptions ClusterProcesses::options() const {
  ClientOptions options;
  options.ipython_dir = folder_.string();
  options.timeout = kStartLimit;
  return options;
}

std::string ClusterProcesses::logs() const {
  std::ostringstream all;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() != ".log") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string content = text.str();
    all << "--- " << entry.path().filename().string() << "\n"
        << content.substr(content.size() - std::min<std::size_t>(content.size(), 4000)) << "\n";
  }
  return all.str();
}

void wait_until_known(const Client& client, const std::string& msg_id) {
  const auto give_up = steady_clock::now() + ClusterProcesses::kStartLimit;
  for (;;) {
    const auto history = client.hub_history();
    if (std::find(history.begin(), history.end(), msg_id) != history.end()) return;
    if (steady_clock::now() > give_up) {
      throw std::runtime_error("the hub does not know task " + msg_id);
    }
  }
}

}  // namespace trireme
