// What the engines of the tests can do.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <span>
#include <stdexcept>
#include <thread>

#include <trireme/plugin.hpp>

#include "tests/system/client/tasks.hpp"

TRIREME_PLUGIN(registry) {
  registry.add(test_tasks::kSum, [](std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  });
  registry.add(test_tasks::kSummary, [](const trireme::ArrayView<double>& values) {
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    const auto count = static_cast<std::int64_t>(values.size());
    return test_tasks::Summary{count, sum / static_cast<double>(count)};
  });
  registry.add(test_tasks::kMultiply, [](std::int64_t a, std::int64_t b) { return a * b; });
  registry.add(test_tasks::kReverse, [](std::vector<double> values) {
    std::reverse(values.begin(), values.end());
    return values;
  });
  registry.add(test_tasks::kFail,
               [](const std::string& text) { throw std::invalid_argument(text); });
  registry.add(test_tasks::kPrint, [](const std::string& out, const std::string& error) {
    std::cout << out << std::flush;
    std::cerr << error << std::flush;
  });
  registry.add(test_tasks::kWaitForFile, [](const std::string& file) {
    while (!std::filesystem::exists(file)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  registry.add(test_tasks::kFailOdd, [](int number) {
    if (number % 2 != 0) throw std::runtime_error("odd: " + std::to_string(number));
    return number;
  });
}
