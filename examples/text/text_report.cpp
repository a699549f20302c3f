#include "examples/text/text_report.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

#include "examples/text/text_statistics.hpp"

namespace text {
namespace {

constexpr std::size_t kFilesShown = 10;
constexpr std::size_t kWordsShown = 10;
constexpr std::size_t kNameColumns = 36;
constexpr double kMebibyte = 1024.0 * 1024.0;

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::array<char, 256> text{};
  va_list values;
  va_start(values, pattern);
  std::vsnprintf(text.data(), text.size(), pattern, values);
  va_end(values);
  return text.data();
}

/// The end of a path that is too long for its column.
std::string shorten(const std::string& path) {
  if (path.size() <= kNameColumns) return path;
  return "..." + path.substr(path.size() - kNameColumns + 3);
}

std::string list_words(const std::vector<WordCount>& words, bool with_counts) {
  std::string text;
  for (const auto& [word, count] : words) {
    if (!text.empty()) text += ", ";
    text += word;
    if (with_counts) text += " " + std::to_string(count);
  }
  return text;
}

}  // namespace

void Report::add(const BundleReport& bundle, int engine, double busy_seconds) {
  Share& share = shares_[engine];
  ++share.tasks;
  share.files += bundle.files.size();
  share.busy_seconds += busy_seconds;
  for (const FileReport& file : bundle.files) share.bytes += file.bytes;
  for (const auto& [word, count] : bundle.word_counts) word_counts_[word] += count;
  files_.insert(files_.end(), bundle.files.begin(), bundle.files.end());
}

std::size_t Report::failed_files() const {
  return static_cast<std::size_t>(std::count_if(
      files_.begin(), files_.end(), [](const FileReport& file) { return !file.error.empty(); }));
}

std::string Report::describe_files() const {
  std::vector<FileReport> largest = files_;
  std::sort(largest.begin(), largest.end(), [](const FileReport& a, const FileReport& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
  });
  FileReport sum;
  for (const FileReport& file : files_) {
    sum.bytes += file.bytes;
    sum.lines += file.lines;
    sum.words += file.words;
  }
  const auto row = [](const std::string& name, const FileReport& file, const std::string& digest,
                      const std::string& words) {
    std::string line =
        format("%-36s %10lld %8lld %9lld  %-12s  %s", name.c_str(),
               static_cast<long long>(file.bytes), static_cast<long long>(file.lines),
               static_cast<long long>(file.words), digest.c_str(), words.c_str());
    return line.erase(line.find_last_not_of(' ') + 1) + "\n";
  };
  std::string text = format("%-36s %10s %8s %9s  %-12s  %s\n", "file", "bytes", "lines", "words",
                            "sha256", "most frequent words");
  for (std::size_t i = 0; i < std::min(kFilesShown, largest.size()); ++i) {
    const FileReport& file = largest[i];
    const std::vector<WordCount> top(
        file.top_words.begin(),
        file.top_words.begin() + std::min<std::ptrdiff_t>(3, std::ssize(file.top_words)));
    text += row(shorten(file.path), file, file.sha256.substr(0, 12), list_words(top, false));
  }
  if (largest.size() > kFilesShown) {
    text += format("... and %zu more\n", largest.size() - kFilesShown);
  }
  text += row("all " + std::to_string(files_.size()) + " files", sum, "", "");
  text += "\nMost frequent of " + std::to_string(word_counts_.size()) +
          " different words: " + list_words(most_frequent(word_counts_, kWordsShown), true) + "\n";
  return text;
}

std::string Report::describe_engines(double seconds) const {
  std::string text = format("%6s %7s %7s %9s %10s\n", "engine", "tasks", "files", "MiB", "busy");
  double busy = 0;
  for (const auto& [engine, share] : shares_) {
    busy += share.busy_seconds;
    text += format("%6d %7zu %7zu %9.2f %8.2f s\n", engine, share.tasks, share.files,
                   static_cast<double>(share.bytes) / kMebibyte, share.busy_seconds);
  }
  return text +
         format("%.2f s of work done in %.2f s by %zu engines.\n", busy, seconds, shares_.size());
}

std::string describe_progress(std::size_t done, std::size_t total) {
  constexpr std::size_t kBar = 40;
  const std::size_t filled = total == 0 ? kBar : kBar * done / total;
  return "[" + std::string(filled, '#') + std::string(kBar - filled, ' ') + "] " +
         std::to_string(done) + "/" + std::to_string(total) + " tasks";
}

}  // namespace text
