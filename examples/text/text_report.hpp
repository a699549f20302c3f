// What the demo gathers from all tasks, and the tables it prints of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "examples/text/text_tasks.hpp"

namespace text {

/// What one engine contributed.
struct Share {
  std::size_t tasks = 0;
  std::size_t files = 0;
  std::int64_t bytes = 0;
  double busy_seconds = 0;
};

class Report {
 public:
  /// One task's result, and which engine it came from.
  void add(const BundleReport& bundle, int engine, double busy_seconds);

  const std::vector<FileReport>& files() const { return files_; }
  std::size_t failed_files() const;

  /// The largest files with their numbers, the totals, and the most frequent words.
  std::string describe_files() const;
  /// How the work was spread, and how much faster that was than one engine after the other.
  std::string describe_engines(double seconds) const;

 private:
  std::vector<FileReport> files_;
  std::map<std::string, std::int64_t> word_counts_;
  std::map<int, Share> shares_;
};

/// `[#####     ] 12/40 files...`: how far it is, for a terminal's line.
std::string describe_progress(std::size_t done, std::size_t total);

}  // namespace text
