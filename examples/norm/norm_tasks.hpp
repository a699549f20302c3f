// Declares the task that plug-in and caller share.
#pragma once
#include <vector>

#include <trireme/task.hpp>

namespace tasks {
inline constexpr trireme::Task<double(std::vector<double>)> norm{"example.norm"};
}  // namespace tasks
