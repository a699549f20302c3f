#include <cmath>
#include <numeric>
#include <span>

#include <trireme/plugin.hpp>

#include "norm_tasks.hpp"

TRIREME_PLUGIN(registry) {
  registry.add(tasks::norm, [](std::span<const double> v) {
    return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
  });
}
