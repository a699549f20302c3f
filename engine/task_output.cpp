// A bounded, ordered buffer of output pieces.
#include "engine/task_output.hpp"

#include <utility>

namespace trireme {
namespace {

/// Length of the character that a byte begins, 1 for bytes that begin none.
std::size_t character_bytes(unsigned char first) {
  if (first >= 0xF0 && first < 0xF8) return 4;
  if (first >= 0xE0) return first < 0xF0 ? 3 : 1;
  return first >= 0xC0 ? 2 : 1;
}

}  // namespace

std::size_t complete_utf8_bytes(std::string_view text) {
  constexpr std::size_t kTailMax = 3;
  for (std::size_t tail = 1; tail <= kTailMax && tail <= text.size(); ++tail) {
    const auto byte = static_cast<unsigned char>(text[text.size() - tail]);
    const bool continues = (byte & 0xC0) == 0x80;
    if (continues) continue;
    return character_bytes(byte) > tail ? text.size() - tail : text.size();
  }
  return text.size();
}

void TaskOutput::append(OutputPiece::Kind kind, std::string_view text) {
  if (text.empty()) return;
  bool was_empty = false;
  bool became_urgent = false;
  {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return closed_ || bytes_ < kBytesMax; });
    if (closed_) return;
    was_empty = bytes_ == 0;
    const bool was_urgent = bytes_ >= kUrgentBytes;
    const bool continues = !pieces_.empty() && pieces_.back().kind == kind && is_text(kind);
    if (continues) {
      pieces_.back().text += text;
    } else {
      pieces_.push_back({kind, std::string(text)});
    }
    bytes_ += text.size();
    became_urgent = !was_urgent && bytes_ >= kUrgentBytes;
  }
  if (became_urgent) {
    wake_(Urgency::kNow);
  } else if (was_empty) {
    wake_(Urgency::kSoon);
  }
}

std::vector<OutputPiece> TaskOutput::take() {
  const std::lock_guard lock(mutex_);
  return take_pieces();
}

std::vector<OutputPiece> TaskOutput::close() {
  const std::lock_guard lock(mutex_);
  std::vector<OutputPiece> taken = take_pieces();
  for (const auto kind : {OutputPiece::Kind::kStdout, OutputPiece::Kind::kStderr}) {
    if (!rest_of(kind).empty()) taken.push_back({kind, std::exchange(rest_of(kind), {})});
  }
  closed_ = true;
  taken_.notify_all();
  return taken;
}

std::vector<OutputPiece> TaskOutput::take_pieces() {
  std::vector<OutputPiece> taken;
  taken.reserve(pieces_.size());
  for (OutputPiece& piece : pieces_) {
    if (is_text(piece.kind)) {
      std::string text = std::exchange(rest_of(piece.kind), {}) + piece.text;
      const std::size_t complete = complete_utf8_bytes(text);
      rest_of(piece.kind) = text.substr(complete);
      text.resize(complete);
      piece.text = std::move(text);
    }
    if (!piece.text.empty()) taken.push_back(std::move(piece));
  }
  pieces_.clear();
  bytes_ = 0;
  taken_.notify_all();
  return taken;
}

}  // namespace trireme
