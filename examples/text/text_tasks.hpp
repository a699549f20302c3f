// What the text plug-in computes, declared once for the plug-in and for those who call it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <trireme/fields.hpp>
#include <trireme/task.hpp>

namespace text {

using WordCount = std::pair<std::string, std::int64_t>;

/// Facts about one file. `error` is empty when the file could be read.
struct FileReport {
  std::string path;  // as given
  std::int64_t bytes = 0;
  std::int64_t lines = 0;            // line breaks
  std::int64_t words = 0;            // runs of letters
  std::vector<WordCount> top_words;  // the most frequent, in lower case, at most five
  std::string sha256;                // 64 hexadecimal digits
  std::string error;
};
TRIREME_FIELDS(FileReport, path, bytes, lines, words, top_words, sha256, error);

/// Facts about some files together.
struct BundleReport {
  std::vector<FileReport> files;                    // in the order given
  std::map<std::string, std::int64_t> word_counts;  // over all of them
};
TRIREME_FIELDS(BundleReport, files, word_counts);

/// Reads files of a folder (which the engine must see too) and reports on each.
///   read_files(folder, paths within the folder)
inline constexpr trireme::Task<BundleReport(std::string, std::vector<std::string>)> read_files{
    "text.read_files"};

}  // namespace text
