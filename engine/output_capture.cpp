// Replaced stream buffers, replaced C streams, and pipes behind the descriptors 1 and 2.
#include "engine/output_capture.hpp"

#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <mutex>
#include <span>
#include <streambuf>
#include <thread>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#include <sanitizer/common_interface_defs.h>
#endif

#include "session/result.hpp"

namespace trireme {
namespace {

using Kind = OutputPiece::Kind;
constexpr std::size_t kReadBytes = 64u << 10;

thread_local std::shared_ptr<TaskOutput> current_task;  // of the calling thread

/// The latest text that was printed, for a process that dies before it could be passed on.
class LastWords {
 public:
  void add(std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const char byte : text.substr(text.size() - std::min(text.size(), kBytes))) {
      bytes_[end_ % kBytes] = byte;
      end_ = end_ + 1;
    }
  }
  void forget() { end_ = 0; }
  /// What was added after the first `from` bytes; returns where it ended. Only with calls that are
  /// allowed in signal handlers; takes no lock.
  std::size_t write_to(int descriptor, std::size_t from) const {
    const std::size_t end = end_;
    for (std::size_t at = std::max(from, end - std::min(end, kBytes)); at < end; ++at) {
      if (write(descriptor, &bytes_[at % kBytes], 1) < 0) break;
    }
    return end;
  }

 private:
  static constexpr std::size_t kBytes = 4096;
  std::mutex mutex_;
  std::array<char, kBytes> bytes_{};  // a ring, written at end_
  std::atomic<std::size_t> end_{0};
};
LastWords last_words;

/// Where text is sorted to its task.
class Router {
 public:
  explicit Router(OutputCapture::Elsewhere elsewhere) : elsewhere_(std::move(elsewhere)) {}

  void route(Kind kind, std::string_view text) {
    last_words.add(text);
    if (current_task != nullptr) {
      current_task->append(kind, text);
    } else {
      give_to_only_task(kind, text);
    }
  }

  /// Of unknown origin: a thread of some task, a descriptor, a child process.
  void route_foreign(Kind kind, std::string_view text) {
    last_words.add(text);
    give_to_only_task(kind, text);
  }

  void add(std::shared_ptr<TaskOutput> output) {
    const std::lock_guard lock(mutex_);
    if (running_.empty()) last_words.forget();
    running_.push_back(std::move(output));
  }
  void remove(const std::shared_ptr<TaskOutput>& output) {
    const std::lock_guard lock(mutex_);
    running_.erase(std::find(running_.begin(), running_.end(), output));
  }

 private:
  void give_to_only_task(Kind kind, std::string_view text) {
    std::shared_ptr<TaskOutput> only;
    {
      const std::lock_guard lock(mutex_);
      if (running_.size() == 1) only = running_.front();
    }
    if (only != nullptr) {
      only->append(kind, text);
    } else {
      elsewhere_(kind, text);
    }
  }

  OutputCapture::Elsewhere elsewhere_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<TaskOutput>> running_;  // guarded by mutex_
};

/// Behind std::cout and its siblings; keeps nothing, so threads need no lock here.
class RoutedBuffer final : public std::streambuf {
 public:
  RoutedBuffer(Router& router, Kind kind) : router_(router), kind_(kind) {}

 protected:
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    router_.route(kind_, {text, static_cast<std::size_t>(count)});
    return count;
  }
  int_type overflow(int_type character) override {
    if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(0);
    const char one = traits_type::to_char_type(character);
    router_.route(kind_, {&one, 1});
    return character;
  }

 private:
  Router& router_;
  Kind kind_;
};

struct CStream {
  Router* router;
  Kind kind;
};

ssize_t write_c_stream(void* cookie, const char* text, std::size_t count) {
  const auto* stream = static_cast<CStream*>(cookie);
  stream->router->route(stream->kind, {text, count});
  return static_cast<ssize_t>(count);
}

