// Thousands of short lives of a cluster, each decided by its seed.
//
// TRIREME_SIM_SEED=n runs one schedule and writes each message to standard error;
// TRIREME_SIM_COUNT=n changes how many schedules the normal run has.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "tests/sim/sim_cluster.hpp"

namespace trireme::sim {
namespace {

#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSchedulesUsual = 12'000;
#else
constexpr std::uint64_t kSchedulesUsual = 600;  // everything is slower here
#endif
constexpr std::uint64_t kShards = 4;
constexpr std::uint64_t kTwinEvery = 16;  // of so many schedules one runs twice

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

std::string how_to_rerun(const Schedule& schedule) {
  return describe(schedule) + "\nrun it again: TRIREME_SIM_SEED=" + std::to_string(schedule.seed) +
         " cluster_sim_test";
}

// A broken promise ends the process; the seed must be known all the same.
char last_words[512];

void say_last_words(int) {
  const auto ignored = ::write(STDERR_FILENO, last_words, std::strlen(last_words));
  static_cast<void>(ignored);
  std::signal(SIGABRT, SIG_DFL);
}

void remember(const Schedule& schedule) {
  std::snprintf(last_words, sizeof last_words, "%s\n", how_to_rerun(schedule).c_str());
  std::signal(SIGABRT, say_last_words);
}

/// Runs a schedule; false when something was found.
bool run_schedule(std::uint64_t seed, bool is_verbose, bool runs_twice) {
  const Schedule schedule = draw_schedule(seed);
  remember(schedule);
  SimCluster cluster(schedule, is_verbose);
  cluster.run();
  if (!cluster.findings().empty() || ::testing::Test::HasFailure()) {
    ADD_FAILURE() << cluster.findings().text() << how_to_rerun(schedule);
    return false;
  }
  if (!runs_twice) return true;
  SimCluster twin(schedule);
  twin.run();
  EXPECT_EQ(cluster.trace_hash(), twin.trace_hash())
      << "two runs differ: something else than the seed decides\n"
      << how_to_rerun(schedule);
  return cluster.trace_hash() == twin.trace_hash();
}

/// Schedules are dealt out to a few tests, so that they run beside each other.
class ClusterSimulation : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ClusterSimulation, LosesNothingAndAnswersEveryTaskOnce) {
  const auto only = number_from_environment("TRIREME_SIM_SEED");
  if (only) {
    if (GetParam() == 0) run_schedule(*only, /*is_verbose=*/true, /*runs_twice=*/true);
    return;
  }
  const std::uint64_t count =
      number_from_environment("TRIREME_SIM_COUNT").value_or(kSchedulesUsual);
  for (std::uint64_t seed = GetParam(); seed < count; seed += kShards) {
    if (!run_schedule(seed, /*is_verbose=*/false, seed / kShards % kTwinEvery == 0)) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Shard, ClusterSimulation, ::testing::Range<std::uint64_t>(0, kShards));

TEST(ClusterSimulationSeeds, DifferentSeedsLeadDifferentLives) {
  SimCluster one(draw_schedule(1));
  one.run();
  SimCluster other(draw_schedule(2));
  other.run();
  EXPECT_NE(one.trace_hash(), other.trace_hash());
}

}  // namespace
}  // namespace trireme::sim
