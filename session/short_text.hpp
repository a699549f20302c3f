// A string that lies in the object itself when it is short, as the protocol's ids are.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace trireme {

/// Owns bytes that do not change. Up to kInlineMax of them take no memory of their own, so that
/// making, copying and destroying them costs next to nothing and touches one line of cache.
class ShortText {
 public:
  /// Message ids, sessions and uuids have 16 to 50 bytes.
  static constexpr std::size_t kInlineMax = 55;

  ShortText() noexcept = default;
  explicit ShortText(std::string_view text) { assign(text); }
  ShortText(const ShortText& other) { assign(other.view()); }
  ShortText(ShortText&& other) noexcept { take(other); }
  ShortText& operator=(const ShortText& other) {
    if (this != &other) *this = ShortText(other);
    return *this;
  }
  ShortText& operator=(ShortText&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~ShortText() { release(); }

  std::string_view view() const noexcept {
    return {is_inline() ? bytes_ : heap(), static_cast<std::size_t>(size_)};
  }
  bool empty() const noexcept { return size_ == 0; }

  friend bool operator==(const ShortText& left, const ShortText& right) noexcept {
    return left.view() == right.view();
  }
  friend std::strong_ordering operator<=>(const ShortText& left, const ShortText& right) noexcept {
    return left.view() <=> right.view();
  }

 private:
  bool is_inline() const noexcept { return size_ <= kInlineMax; }
  char* heap() const noexcept {
    char* memory = nullptr;
    std::memcpy(&memory, bytes_, sizeof memory);
    return memory;
  }
  void assign(std::string_view text) {
    char* target = bytes_;
    if (text.size() > kInlineMax) {
      target = new char[text.size()];
      std::memcpy(bytes_, &target, sizeof target);
    }
    size_ = text.size();
    if (!text.empty()) std::memcpy(target, text.data(), text.size());
  }
  /// Leaves `other` empty. The whole object is copied: that is quicker than a copy of some bytes.
  void take(ShortText& other) noexcept {
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  void release() noexcept {
    if (!is_inline()) delete[] heap();
  }

  char bytes_[kInlineMax + 1];  // the text, or where it is
  std::uint64_t size_ = 0;
};

}  // namespace trireme
