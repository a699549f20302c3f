// What the engines of a chaos run do, and what must come of it.
#pragma once

#include <cstdint>
#include <string>

#include <trireme/task.hpp>

namespace chaos {

/// Notes its start and its end in the journal of runs, sleeps in between, and gives a number that
/// depends on `index` alone. With `fails_first` the first run of all fails.
inline constexpr trireme::Task<std::int64_t(std::int64_t index, double seconds, bool fails_first,
                                            std::string folder)>
    kWork{"chaos.work"};

/// What kWork gives; the checker in chaos_checks.py counts the same way.
constexpr std::int64_t result_of(std::int64_t index) { return index * 2654435761 % 2147483647; }

}  // namespace chaos