FILE* open_c_stream(CStream& stream) {
  cookie_io_functions_t functions{};
  functions.write = &write_c_stream;
  FILE* file = fopencookie(&stream, "w", functions);
  TRIREME_CHECK(file != nullptr, "no memory for a stream");
  std::setvbuf(file, nullptr, _IONBF, 0);
  return file;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers handle the other faults; their reports go where they went before.
constexpr std::array kFaults{SIGABRT};
void send_sanitizer_reports_to(int descriptor) {
  __sanitizer_set_report_fd(reinterpret_cast<void*>(std::intptr_t{descriptor}));
}
#else
constexpr std::array kFaults{SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
void send_sanitizer_reports_to(int) {}
#endif

/// Descriptors that a dying process empties into the original standard error. Set while a capture
/// lives; read by a signal handler.
std::array<std::atomic<int>, 2> fault_pipes{-1, -1};
std::atomic<int> fault_stderr{-1};
/// Set while text that was read from the pipes has not reached last_words.
std::atomic<bool> is_draining{false};

constexpr int kFramesMax = 64;

// Only calls that are allowed in signal handlers; backtrace() is once it has been called before.
extern "C" void drain_and_die(int signal) {
  void* frames[kFramesMax];
  const int count_of_frames = backtrace(frames, kFramesMax);
  const std::size_t written = last_words.write_to(fault_stderr, 0);
  char bytes[4096];
  for (const auto& pipe : fault_pipes) {
    ssize_t count = 0;
    while (pipe >= 0 && (count = read(pipe, bytes, sizeof bytes)) > 0) {
      if (write(fault_stderr, bytes, static_cast<std::size_t>(count)) < 0) break;
    }
  }
  // Another thread may have taken the rest out of the pipes just before.
  const timespec moment{0, 1'000'000};
  for (int waited_ms = 0; is_draining && waited_ms < 200; ++waited_ms) nanosleep(&moment, nullptr);
  last_words.write_to(fault_stderr, written);
  backtrace_symbols_fd(frames, count_of_frames, fault_stderr);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// A stack for the fault handler of one thread, whose own one may be what overflowed.
class FaultStack {
 public:
  FaultStack() {
    stack_t stack{};
    stack.ss_sp = space_.data();
    stack.ss_size = space_.size();
    sigaltstack(&stack, nullptr);
  }
  ~FaultStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  FaultStack(const FaultStack&) = delete;
  FaultStack& operator=(const FaultStack&) = delete;

 private:
  std::vector<char> space_ = std::vector<char>(64u << 10);
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void prepare_thread() {}  // the sanitizers have stacks of their own
#else
void prepare_thread() { thread_local const FaultStack stack; }
#endif

void catch_faults(int out_pipe, int err_pipe, int original_stderr) {
  fault_pipes[0] = out_pipe;
  fault_pipes[1] = err_pipe;
  fault_stderr = original_stderr;
  last_words.forget();
  void* frame = nullptr;
  backtrace(&frame, 1);
  send_sanitizer_reports_to(original_stderr);
  struct sigaction action {};
  action.sa_handler = &drain_and_die;
  action.sa_flags = SA_ONSTACK;
  for (const int fault : kFaults) sigaction(fault, &action, nullptr);
}
void release_faults() {
  for (const int fault : kFaults) std::signal(fault, SIG_DFL);
  send_sanitizer_reports_to(STDERR_FILENO);
  fault_pipes[0] = -1;
  fault_pipes[1] = -1;
}

/// One descriptor (1 or 2) with a pipe in its place.
class CapturedDescriptor {
 public:
  CapturedDescriptor(int descriptor, Kind kind) : descriptor_(descriptor), kind_(kind) {
    int ends[2];
    TRIREME_CHECK(pipe2(ends, O_CLOEXEC) == 0, "no descriptors left for capturing output");
    read_end_ = ends[0];
    original_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    fcntl(read_end_, F_SETFL, O_NONBLOCK);
    dup2(ends[1], descriptor);
    ::close(ends[1]);
  }
  ~CapturedDescriptor() {
    if (original_ >= 0) {
      dup2(original_, descriptor_);
      ::close(original_);
    }
    ::close(read_end_);
  }
  CapturedDescriptor(const CapturedDescriptor&) = delete;
  CapturedDescriptor& operator=(const CapturedDescriptor&) = delete;

  int read_end() const noexcept { return read_end_; }
  int original() const noexcept { return original_; }

  /// Passes on what is in the pipe.
  void drain(Router& router, std::span<char> space) {
    ssize_t count = 0;
    while ((count = read(read_end_, space.data(), space.size())) > 0) {
      router.route_foreign(kind_, {space.data(), static_cast<std::size_t>(count)});
    }
  }

 private:
  int descriptor_;
  Kind kind_;
  int read_end_ = -1;
  int original_ = -1;
};

}  // namespace

struct OutputCapture::Impl {
  explicit Impl(Elsewhere elsewhere) : router(std::move(elsewhere)) {
    TRIREME_CHECK(pipe2(stop_pipe, O_CLOEXEC) == 0, "no descriptors left for capturing output");
    replace_streams();
    catch_faults(out_descriptor.read_end(), err_descriptor.read_end(), err_descriptor.original());
    pump = std::thread([this] { run_pump(); });
  }

  ~Impl() {
    ::close(stop_pipe[1]);
    pump.join();
    drain();
    restore_streams();
    release_faults();
    ::close(stop_pipe[0]);
  }

  void replace_streams() {
    old_cout = std::cout.rdbuf(&out_buffer);
    old_cerr = std::cerr.rdbuf(&err_buffer);
    old_clog = std::clog.rdbuf(&err_buffer);
    std::fflush(stdout);
    std::fflush(stderr);
    old_stdout = std::exchange(stdout, open_c_stream(out_stream));
    old_stderr = std::exchange(stderr, open_c_stream(err_stream));
  }

  void restore_streams() {
    std::fclose(std::exchange(stdout, old_stdout));
    std::fclose(std::exchange(stderr, old_stderr));
    std::cout.rdbuf(old_cout);
    std::cerr.rdbuf(old_cerr);
    std::clog.rdbuf(old_clog);
  }

  /// Whoever reads a pipe holds the lock until the text is handed over, so that after drain()
  /// everything written before it has arrived.
  void drain() {
    const std::lock_guard lock(drain_mutex);
    is_draining = true;
    out_descriptor.drain(router, read_space);
    err_descriptor.drain(router, read_space);
    is_draining = false;
  }

  void run_pump() {
    for (;;) {
      std::array<pollfd, 3> watched{pollfd{out_descriptor.read_end(), POLLIN, 0},
                                    pollfd{err_descriptor.read_end(), POLLIN, 0},
                                    pollfd{stop_pipe[0], POLLIN, 0}};
      if (poll(watched.data(), watched.size(), -1) < 0) continue;  // a signal
      if (watched[2].revents != 0) return;
      drain();
    }
  }

  Router router;
  std::mutex drain_mutex;
  std::vector<char> read_space = std::vector<char>(kReadBytes);  // guarded by drain_mutex
  RoutedBuffer out_buffer{router, Kind::kStdout};
  RoutedBuffer err_buffer{router, Kind::kStderr};
  CStream out_stream{&router, Kind::kStdout};
  CStream err_stream{&router, Kind::kStderr};
  CapturedDescriptor out_descriptor{STDOUT_FILENO, Kind::kStdout};
  CapturedDescriptor err_descriptor{STDERR_FILENO, Kind::kStderr};
  int stop_pipe[2] = {-1, -1};
  std::streambuf* old_cout = nullptr;
  std::streambuf* old_cerr = nullptr;
  std::streambuf* old_clog = nullptr;
  FILE* old_stdout = nullptr;
  FILE* old_stderr = nullptr;
  std::thread pump;
};

OutputCapture::OutputCapture(Elsewhere elsewhere) {
  std::fflush(stdout);  // what was printed before is no task's
  impl_ = std::make_unique<Impl>(std::move(elsewhere));
}

OutputCapture::~OutputCapture() = default;

int OutputCapture::original_stderr() const noexcept { return impl_->err_descriptor.original(); }

void OutputCapture::begin_task(std::shared_ptr<TaskOutput> output) {
  prepare_thread();
  impl_->router.add(output);
  current_task = std::move(output);
}

void OutputCapture::end_task() {
  TRIREME_CHECK(current_task != nullptr, "end_task() without begin_task() on this thread");
  impl_->drain();
  impl_->router.remove(current_task);
  current_task.reset();
}

}  // namespace trireme
