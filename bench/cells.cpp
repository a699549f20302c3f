// What cells of C++ cost the processor: the start of the compiler, typical cells, memory, and calls
// of functions that cells have defined beside the same function of a plug-in.
//
//   TRIREME_CPP_RUNTIME=build/release/lib/libtrireme_cpp_runtime.so build/release/bin/cells
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

#include "engine/function_table.hpp"
#include "engine/name_space.hpp"
#include "engine/runtimes/cpp_offer.hpp"

namespace trireme {
namespace {

constexpr int kRounds = 20;
constexpr int kCalls = 100'000;

struct QuietSink final : CellSink {
  void write_out(std::string_view) override {}
  void write_err(std::string_view) override {}
  void display(CellDisplay) override {}
  void clear_output(bool) override {}
  Result<std::string> request_input(std::string_view, bool) override {
    return Error{ErrorCode::kPermission, "Nobody is asked in a measurement."};
  }
};

struct QuietContext final : TaskContext {
  explicit QuietContext(NameSpace& shared) : names(shared) {}
  std::stop_token stop_token() const override { return {}; }
  int engine_id() const override { return 0; }
  std::string engine_uuid() const override { return {}; }
  std::string msg_id() const override { return {}; }
  NameSpace& name_space() override { return names; }
  void write_out(std::string_view) override {}
  void write_err(std::string_view) override {}
  void display(const Dict&) override {}
  NameSpace& names;
};

/// Of the processor: what else runs on the machine does not count.
template <class Work>
double milliseconds_of(Work work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) * 1000 / CLOCKS_PER_SEC;
}

/// What this process alone has; code of libraries is shared between engines.
long private_megabytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  long kilobytes = 0;
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Private_Dirty"))
      kilobytes += std::atol(line.substr(line.find(':') + 1).c_str());
  }
  return kilobytes / 1024;
}

void run_or_leave(Runtime& cpp, const std::string& code) {
  QuietSink sink;
  const CellOutcome outcome = cpp.execute(code, {}, sink);
  if (const auto* failed = std::get_if<TaskFailure>(&outcome)) {
    std::printf("%s: %s\n", failed->ename.c_str(), failed->evalue.c_str());
    std::exit(1);
  }
}

void measure_cells(Runtime& cpp) {
  struct Case {
    const char* what;
    std::string code;  // '@' becomes a number
  };
  const Case cases[] = {
      {"declaration (int n = 1;)", "int n@ = 1;"},
      {"statement (n += 1;)", "n0 += 1;"},
      {"function of one line", "int f@(int x) { return x * x; }"},
      {"expression of a number", "n0 + 1"},
      {"expression of a vector<double>", "std::vector<double>{1, 2, 3}"},
      {"std::cout << n;", "std::cout << \"\";"},
      {"map<string, vector<int>>, shown", "std::map<std::string, std::vector<int>>{{\"a\", {1}}}"},
      {"sort of a vector<int>", "std::vector<int> v@{3, 1, 2}; std::sort(v@.begin(), v@.end());"},
      {"a cell that does not compile", ""},
  };
  run_or_leave(cpp, "#include <algorithm>");
  for (const Case& each : cases) {
    double total = 0;
    double first = 0;
    for (int round = 0; round < kRounds; ++round) {
      std::string code = each.code.empty() ? "int bad = missing;" : each.code;
      for (auto at = code.find('@'); at != std::string::npos; at = code.find('@')) {
        code.replace(at, 1, std::to_string(round));
      }
      QuietSink sink;
      const double taken = milliseconds_of([&] { (void)cpp.execute(code, {}, sink); });
      (round == 0 ? first : total) += taken;
    }
    std::printf("%-34s %8.1f ms, the first time %8.1f ms\n", each.what, total / (kRounds - 1),
                first);
  }
}

double nanoseconds_per_call(const NativeFunction& function, QuietContext& context) {
  const double taken = milliseconds_of([&] {
    for (int i = 0; i < kCalls; ++i) {
      Call call{context, "square", {static_cast<double>(i)}, {}};
      if (function(call).as_double() < 0) std::exit(1);
    }
  });
  return taken * 1e6 / kCalls;
}

int run() {
  EngineNameSpace names;
  std::unique_ptr<Runtime> cpp;
  const double start = milliseconds_of([&] {
    auto made = create_cpp_runtime({names, 0, ""});
    if (!made || !(*made)->prepare()) std::exit(1);
    cpp = std::move(*made);
  });
  std::printf("%-34s %8.1f ms\n", "start of the compiler", start);
  std::printf("%-34s %8ld MB\n", "memory after the start", private_megabytes());
  measure_cells(*cpp);
  const long before = private_megabytes();
  for (int i = 0; i < 1000; ++i) run_or_leave(*cpp, "n0 += 1;");
  std::printf("%-34s %8ld MB\n", "memory for 1,000 cells more", private_megabytes() - before);
  run_or_leave(*cpp, "double square(double x) { return x * x; }");
  FunctionTable table;
  table.add("square", [](double x) { return x * x; });
  QuietContext context(names);
  auto cell = cpp->function("square");
  if (!cell) return 1;
  std::printf("%-34s %8.0f ns\n", "a call of a cell's function",
              nanoseconds_per_call(*cell, context));
  std::printf("%-34s %8.0f ns\n", "a call of a plug-in's function",
              nanoseconds_per_call(table.find("square")->function, context));
  return 0;
}

}  // namespace
}  // namespace trireme

int main() { return trireme::run(); }
