#include "cli/progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace trireme::cli {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{80};

std::string rate(const BarState& state) {
  const double seconds = static_cast<double>(state.elapsed.count()) / 1000.0;
  if (state.done == 0 || seconds <= 0) return "";
  std::array<char, 48> text{};
  const double per_second = static_cast<double>(state.done) / seconds;
  std::snprintf(text.data(), text.size(), per_second < 10 ? "  %.1f/s" : "  %.0f/s", per_second);
  return text.data();
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

std::string render_progress(const BarState& state, std::size_t width) {
  std::string facts = " " + std::to_string(state.done);
  if (state.total) facts += "/" + std::to_string(*state.total);
  facts += rate(state);
  if (state.failed > 0) facts += "  " + std::to_string(state.failed) + " failed";
  if (!state.total || facts.size() + 8 > width) return facts.substr(0, width);
  const std::size_t bar = std::min<std::size_t>(width - facts.size() - 3, 40);
  const std::size_t total = std::max<std::size_t>(*state.total, 1);
  const std::size_t filled = std::min(bar, bar * state.done / total);
  return "[" + std::string(filled, '#') + std::string(bar - filled, ' ') + "]" + facts;
}

ProgressBar::ProgressBar(bool wanted)
    : active_(wanted && ::isatty(STDERR_FILENO) == 1), started_(std::chrono::steady_clock::now()) {}

void ProgressBar::draw(BarState state) {
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  const bool finished = state.total && state.done == *state.total;
  if (drawn_ && !finished && now - last_drawn_ < kRedrawInterval) return;
  state.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  const std::string line = render_progress(state, terminal_width() - 1);
  std::fprintf(stderr, "\r%s\033[K", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
  last_drawn_ = now;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace trireme::cli
