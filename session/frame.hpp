// A frame is a run of bytes that is carried, not copied: shared, immutable, counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trireme {

/// Owns the bytes of frames. Rooms that receive bytes (net/) derive their own storage, so that
/// what came in goes out again without a copy. The bytes never change after construction.
class FrameStorage {
 public:
  FrameStorage(const FrameStorage&) = delete;
  FrameStorage& operator=(const FrameStorage&) = delete;
  virtual ~FrameStorage() = default;

  std::string_view bytes() const noexcept { return bytes_; }

 protected:
  FrameStorage() = default;
  void set_bytes(std::string_view bytes) noexcept { bytes_ = bytes; }

 private:
  friend class Frame;
  friend class FrameBlock;
  std::string_view bytes_;
  mutable std::atomic<std::uint32_t> references_{1};
};

/// A counted reference to immutable bytes: all of a storage, or a part. Copying a Frame copies the
/// reference. Different Frame objects may be used from different threads at once, also when they
/// share the bytes.
class Frame {
 public:
  /// The empty frame; costs nothing.
  Frame() = default;
  /// Takes the string over.
  explicit Frame(std::string bytes);
  /// Takes over one reference to `storage`, whose count starts at one.
  static Frame adopt(FrameStorage* storage) noexcept { return {storage, storage->bytes()}; }
  /// Costs one piece of memory.
  static Frame copy_of(std::string_view bytes);

  Frame(const Frame& other) noexcept : storage_(other.storage_), bytes_(other.bytes_) {
    if (storage_ != nullptr) storage_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  Frame(Frame&& other) noexcept
      : storage_(std::exchange(other.storage_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Frame& operator=(Frame other) noexcept {
    std::swap(storage_, other.storage_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Frame() {
    if (storage_ != nullptr) drop(storage_, 1);
  }

  std::string_view view() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  std::string to_string() const { return std::string(bytes_); }

  /// The storage behind this frame, or null for the empty frame; for the room that made it.
  FrameStorage* storage() const noexcept { return storage_; }
  /// True when no other Frame shares the storage.
  bool is_sole_owner() const noexcept {
    return storage_ != nullptr && storage_->references_.load(std::memory_order_acquire) == 1;
  }

  /// Empties `frames`. Costs less than letting them go one by one: neighbours mostly share memory.
  static void release(std::vector<Frame>& frames) noexcept;

  /// Equal bytes, wherever they lie.
  friend bool operator==(const Frame& left, const Frame& right) noexcept {
    return left.view() == right.view();
  }

 private:
  friend class FrameBlock;
  Frame(FrameStorage* storage, std::string_view bytes) noexcept
      : storage_(storage), bytes_(bytes) {}
  static void drop(FrameStorage* storage, std::uint32_t references) noexcept {
    if (storage->references_.fetch_sub(references, std::memory_order_acq_rel) == references) {
      delete storage;
    }
  }

  FrameStorage* storage_ = nullptr;
  std::string_view bytes_;
};

/// Copies of several small frames in one piece of memory, which lives as long as any of them.
class FrameBlock {
 public:
  /// Room for so many bytes in all.
  explicit FrameBlock(std::size_t bytes_max);
  ~FrameBlock() { Frame::drop(storage_, kUnclaimed - frames_); }
  FrameBlock(const FrameBlock&) = delete;
  FrameBlock& operator=(const FrameBlock&) = delete;

  /// The next frame. Its bytes must fit into the room that is left.
  Frame add(std::string_view bytes);

 private:
  // The block holds references for all frames it may give out, and returns the rest at its end:
  // one step for all instead of one for each.
  static constexpr std::uint32_t kUnclaimed = std::uint32_t{1} << 31;

  FrameStorage* storage_;
  char* next_;
  std::size_t room_;
  std::uint32_t frames_ = 0;  // given out
};

/// One multipart message, in order.
using Frames = std::vector<Frame>;

}  // namespace trireme
