// Tasks of the tests, shared by the plug-in and the caller.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <trireme/fields.hpp>
#include <trireme/task.hpp>

namespace test_tasks {

struct Summary {
  std::int64_t count = 0;
  double mean = 0;
};
TRIREME_FIELDS(Summary, count, mean);

inline constexpr trireme::Task<double(std::vector<double>)> kSum{"test.sum"};
inline constexpr trireme::Task<Summary(trireme::ArrayView<double>)> kSummary{"test.summary"};
inline constexpr trireme::Task<std::int64_t(std::int64_t, std::int64_t)> kMultiply{"test.multiply"};
inline constexpr trireme::Task<std::vector<double>(std::vector<double>)> kReverse{"test.reverse"};
inline constexpr trireme::Task<void(std::string)> kFail{"test.fail"};
inline constexpr trireme::Task<void(std::string, std::string)> kPrint{"test.print"};
inline constexpr trireme::Task<int(int)> kFailOdd{"test.fail_odd"};
inline constexpr trireme::Task<void(std::string)> kWaitForFile{"test.wait_for_file"};

}  // namespace test_tasks
