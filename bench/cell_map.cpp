// How long a map over a function takes that was typed into a cell a moment ago, beside the same
// function of a plug-in: on a running cluster, as bench/cell-map starts one.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <vector>

#include <trireme/client.hpp>

namespace trireme {
namespace {

constexpr int kValues = 100'000;
constexpr int kRounds = 9;
constexpr int kRoundsOfManyTasks = 3;
constexpr int kEngines = 4;
constexpr double kRatioMax = 2;

constexpr const char* kCell = "long mixed(long x) { return x * 2'654'435'761 % 1'000'003 - x; }";

using Function = Task<long(long)>;
constexpr Function kOfCell{"mixed"};
constexpr Function kOfPlugin{"bench.mixed"};

std::vector<long> inputs() {
  std::vector<long> values;
  for (long x = 0; x < kValues; ++x) values.push_back(x);
  return values;
}

bool is_right(const std::vector<long>& results) {
  if (results.size() != kValues) return false;
  for (long x = 0; x < kValues; ++x) {
    if (results[static_cast<std::size_t>(x)] != x * 2'654'435'761 % 1'000'003 - x) return false;
  }
  return true;
}

/// Milliseconds; negative when the results were wrong.
template <class Map>
double measure(Map map) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<long> results = map();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return is_right(results) ? took.count() : -1;
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// `map` gives the results of a function over all inputs. Both functions take turns, so that other
/// load falls on them alike.
template <class Map>
bool compare(const char* name, int rounds, Map map) {
  std::vector<double> of_cell, of_plugin;
  for (int round = 0; round < rounds; ++round) {
    of_plugin.push_back(measure([&] { return map(kOfPlugin); }));
    of_cell.push_back(measure([&] { return map(kOfCell); }));
    if (of_cell.back() < 0 || of_plugin.back() < 0) {
      std::printf("%-28s wrong results\n", name);
      return false;
    }
  }
  const double ratio = median(of_cell) / median(of_plugin);
  std::printf("%-28s plug-in %7.1f ms   cell %7.1f ms   ratio %.2f\n", name, median(of_plugin),
              median(of_cell), ratio);
  return ratio <= kRatioMax;
}

int run() {
  const Client client;
  if (!client.wait_for_engines(kEngines, std::chrono::seconds(10))) {
    std::fprintf(stderr, "cell_map: there are not %d engines; use bench/cell-map\n", kEngines);
    return 1;
  }
  const DirectView all = client.direct_view();
  const LoadBalancedView balanced = client.load_balanced_view();
  const std::vector<long> values = inputs();
  all.execute(kCell).get();
  std::printf("%d values on %zu engines\n", kValues, client.ids().size());
  MapOptions chunks;
  chunks.chunk_size = 1'000;
  bool good = compare("one part for each engine", kRounds,
                      [&](const Function& f) { return all.map(f, values).get(); });
  good = compare("1,000 values in a task", kRounds,
                 [&](const Function& f) { return balanced.map(chunks, f, values).get(); }) &&
         good;
  good = compare("a task for each value", kRoundsOfManyTasks,
                 [&](const Function& f) { return balanced.map(f, values).get(); }) &&
         good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace trireme

int main() {
  try {
    return trireme::run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "cell_map: %s\n", failure.what());
    return 1;
  }
}
