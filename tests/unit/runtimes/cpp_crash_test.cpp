// A cell may end its process; what it says before names the signal and the cell.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/unit/runtimes/cpp_session.hpp"

namespace trireme {
namespace {

/// Each cell runs in a child of its own.
struct CppCrash : CppCells {
  /// Runs the cell and leaves with 0; what it prints to standard error is the child's last words.
  [[noreturn]] void run_and_leave(const char* code) {
    shown(code);
    _exit(0);
  }
};

TEST_F(CppCrash, SignalsAreNamed) {
  struct Case {
    const char* code;
    int signal;
    const char* words;
  };
  const Case cases[] = {
      {"*static_cast<volatile int*>(nullptr) = 1;", SIGSEGV, "SIGSEGV in cell 1: null pointer"},
      {"*reinterpret_cast<volatile int*>(0xdead0000) = 1;", SIGSEGV, "SIGSEGV in cell 1"},
      {"std::abort();", SIGABRT, "SIGABRT in cell 1"},
      {"struct S { ~S() noexcept(false) { throw 1; } };\ntry { S s; throw 2; } catch (...) {}",
       SIGABRT, "SIGABRT in cell 1"},
      {"volatile int zero = 0; 1000 / zero", SIGFPE, "SIGFPE in cell 1"},
      {"int deep(volatile int* p) { volatile int a[256]; a[0] = *p; return deep(a) + a[0]; }\n"
       "volatile int start = 1; deep(&start)",
       SIGSEGV, "SIGSEGV in cell 1: stack overflow"},
  };
  for (const Case& each : cases) {
    EXPECT_EXIT(run_and_leave(each.code), ::testing::KilledBySignal(each.signal), each.words)
        << each.code;
  }
}

TEST_F(CppCrash, MemoryThatIsNotThereIsAnException) {
  const auto limited = [this] {
    const rlimit limit{4ul << 30, 4ul << 30};
    setrlimit(RLIMIT_AS, &limit);
    const std::string end = shown("std::vector<char> all(10ul << 30);");
    _exit(end == "!std::bad_alloc: std::bad_alloc" ? 0 : 1);
  };
  EXPECT_EXIT(limited(), ::testing::ExitedWithCode(0), "");
}

TEST_F(CppCrash, ExitIsTheCellsOwn) {
  EXPECT_EXIT(run_and_leave("std::exit(7);"), ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace trireme
