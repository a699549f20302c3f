#include "cli/output.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace trireme::cli {
namespace {

void write_all(std::FILE* file, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

}  // namespace

void print_json(const Value& value, bool pretty) {
  print((pretty ? to_pretty_json(value) : to_json(value)) + "\n");
}

void print(const std::string& text) { write_all(stdout, text); }
void print_error(const std::string& text) { write_all(stderr, text); }

std::string describe_duration(std::chrono::seconds time) {
  const auto total = time.count();
  const auto two = [](std::int64_t large, const char* unit, std::int64_t small, const char* sub) {
    return std::to_string(large) + unit + std::to_string(small) + sub;
  };
  if (total >= 86400) return two(total / 86400, " d ", total % 86400 / 3600, " h");
  if (total >= 3600) return two(total / 3600, " h ", total % 3600 / 60, " min");
  if (total >= 60) return two(total / 60, " min ", total % 60, " s");
  return std::to_string(total) + " s";
}

std::string describe_seconds(double seconds) {
  if (seconds >= 60) return describe_duration(std::chrono::seconds(std::llround(seconds)));
  std::array<char, 32> text{};
  if (seconds >= 1) {
    std::snprintf(text.data(), text.size(), "%.3g s", seconds);
  } else {
    std::snprintf(text.data(), text.size(), "%.3g ms", seconds * 1000);
  }
  return text.data();
}

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace trireme::cli
