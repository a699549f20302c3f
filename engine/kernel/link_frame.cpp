// Heads, lengths and parts from a stream of bytes.
#include "engine/kernel/link_frame.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace trireme {
namespace {

template <class Number>
void append_number(std::string& bytes, Number number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

constexpr std::size_t kHeadBytes = 2 * sizeof(std::uint32_t);

}  // namespace

std::string link_head(const LinkFrame& frame) {
  std::string head;
  head.reserve(kHeadBytes + frame.parts.size() * sizeof(std::uint64_t));
  append_number(head, frame.kind);
  append_number(head, static_cast<std::uint32_t>(frame.parts.size()));
  for (const Frame& part : frame.parts) {
    append_number(head, static_cast<std::uint64_t>(part.size()));
  }
  return head;
}

LinkReader::LinkReader() : buffer_(kBufferBytes, '\0') {}

bool LinkReader::reads_directly() const noexcept {
  return part_open_ && buffered() == 0 && part_.size() - part_done_ >= kDirectBytesMin;
}

std::span<char> LinkReader::space() {
  if (reads_directly()) return {part_.data() + part_done_, part_.size() - part_done_};
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, buffered());
    end_ -= std::exchange(begin_, 0);
  }
  return {buffer_.data() + end_, buffer_.size() - end_};
}

Result<void> LinkReader::filled(std::size_t count) {
  if (reads_directly()) {
    part_done_ += count;
    if (part_done_ == part_.size()) finish_part();
  } else {
    end_ += count;
  }
  for (;;) {
    const auto head = read_head();
    if (!head) return head.error();
    if (!*head) return {};
    const auto lengths = read_lengths();
    if (!lengths) return lengths.error();
    if (!*lengths || !read_parts()) return {};
    ready_.push_back(std::move(*frame_));
    frame_.reset();
    lengths_.clear();
  }
}

std::optional<LinkFrame> LinkReader::next() {
  if (ready_.empty()) return std::nullopt;
  LinkFrame frame = std::move(ready_.front());
  ready_.pop_front();
  return frame;
}

template <class Number>
Number LinkReader::take_number() {
  Number number;
  std::memcpy(&number, buffer_.data() + begin_, sizeof number);
  begin_ += sizeof number;
  return number;
}

Result<bool> LinkReader::read_head() {
  if (frame_) return true;
  if (buffered() < kHeadBytes) return false;
  frame_.emplace().kind = take_number<std::uint32_t>();
  parts_count_ = take_number<std::uint32_t>();
  if (parts_count_ > kLinkPartsMax) {
    return Error{ErrorCode::kBadFormat, "A message on the kernel's link claims " +
                                            std::to_string(parts_count_) + " parts."};
  }
  return true;
}

Result<bool> LinkReader::read_lengths() {
  while (lengths_.size() < parts_count_) {
    if (buffered() < sizeof(std::uint64_t)) return false;
    lengths_.push_back(take_number<std::uint64_t>());
    if (lengths_.back() > kLinkPartBytesMax) {
      return Error{ErrorCode::kBadFormat, "A part on the kernel's link claims " +
                                              std::to_string(lengths_.back()) + " bytes."};
    }
  }
  return true;
}

bool LinkReader::read_parts() {
  while (frame_->parts.size() < parts_count_) {
    if (!part_open_) {
      part_open_ = true;
      part_.resize(lengths_[frame_->parts.size()]);
      part_done_ = 0;
    }
    const std::size_t count = std::min(buffered(), part_.size() - part_done_);
    std::memcpy(part_.data() + part_done_, buffer_.data() + begin_, count);
    begin_ += count;
    part_done_ += count;
    if (part_done_ < part_.size()) return false;
    finish_part();
  }
  return true;
}

void LinkReader::finish_part() {
  frame_->parts.emplace_back(std::move(part_));
  part_.clear();
  part_open_ = false;
  part_done_ = 0;
}

}  // namespace trireme
