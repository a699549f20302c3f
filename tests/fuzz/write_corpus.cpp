// Writes what every target begins from: fuzz_corpus FOLDER makes FOLDER/<target>/<number>, and
// FOLDER/<target>.dict for libFuzzer's -dict.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/fuzz_target.hpp"

namespace {

std::string dictionary_entry(std::string_view token) {
  std::string line = "\"";
  for (const char c : token) {
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
    line += text;
  }
  return line + "\"\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_corpus FOLDER\n");
    return 2;
  }
  for (const trireme::fuzz::FuzzTarget& target : trireme::fuzz::fuzz_targets()) {
    const std::filesystem::path folder = std::filesystem::path(argv[1]) / target.name;
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const std::string& input : target.corpus()) {
      std::ofstream(folder / std::to_string(number++), std::ios::binary) << input;
    }
    std::ofstream dictionary(folder.string() + ".dict");
    for (const std::string_view token : target.tokens()) dictionary << dictionary_entry(token);
  }
  return 0;
}
