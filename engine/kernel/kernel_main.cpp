// From link messages to a LocalTaskHost and back.
#include "engine/kernel/kernel_main.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "engine/kernel/link_message.hpp"
#include "engine/kernel/link_writer.hpp"
#include "engine/local_task_host.hpp"
#include "engine/task_machinery.hpp"
#include "engine/task_request.hpp"

namespace trireme {
namespace {

using std::chrono::milliseconds;

/// How long tasks may take to heed the end of the kernel.
constexpr milliseconds kLeaveGrace{500};

/// Everything between the link and the tasks. On the main thread, but for end() and send().
class Kernel {
 public:
  Kernel(const EngineOptions& options, int link) : options_(options), link_(link), writer_(link) {}

  int run() {
    TaskMachinery::Parts parts{options_, loop_, clock_,
                               [this](LogLevel level, std::string text) {
                                 logs_.put({level, std::move(text)});
                               },
                               [this](RunEnded ended) { end(std::move(ended)); }};
    auto machinery = TaskMachinery::create(parts);
    if (!machinery) return refuse(machinery.error());
    if (auto entered = enter_work_folder(options_); !entered) return refuse(entered.error());
    machinery_ = &*machinery;
    host_ = &machinery->host();
    loop_.watch_fd(logs_.fd(), [this] { pass_on_logs(); });
    loop_.watch_fd(large_is_over_.fd(), [this] {
      large_is_over_.clear();
      forget_requests();
    });
    loop_.watch_fd(link_, [this] { receive(); });
    send(LinkReady{host_->function_count(), host_->language()});
    while (!ended_) turn();
    const bool is_idle = host_->leave(kLeaveGrace);
    if (!is_idle || preparing_ > 0) std::_Exit(kExitOk);  // a thread still uses everything
    join_preparations();
    return kExitOk;
  }

 private:
  int refuse(const Error& error) {
    const int code = error.code == ErrorCode::kUsage ? kExitUsage : kExitConfiguration;
    send(LinkRefused{code, error.text});
    return code;
  }

  void join_preparations() {
    for (std::thread& each : preparations_) each.join();
    preparations_.clear();
  }

  void turn() {
    loop_.wait(host_->next_deadline());
    host_->on_deadline(clock_.now());
  }

  void receive() {
    const std::span<char> space = reader_.space();
    const ssize_t count = recv(link_, space.data(), space.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count <= 0 || !reader_.filled(static_cast<std::size_t>(count))) {
      ended_ = true;
      return;
    }
    while (auto frame = reader_.next()) {
      auto message = decode_link(std::move(*frame));
      TRIREME_CHECK(message.has_value(), message.error().text);
      std::visit([this](auto& m) { on_message(m); }, *message);
    }
  }

  void on_message(LinkJoined& joined) {
    identity_ = {EngineUuid(joined.engine_uuid), EngineId(joined.engine_id)};
    host_->join(identity_, [this](HostEvent event) {
      std::visit([this](auto& happened) { report(happened); }, event);
    });
  }
  void on_message(LinkPrepare& wanted) {
    if (preparing_ == 0) join_preparations();
    ++preparing_;
    preparations_.emplace_back([this, language = std::move(wanted.language)] {
      machinery_->prepare(language, identity_);
      send(LinkPrepared{language});
      --preparing_;
    });
  }
  void on_message(LinkStart& start) {
    forget_requests();
    TaskRequest& request = requests_[start.run];
    request.message.header.msg_id = MsgId(start.msg_id);
    request.message.header.msg_type = std::move(start.msg_type);
    request.message.content_json = std::move(start.content_json);
    request.message.buffers = std::move(start.buffers);
    request.execution_count = start.execution_count;
    // The engine has read it before.
    static_cast<void>(read_task_request(request));
    note_size(start.run, request);
    host_->start({start.run, &request, start.execution_count}, clock_.now());
  }
  void on_message(LinkStop& stop) { host_->stop({stop.run, stop.reason}, clock_.now()); }
  void on_message(LinkClear&) { host_->clear_names(); }
  void on_message(LinkAnswer& input) { host_->answer(input.run, std::move(input.text)); }
  /// What only kernels say.
  template <class Message>
  void on_message(Message&) {}

