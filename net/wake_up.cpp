#include "net/wake_up.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "session/result.hpp"

namespace trireme {

WakeUp::WakeUp() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  TRIREME_CHECK(fd_ >= 0, "the system gave no event descriptor; raise the limit on open files");
}

WakeUp::~WakeUp() { ::close(fd_); }

void WakeUp::signal() noexcept {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the reader wakes anyway.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void WakeUp::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_, &count, sizeof count);
}

}  // namespace trireme
