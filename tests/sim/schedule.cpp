// Draws schedules: most are small and quick, some are not.
#include "tests/sim/schedule.hpp"

#include "tests/sim/dice.hpp"

namespace trireme::sim {
namespace {

using namespace std::chrono_literals;

unsigned percent_or_none(Dice& dice, unsigned most) {
  return dice.chance(50) ? static_cast<unsigned>(1 + dice.below(most)) : 0;
}

std::string milliseconds_text(std::chrono::nanoseconds duration) {
  return std::to_string(duration / 1us) + " us";
}

}  // namespace

Schedule draw_schedule(std::uint64_t seed) {
  Dice dice(seed * 0x9E3779B97F4A7C15 + 1);
  Schedule schedule;
  schedule.seed = seed;

  if (dice.chance(40)) schedule.scheme = kSchemeNames[dice.below(kSchemeNames.size())].scheme;
  schedule.hwm = static_cast<std::uint32_t>(dice.chance(60) ? 1 : dice.below(4));
  schedule.outcomes_remembered = dice.chance(40) ? 1 + dice.below(8) : 65'536;
  schedule.is_signed = dice.chance(40);
  schedule.wakes_after_each = dice.chance(50);

  const bool is_big = dice.chance(5);
  schedule.engines = 1 + dice.below(is_big ? 12 : 5);
  schedule.clients = 1 + dice.below(is_big ? 5 : 3);
  schedule.actions_each = 5 + dice.below(is_big ? 120 : 25);
  schedule.action_gap_max = dice.chance(30) ? 5ms : dice.between(10ms, 800ms);
  schedule.task_max = dice.chance(30) ? 1ms : dice.between(5ms, 3s);
  schedule.dependencies = percent_or_none(dice, 80);
  schedule.targets = percent_or_none(dice, 50);
  schedule.retries = percent_or_none(dice, 80);
  schedule.timeouts = percent_or_none(dice, 40);
  schedule.fails = percent_or_none(dice, 40);
  schedule.unmet = percent_or_none(dice, 30);
  schedule.purges = percent_or_none(dice, 10);

  schedule.delay_max = dice.chance(50) ? 500us : dice.between(1ms, 1s);
  schedule.store_delay_max = dice.chance(50) ? 100us : dice.between(1ms, 2s);
  schedule.store_sees_the_future = dice.chance(50);
  schedule.store_fails = dice.chance(10);
  schedule.faults = dice.chance(25) ? 0 : dice.below(is_big ? 30 : 10);
  schedule.faults_for = dice.between(1s, 15s);
  schedule.has_stalls = dice.chance(30);
  schedule.has_hostile = dice.chance(20);
  return schedule;
}

std::string describe(const Schedule& schedule) {
  return "seed " + std::to_string(schedule.seed) + ": " +
         std::string(scheme_name(schedule.scheme)) + ", hwm " + std::to_string(schedule.hwm) +
         ", " + std::to_string(schedule.outcomes_remembered) + " outcomes remembered, " +
         std::to_string(schedule.engines) + " engines, " + std::to_string(schedule.clients) +
         " clients with " + std::to_string(schedule.actions_each) + " actions each, " +
         std::to_string(schedule.faults) + " faults in " + milliseconds_text(schedule.faults_for) +
         ", delays to " + milliseconds_text(schedule.delay_max) + ", store answers within " +
         milliseconds_text(schedule.store_delay_max) + (schedule.store_fails ? " or fails" : "") +
         (schedule.has_stalls ? ", stalls" : "") + (schedule.has_hostile ? ", nonsense" : "");
}

}  // namespace trireme::sim
