// Rows of text under headings, each column as wide as its widest cell.
#pragma once

#include <string>
#include <vector>

namespace trireme::cli {

/// How the cells of one column stand.
enum class Align { kLeft, kRight };

struct Column {
  std::string heading;
  Align align = Align::kLeft;
};

class TextTable {
 public:
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Missing cells are empty, more cells than columns are dropped.
  void add_row(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }

  /// With a line break after each row and no blanks at the ends of lines.
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// How many columns a terminal needs for UTF-8 text, combining characters aside.
std::size_t display_width(const std::string& text);

/// One line of at most `width` columns: line breaks become blanks, what is cut off becomes `...`.
std::string one_line(const std::string& text, std::size_t width);

}  // namespace trireme::cli
