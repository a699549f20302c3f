// A plug-in whose tasks end their process in every way there is.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <trireme/plugin.hpp>

namespace {

/// Recursion that no compiler turns into a loop.
__attribute__((noinline)) int deeper(volatile int* above) {
  volatile int here[256];
  here[0] = above == nullptr ? 1 : above[0] + 1;
  return here[0] == 0 ? 0 : deeper(here) + here[0];
}

void say(const std::string& words) { std::cout << words << std::endl; }

}  // namespace

TRIREME_PLUGIN(registry) {
  registry.add("deadly.signal", [](int number, std::string words) {
    say(words);
    std::raise(number);
  });
  registry.add("deadly.null", [](std::string words) {
    say(words);
    *static_cast<volatile int*>(nullptr) = 1;  // NOLINT: the point of it
  });
  registry.add("deadly.abort", [](std::string words) {
    say(words);
    std::abort();
  });
  registry.add("deadly.exit", [](int status, std::string words) {
    say(words);
    ::_exit(status);
  });
  registry.add("deadly.overflow", [](std::string words) {
    say(words);
    return deeper(nullptr);
  });
  registry.add("deadly.loop", [](std::string words) {
    say(words);
    for (volatile bool on = true; on;) {
    }
  });
  registry.add("deadly.sleep", [] {
    for (;;) pause();
  });
  registry.add("deadly.hog", [](double gigabytes) {
    const auto bytes = static_cast<std::size_t>(gigabytes * 1e9);
    std::vector<char> space(bytes, 'x');
    return static_cast<double>(space[bytes / 2]);
  });
  registry.add("deadly.pid", [] { return static_cast<int>(getpid()); });
}
