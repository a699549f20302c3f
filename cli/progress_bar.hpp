// How far a piece of work is, on one line of the terminal that is drawn again and again.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace trireme::cli {

struct BarState {
  std::size_t done = 0;
  std::optional<std::size_t> total;  // empty while more inputs may come
  std::size_t failed = 0;
  std::chrono::milliseconds elapsed{0};
};

/// The line for a terminal of `width` columns.
std::string render_progress(const BarState& state, std::size_t width);

/// Draws to standard error, and only when that is a terminal; at most some ten times a second.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void draw(BarState state);
  /// Wipes the line, so that other output can be written; the next draw() brings it back at once.
  void clear();

 private:
  bool active_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point last_drawn_{};
};

}  // namespace trireme::cli
