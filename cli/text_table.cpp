#include "cli/text_table.hpp"

#include <algorithm>
#include <utility>

#include "session/characters.hpp"

namespace trireme::cli {
namespace {

void append_cell(std::string& line, const std::string& text, std::size_t width, Align align) {
  const std::string padding(width - std::min(width, display_width(text)), ' ');
  line += align == Align::kRight ? padding + text : text + padding;
}

void end_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + "\n";
}

}  // namespace

void TextTable::add_row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::to_string() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].heading);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  std::string text;
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) line += "  ";
    append_cell(line, columns_[i].heading, widths[i], columns_[i].align);
  }
  end_line(text, std::move(line));
  for (const auto& row : rows_) {
    line.clear();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += "  ";
      append_cell(line, row[i], widths[i], columns_[i].align);
    }
    end_line(text, std::move(line));
  }
  return text;
}

std::size_t display_width(const std::string& text) { return count_characters(text); }

std::string one_line(const std::string& text, std::size_t width) {
  std::string line = text;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  if (display_width(line) <= width) return line;
  const std::size_t kept = width > 3 ? width - 3 : 0;
  return line.substr(0, byte_position(line, kept)) + std::string(width - kept, '.');
}

}  // namespace trireme::cli