  void report(RunOutput& output) { send(LinkOutput{output.run, std::move(output.pieces)}); }
  void report(RunWaits& wanted) {
    send(LinkWaits{wanted.run, wanted.wanted, std::move(wanted.prompt)});
  }
  /// Told by end() instead.
  void report(RunEnded&) {}

  /// On the thread that ran the task.
  void end(RunEnded ended) {
    const bool is_last = options_.memory_limit && explain_memory_limit(ended.outcome);
    const RunNumber run = ended.run;
    send(LinkEnded{run, std::move(ended.outcome), std::move(ended.output), is_last});
    const std::lock_guard lock(over_mutex_);
    over_.push_back(run);
    if (large_.erase(run) > 0) large_is_over_.signal();
  }

  /// Requests of runs that are over go when the next message comes, large ones at once: waking up
  /// for a small one would cost more than a small task does.
  void forget_requests() {
    const std::lock_guard lock(over_mutex_);
    for (const RunNumber run : over_) requests_.erase(run);
    over_.clear();
  }
  void note_size(RunNumber run, const TaskRequest& request) {
    constexpr std::size_t kLargeBytes = 1u << 20;
    std::size_t bytes = request.message.content_json.size();
    for (const Frame& buffer : request.message.buffers) bytes += buffer.size();
    if (bytes < kLargeBytes) return;
    const std::lock_guard lock(over_mutex_);
    large_.insert(run);
  }

  /// Whether there is so little left that nothing else can run.
  bool is_memory_used_up() const {
    malloc_trim(0);
    constexpr std::uint64_t kEnoughBytes = 256u << 20;
    const std::size_t wanted = std::min(*options_.memory_limit / 8, kEnoughBytes);
    void* space = mmap(nullptr, wanted, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return true;
    munmap(space, wanted);
    return false;
  }

  /// Names the limit in a failure that came of it. True when the task has left nothing over.
  bool explain_memory_limit(TaskOutcome& outcome) const {
    auto* failure = std::get_if<TaskFailure>(&outcome);
    const bool is_it =
        failure != nullptr && (failure->ename == "bad_alloc" || failure->ename == "std::bad_alloc");
    if (!is_it) return false;
    const bool is_used_up = is_memory_used_up();
    failure->ename = "MemoryLimitExceeded";
    failure->evalue = "the task needed more memory than --memory-limit of its engine allows: " +
                      std::to_string(*options_.memory_limit >> 20) + " MiB";
    if (is_used_up) {
      failure->evalue +=
          "; it kept what it got, so that its process is replaced: the engine goes on"
          " without its names and cells";
    }
    failure->traceback.push_back(failure->ename + ": " + failure->evalue);
    return is_used_up;
  }

  void pass_on_logs() {
    for (LinkLog& line : logs_.take()) send(std::move(line));
  }

  /// From any thread. The engine reads at all times, so that waiting for it is no danger.
  void send(LinkMessage message) {
    const std::lock_guard lock(writer_mutex_);
    writer_.put(message);
    writer_.flush_all();
  }

  const EngineOptions& options_;
  const SystemClock clock_;
  int link_;
  PollLoop loop_;
  Mailbox<LinkLog> logs_;
  LinkReader reader_;
  LinkWriter writer_;
  std::mutex writer_mutex_;                    // guards writer_
  std::map<RunNumber, TaskRequest> requests_;  // of everything that runs, and what over_ names
  std::mutex over_mutex_;
  std::vector<RunNumber> over_;  // guarded by over_mutex_: ended
  std::set<RunNumber> large_;    // guarded by over_mutex_: runs with large requests
  WakeUp large_is_over_;
  TaskMachinery* machinery_ = nullptr;
  TaskHost* host_ = nullptr;
  EngineIdentity identity_;
  std::vector<std::thread> preparations_;
  std::atomic<int> preparing_{0};  // of them, those that have not ended
  bool ended_ = false;
};

void limit_memory(std::uint64_t bytes) {
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace

int run_kernel(const EngineOptions& options, int link) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "trireme-kernel");
  // Without a parent by now, the link has ended too, which ends the kernel.
  fcntl(link, F_SETFD, FD_CLOEXEC);
  std::signal(SIGPIPE, SIG_IGN);
  if (options.memory_limit) limit_memory(*options.memory_limit);
  return Kernel(options, link).run();
}

}  // namespace trireme
