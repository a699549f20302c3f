#include "session/frame.hpp"

namespace trireme {
namespace {

class StringStorage final : public FrameStorage {
 public:
  explicit StringStorage(std::string bytes) : text_(std::move(bytes)) { set_bytes(text_); }

 private:
  std::string text_;
};

}  // namespace

Frame::Frame(std::string bytes)
    : storage_(bytes.empty() ? nullptr : new StringStorage(std::move(bytes))) {}

}  // namespace trireme
