// Remembers the cells an engine has run, for front ends that ask for their history.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace trireme {

/// The latest kCellsMax cells of this engine, in order. Survives the kernel process. Pure.
///
/// Invariant: numbers rise from cell to cell.
class CellHistory {
 public:
  static constexpr std::size_t kCellsMax = 10'000;
  static constexpr int kSession = 1;  // there is one

  /// A cell with this execution count begins.
  void add(int number, std::string code);
  /// What the cell showed as its value, as text.
  void set_output(int number, std::string text);

  /// The content of the reply to a history_request with this content (docs/protocol.md, "Cells").
  /// Requests that cannot be understood get an empty history.
  std::string answer(std::string_view content_json) const;

 private:
  struct Cell {
    int number;
    std::string code;
    std::string output;
  };
  std::deque<Cell> cells_;
};

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters and `?` for one.
bool fits_pattern(std::string_view text, std::string_view pattern);

}  // namespace trireme
