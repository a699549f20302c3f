// What a seed decides before anything happens: sizes, options, and how bad the world is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "controller/scheduler/placement.hpp"

namespace trireme::sim {

/// Each schedule switches some dangers on and others off, so that rare ones are not always hidden
/// behind common ones.
struct Schedule {
  std::uint64_t seed = 0;

  // The controller.
  Scheme scheme = Scheme::kLeastLoad;
  std::uint32_t hwm = 1;
  std::size_t outcomes_remembered = 0;
  bool is_signed = true;
  bool wakes_after_each = false;  // deadlines are looked at after each message, too

  // The people.
  std::size_t engines = 1;
  std::size_t clients = 1;
  std::size_t actions_each = 10;
  std::chrono::nanoseconds action_gap_max{};
  std::chrono::nanoseconds task_max{};
  unsigned dependencies = 0;  // percent of tasks that have them, and so on
  unsigned targets = 0;
  unsigned retries = 0;
  unsigned timeouts = 0;
  unsigned fails = 0;
  unsigned unmet = 0;
  unsigned purges = 0;

  // The world.
  std::chrono::nanoseconds delay_max{};
  std::chrono::nanoseconds store_delay_max{};
  bool store_sees_the_future = false;  // answers are made when they are given, not when asked for
  bool store_fails = false;
  std::size_t faults = 0;
  std::chrono::nanoseconds faults_for{};
  bool has_stalls = false;   // the controller itself does not get to run
  bool has_hostile = false;  // somebody sends nonsense
};

Schedule draw_schedule(std::uint64_t seed);
std::string describe(const Schedule& schedule);

}  // namespace trireme::sim
