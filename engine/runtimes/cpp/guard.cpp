// A timer signals the thread until it is found where it may be left.
#include "engine/runtimes/cpp/guard.hpp"

#include <link.h>
#include <setjmp.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace trireme {
namespace {

constexpr long kTickNs = 5'000'000;
/// Ticks after which a thread that waits in a system call is taken out of it.
constexpr int kPatience = 60;
constexpr std::size_t kSignalStackBytes = 64u << 10;
constexpr std::array kFatal{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

int interrupt_signal() { return SIGRTMIN + 7; }

using Range = std::pair<std::uintptr_t, std::uintptr_t>;

/// What the signal handlers see of the guarded code.
struct Guarded {
  sigjmp_buf way_out;
  std::vector<Range> libraries;  // where loaded files have their code
  std::atomic<bool> is_armed{false};
  std::atomic<int> leavable{0};
  int ticks = 0;
  std::string last_words;
  std::uintptr_t stack_pointer = 0;
  std::array<struct sigaction, kFatal.size()> before{};
};

Guarded* g_guarded = nullptr;  // of the one guarded thread
thread_local bool t_is_guarded = false;

int note_segments(dl_phdr_info* info, std::size_t, void* list) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const auto begin = static_cast<std::uintptr_t>(info->dlpi_addr + segment.p_vaddr);
    static_cast<std::vector<Range>*>(list)->emplace_back(begin, begin + segment.p_memsz);
  }
  return 0;
}

std::uintptr_t instruction_of(const void* context) {
#if defined(__x86_64__)
  const auto* machine = static_cast<const ucontext_t*>(context);
  return static_cast<std::uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#endif
}

bool is_in_library(const Guarded& guarded, std::uintptr_t instruction) {
  return std::any_of(guarded.libraries.begin(), guarded.libraries.end(), [&](const Range& range) {
    return instruction >= range.first && instruction < range.second;
  });
}

/// Whether the thread was found at a system call, which it is about to begin again or has left.
bool is_at_system_call([[maybe_unused]] std::uintptr_t instruction) {
#if defined(__x86_64__)
  const auto* bytes = reinterpret_cast<const unsigned char*>(instruction);
  return (bytes[0] == 0x0f && bytes[1] == 0x05) || (bytes[-2] == 0x0f && bytes[-1] == 0x05);
#else
  return false;
#endif
}

void on_interrupt(int, siginfo_t*, void* context) {
  Guarded* guarded = g_guarded;
  if (guarded == nullptr || !t_is_guarded || !guarded->is_armed) return;
  const std::uintptr_t instruction = instruction_of(context);
  const bool may_leave = guarded->leavable > 0 || !is_in_library(*guarded, instruction) ||
                         (++guarded->ticks > kPatience && is_at_system_call(instruction));
  if (!may_leave) return;
  guarded->is_armed = false;
  siglongjmp(guarded->way_out, 1);
}

void write_text(const char* text) {
  [[maybe_unused]] const auto count = write(2, text, std::strlen(text));
}

void on_fatal(int signal, siginfo_t* info, void*) {
  const Guarded* guarded = g_guarded;
  if (guarded == nullptr) _exit(128 + signal);
  write_text("\nSIG");
  write_text(sigabbrev_np(signal));
  write_text(" in ");
  write_text(guarded->last_words.c_str());
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (signal == SIGSEGV) {
    constexpr std::uintptr_t kStackBytesMax = 64u << 20;
    const bool near_stack =
        at < guarded->stack_pointer && guarded->stack_pointer - at < kStackBytesMax && at > 4096;
    write_text(at < 4096 ? ": null pointer" : near_stack ? ": stack overflow" : "");
  }
  write_text("\n");
  for (std::size_t i = 0; i < kFatal.size(); ++i) {
    if (kFatal[i] == signal) sigaction(signal, &guarded->before[i], nullptr);
  }
  // A fault comes again by itself; what was sent is sent again.
  if (info->si_code <= 0) raise(signal);
}

/// Signal handlers, their stack and the timer, for as long as it lives.
class Watch {
 public:
  explicit Watch(Guarded& guarded) : guarded_(guarded), stack_(kSignalStackBytes) {
    stack_t stack{};
    stack.ss_sp = stack_.data();
    stack.ss_size = stack_.size();
    sigaltstack(&stack, &stack_before_);
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = &on_fatal;
    for (std::size_t i = 0; i < kFatal.size(); ++i) {
      sigaction(kFatal[i], &action, &guarded_.before[i]);
    }
    action.sa_sigaction = &on_interrupt;
    sigaction(interrupt_signal(), &action, &interrupt_before_);
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, interrupt_signal());
    pthread_sigmask(SIG_UNBLOCK, &ours, &mask_before_);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = interrupt_signal();
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    has_timer_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
    g_guarded = &guarded_;
    t_is_guarded = true;
  }
  ~Watch() {
    if (has_timer_) timer_delete(timer_);
    t_is_guarded = false;
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    for (std::size_t i = 0; i < kFatal.size(); ++i) {
      sigaction(kFatal[i], &guarded_.before[i], nullptr);
    }
    // The interrupt's handler stays: a last tick may be under way, and would end the process.
    g_guarded = nullptr;
    sigaltstack(&stack_before_, nullptr);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void start_ticking() {
    constexpr itimerspec kTicks{{0, kTickNs}, {0, 1}};
    if (has_timer_) timer_settime(timer_, 0, &kTicks, nullptr);
  }

 private:
  Guarded& guarded_;
  std::vector<char> stack_;
  stack_t stack_before_{};
  struct sigaction interrupt_before_ {};
  sigset_t mask_before_{};
  timer_t timer_{};
  bool has_timer_ = false;
};

}  // namespace

GuardedEnd run_guarded(const std::function<void()>& code, const std::stop_token& stop,
                       const std::string& place) {
  Guarded guarded;
  guarded.last_words = place;
  guarded.stack_pointer = reinterpret_cast<std::uintptr_t>(&guarded);
  dl_iterate_phdr(&note_segments, &guarded.libraries);
  Watch watch(guarded);
  const std::stop_callback wish(stop, [&watch] { watch.start_ticking(); });
  if (sigsetjmp(guarded.way_out, 1) != 0) return GuardedEnd::kInterrupted;
  guarded.is_armed = true;
  try {
    code();
  } catch (...) {
    guarded.is_armed = false;
    throw;
  }
  guarded.is_armed = false;
  return GuardedEnd::kDone;
}

LeavablePlace::LeavablePlace() {
  if (t_is_guarded && g_guarded != nullptr) ++g_guarded->leavable;
}
LeavablePlace::~LeavablePlace() {
  if (t_is_guarded && g_guarded != nullptr) --g_guarded->leavable;
}

}  // namespace trireme
