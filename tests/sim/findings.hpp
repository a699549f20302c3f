// What the checkers of a simulation found wrong.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace trireme::sim {

/// Collects; the first finding usually explains the others, so only a few are kept.
class Findings {
 public:
  void add(std::string text) {
    if (texts_.size() < kKeptMax) texts_.push_back(std::move(text));
  }
  bool empty() const { return texts_.empty(); }
  std::string text() const {
    std::string all;
    for (const std::string& finding : texts_) all += "  " + finding + "\n";
    return all;
  }

 private:
  static constexpr std::size_t kKeptMax = 5;

  std::vector<std::string> texts_;
};

}  // namespace trireme::sim
