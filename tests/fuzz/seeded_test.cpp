// Hostile input in the everyday tests: real inputs, spoiled in ways that a seed decides.
// TRIREME_FUZZ_COUNT sets how many per target, TRIREME_FUZZ_SEED which, TRIREME_FUZZ_FIRST from
// where on. A crash names all three, so that the input can be drawn again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/mutator.hpp"

namespace trireme::fuzz {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What the signal handler says; written before each input.
std::array<char, 256> last_words;

void note_input(const FuzzTarget& target, std::uint64_t seed, std::uint64_t number) {
  std::snprintf(last_words.data(), last_words.size(),
                "\nagain: TRIREME_FUZZ_SEED=%llu TRIREME_FUZZ_FIRST=%llu TRIREME_FUZZ_COUNT=1 "
                "the same program with --gtest_filter=*/%.*s\n",
                static_cast<unsigned long long>(seed), static_cast<unsigned long long>(number),
                static_cast<int>(target.name.size()), target.name.data());
}

extern "C" void say_last_words(int signal) {
  const std::size_t size =
      std::find(last_words.begin(), last_words.end(), '\0') - last_words.begin();
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, last_words.data(), size);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class HostileInput : public ::testing::TestWithParam<const FuzzTarget*> {
 protected:
  void SetUp() override {
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGALRM}) {
      std::signal(signal, say_last_words);
    }
  }
  void TearDown() override { ::alarm(0); }
};

TEST_P(HostileInput, EndsInBoundsAndKeepsEveryPromise) {
  const FuzzTarget& target = *GetParam();
  const std::uint64_t seed = setting("TRIREME_FUZZ_SEED", 20261122);
  const std::uint64_t wanted = setting("TRIREME_FUZZ_COUNT", 20'000);
  const std::uint64_t count = std::max<std::uint64_t>(1, wanted / target.cost);
  const std::uint64_t first = setting("TRIREME_FUZZ_FIRST", 0);
  Mutator mutator(target);
  std::uint64_t understood = 0;
  for (std::uint64_t number = first; number < first + count; ++number) {
    note_input(target, seed, number);
    if (number % 64 == 0) ::alarm(60);  // an input that takes for ever is a failure
    const std::string input = mutator.input(seed, number);
    if (target.run(input)) ++understood;
    ASSERT_FALSE(HasFailure()) << last_words.data();
  }
  std::printf("%.*s: seed %llu, %llu inputs, %llu understood\n",
              static_cast<int>(target.name.size()), target.name.data(),
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(count),
              static_cast<unsigned long long>(understood));
  // The mutations are mild enough that both sides of the first checks are visited.
  if (first == 0 && count >= 500) {
    EXPECT_GT(understood, count / 100);
    EXPECT_LT(understood, count);
  }
}

std::vector<const FuzzTarget*> all_targets() {
  std::vector<const FuzzTarget*> targets;
  for (const FuzzTarget& target : fuzz_targets()) targets.push_back(&target);
  return targets;
}

INSTANTIATE_TEST_SUITE_P(Targets, HostileInput, ::testing::ValuesIn(all_targets()),
                         [](const auto& at) { return std::string(at.param->name); });

TEST(Mutator, DrawsTheSameInputForTheSameNumbers) {
  for (const FuzzTarget& target : fuzz_targets()) {
    Mutator one(target);
    Mutator other(target);
    other.input(7, 5000);
    EXPECT_EQ(one.input(7, 4711), other.input(7, 4711)) << target.name;
    EXPECT_NE(one.input(7, 4711), one.input(8, 4711)) << target.name;
  }
}

TEST(Targets, UnderstandWhatTheyBeginFrom) {
  for (const FuzzTarget& target : fuzz_targets()) {
    std::size_t understood = 0;
    const std::vector<std::string> corpus = target.corpus();
    for (const std::string& input : corpus) understood += target.run(input) ? 1 : 0;
    EXPECT_GT(understood, corpus.size() / 2) << target.name << " of " << corpus.size();
  }
}

}  // namespace
}  // namespace trireme::fuzz
