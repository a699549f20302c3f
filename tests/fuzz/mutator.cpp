#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <utility>

#include "tests/fuzz/frame_text.hpp"

namespace trireme::fuzz {

Mutator::Mutator(const FuzzTarget& target)
    : target_(target), originals_(target.corpus()), tokens_(target.tokens()) {
  demand(!originals_.empty(), "every target has a corpus");
  demand(!tokens_.empty(), "every target has tokens");
}

std::string Mutator::input(std::uint64_t seed, std::uint64_t number) {
  std::seed_seq sequence{seed, seed >> 32, number, number >> 32};
  random_.seed(sequence);
  if (number < originals_.size()) return originals_[number];
  if (draw(20) == 0) return noise();
  std::string bytes = original();
  for (std::size_t edits = 1 + draw(6); edits > 0; --edits) {
    if (target_.shape == InputShape::kFrames && draw(8) != 0) {
      edit_frames(bytes);
    } else {
      edit(bytes);
    }
  }
  return bytes;
}

std::size_t Mutator::draw(std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
}

const std::string& Mutator::original() { return originals_[draw(originals_.size())]; }

std::string Mutator::token() {
  if (draw(4) == 0) return std::string(1, static_cast<char>(draw(256)));
  return std::string(tokens_[draw(tokens_.size())]);
}

std::string Mutator::noise() {
  std::string bytes;
  for (std::size_t pieces = draw(64); pieces > 0; --pieces) bytes += token();
  return bytes;
}

void Mutator::edit(std::string& bytes) {
  const std::size_t at = draw(bytes.size() + 1);
  switch (draw(7)) {
    case 0: {
      const std::string put = token();
      bytes.replace(at, put.size(), put);
      break;
    }
    case 1:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << draw(8)));
      break;
    case 2: {
      const std::string put = token();
      // Rarely very many: what nests, nests deeply then.
      for (std::size_t i = draw(200) == 0 ? draw(1000) : draw(4) + 1; i > 0; --i) {
        bytes.insert(at, put);
      }
      break;
    }
    case 3:
      bytes.erase(at, 1 + draw(8));
      break;
    case 4: {
      const std::string& other = original();
      bytes.insert(at, other, draw(other.size() + 1), 1 + draw(40));
      break;
    }
    case 5:
      if (draw(4) == 0) bytes.resize(at);
      break;
    default: {
      const std::string copy = bytes.substr(draw(bytes.size() + 1), 1 + draw(40));
      bytes.insert(at, copy);
      break;
    }
  }
}

// Spoils one frame, or the order and number of them.
void Mutator::edit_frames(std::string& input) {
  std::vector<std::string> frames = split_frames(input);
  if (frames.empty()) return edit(input);
  const std::size_t at = draw(frames.size());
  const auto place = frames.begin() + static_cast<std::ptrdiff_t>(at);
  switch (draw(16)) {
    case 0:
      frames.erase(place);
      break;
    case 1:
      frames.insert(place, frames[draw(frames.size())]);
      break;
    case 2:
      std::swap(*place, frames[draw(frames.size())]);
      break;
    case 3: {
      const std::vector<std::string> others = split_frames(original());
      if (!others.empty()) *place = others[draw(others.size())];
      break;
    }
    default:
      edit(*place);
      break;
  }
  input = join_frames(frames);
}

}  // namespace trireme::fuzz
