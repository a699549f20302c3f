#include "session/frame.hpp"

#include <cstring>
#include <new>

#include "session/result.hpp"

namespace trireme {
namespace {

class StringStorage final : public FrameStorage {
 public:
  explicit StringStorage(std::string bytes) : text_(std::move(bytes)) { set_bytes(text_); }

 private:
  std::string text_;
};

/// Bytes in one piece of memory with the object itself.
class BlockStorage final : public FrameStorage {
 public:
  static BlockStorage* make(std::size_t size) { return new (size) BlockStorage(size); }
  static void* operator new(std::size_t own, std::size_t size) {
    return ::operator new(own + size);
  }
  static void operator delete(void* memory) { ::operator delete(memory); }
  static void operator delete(void* memory, std::size_t /*size*/) { ::operator delete(memory); }

  char* memory() { return reinterpret_cast<char*>(this + 1); }

 private:
  explicit BlockStorage(std::size_t size) { set_bytes({memory(), size}); }
};

}  // namespace

Frame::Frame(std::string bytes) {
  if (!bytes.empty()) *this = adopt(new StringStorage(std::move(bytes)));
}

Frame Frame::copy_of(std::string_view bytes) {
  if (bytes.empty()) return {};
  BlockStorage* storage = BlockStorage::make(bytes.size());
  std::memcpy(storage->memory(), bytes.data(), bytes.size());
  return adopt(storage);
}

FrameBlock::FrameBlock(std::size_t bytes_max) : room_(bytes_max) {
  BlockStorage* storage = BlockStorage::make(bytes_max);
  storage_ = storage;
  storage_->references_.store(kUnclaimed, std::memory_order_relaxed);
  next_ = storage->memory();
}

Frame FrameBlock::add(std::string_view bytes) {
  if (bytes.empty()) return {};
  TRIREME_CHECK(bytes.size() <= room_, "a block of frames is full");
  std::memcpy(next_, bytes.data(), bytes.size());
  const std::string_view copy(next_, bytes.size());
  next_ += bytes.size();
  room_ -= bytes.size();
  ++frames_;
  return {storage_, copy};
}

void Frame::release(std::vector<Frame>& frames) noexcept {
  FrameStorage* storage = nullptr;
  std::uint32_t references = 0;
  for (Frame& frame : frames) {
    FrameStorage* const next = std::exchange(frame.storage_, nullptr);
    if (next == nullptr) continue;
    if (next != storage && storage != nullptr) {
      drop(storage, references);
      references = 0;
    }
    storage = next;
    ++references;
  }
  if (storage != nullptr) drop(storage, references);
  frames.clear();
}

}  // namespace trireme
