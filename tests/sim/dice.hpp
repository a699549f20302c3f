// The one source of chance in a simulation: the same on every machine and standard library.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace trireme::sim {

/// Throws dice. Standard distributions differ between libraries, so none is used.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  /// 0 to count - 1; count is not 0.
  std::uint64_t below(std::uint64_t count) { return engine_() % count; }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::chrono::nanoseconds between(std::chrono::nanoseconds low, std::chrono::nanoseconds high) {
    if (high <= low) return low;
    return low + std::chrono::nanoseconds(below(static_cast<std::uint64_t>((high - low).count())));
  }
  /// Mostly close to `low`, now and then close to `high`.
  std::chrono::nanoseconds mostly_short(std::chrono::nanoseconds low,
                                        std::chrono::nanoseconds high) {
    return between(low, chance(90) ? low + (high - low) / 10 : high);
  }
  template <class Container>
  auto& pick(Container& container) {
    return container[below(container.size())];
  }
  /// Dice of its own for a part of the world, so that parts do not disturb each other.
  Dice fork() { return Dice(engine_()); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace trireme::sim
