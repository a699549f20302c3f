// Lines that a person types: with editing and a history where the system's libedit is there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::cli {

/// Reads standard input line by line. At most one may live.
class LineReader {
 public:
  /// `history_file` keeps lines from one console to the next; it need not exist.
  explicit LineReader(std::filesystem::path history_file);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line without its end; empty at the end of the input. The prompt is shown to terminals
  /// only.
  std::optional<std::string> read(const std::string& prompt);
  void remember(const std::string& line);

  /// What could stand in place of line[begin, end), a word that ends at the cursor. Must not throw.
  using Completer = std::function<std::vector<std::string>(std::string_view line, std::size_t begin,
                                                           std::size_t end)>;
  /// Asks `completer` whenever Tab is pressed.
  void complete_with(Completer completer);

 private:
  std::filesystem::path history_file_;
  bool edits_;
};

}  // namespace trireme::cli
