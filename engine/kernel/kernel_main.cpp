// From link messages to a LocalTaskHost and back.
#include "engine/kernel/kernel_main.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <optional>
#include <utility>

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

/// Everything between the link and the tasks. All on the main thread.
class Kernel {
 public:
  Kernel(const EngineOptions& options, int link) : options_(options), link_(link), writer_(link) {}

  int run() {
    TaskMachinery::Parts parts{options_, loop_, clock_, [this](LogLevel level, std::string text) {
                                 logs_.put({level, std::move(text)});
                               }};
    auto machinery = TaskMachinery::create(parts);
    if (!machinery) return refuse(machinery.error());
    if (auto entered = enter_work_folder(options_); !entered) return refuse(entered.error());
    host_ = &machinery->host();
    loop_.watch_fd(logs_.fd(), [this] { pass_on_logs(); });
    loop_.watch_fd(link_, [this] { receive(); });
    send(LinkReady{host_->function_count(), host_->language()});
    while (!ended_) turn();
    if (!host_->leave(kLeaveGrace)) std::_Exit(kExitOk);  // a task still uses everything
    return kExitOk;
  }

 private:
  int refuse(const Error& error) {
    const int code = error.code == ErrorCode::kUsage ? kExitUsage : kExitConfiguration;
    send(LinkRefused{code, error.text});
    return code;
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
    host_->join({EngineUuid(joined.engine_uuid), EngineId(joined.engine_id)},
                [this](HostEvent event) {
                  std::visit([this](auto& happened) { report(happened); }, event);
                });
  }
  void on_message(LinkStart& start) {
    TaskRequest& request = requests_[start.run];
    request.message.header.msg_id = MsgId(start.msg_id);
    request.message.header.msg_type = std::move(start.msg_type);
    request.message.content_json = std::move(start.content_json);
    request.message.buffers = std::move(start.buffers);
    request.execution_count = start.execution_count;
    // The engine has read it before.
    static_cast<void>(read_task_request(request));
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
  void report(RunEnded& ended) {
    if (options_.memory_limit) name_memory_limit(ended.outcome);
    const RunNumber run = ended.run;
    send(LinkEnded{run, std::move(ended.outcome), std::move(ended.output)});
    requests_.erase(run);
  }

  void name_memory_limit(TaskOutcome& outcome) const {
    auto* failure = std::get_if<TaskFailure>(&outcome);
    if (failure == nullptr || failure->ename != "bad_alloc") return;
    failure->ename = "MemoryLimitExceeded";
    failure->evalue = "the task needed more memory than --memory-limit of its engine allows: " +
                      std::to_string(*options_.memory_limit >> 20) + " MiB";
    failure->traceback.push_back(failure->ename + ": " + failure->evalue);
  }

  void pass_on_logs() {
    for (LinkLog& line : logs_.take()) send(std::move(line));
  }

  /// The engine reads at all times, so that waiting for it is no danger.
  void send(LinkMessage message) {
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
  std::map<RunNumber, TaskRequest> requests_;  // of everything that runs
  TaskHost* host_ = nullptr;
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
