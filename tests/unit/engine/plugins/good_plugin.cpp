// A plug-in as users write them; the tests call its tasks.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <trireme/plugin.hpp>

namespace {

constexpr trireme::Task<double(std::vector<double>)> kNorm{"test.norm"};

struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

TRIREME_PLUGIN(registry) {
  registry.add(kNorm, [](std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum);
  });
  registry.add("test.fail", [](std::string text) -> int { throw BadInput(text); });
  registry.add("test.task_error", []() -> int { throw trireme::TaskError("MyName", "my text"); });
  registry.add("test.print", [](trireme::TaskContext& context, std::string text) {
    std::cout << "cout " << text << std::endl;
    std::printf("printf %s\n", text.c_str());
    std::cerr << "cerr " << text << std::endl;
    context.write_out("context " + text + "\n");
  });
  registry.add("test.abort", [](std::string text) {
    std::cerr << text << std::endl;
    std::abort();
  });
  registry.add("test.wait", [](trireme::TaskContext& context) {
    while (!context.stop_requested()) {
    }
    context.throw_if_stopped();
  });
}
