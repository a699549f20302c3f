// Gathered writes of what waits.
#include "engine/kernel/link_writer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace trireme {

void LinkWriter::put(const LinkMessage& message) {
  LinkFrame frame = encode_link(message);
  pieces_.emplace_back(link_head(frame));
  for (Frame& part : frame.parts) {
    if (!part.empty()) pieces_.push_back(std::move(part));
  }
}

bool LinkWriter::flush() {
  constexpr std::size_t kPiecesMax = 64;
  while (!pieces_.empty()) {
    std::array<iovec, kPiecesMax> gathered;
    std::size_t count = 0;
    for (const Frame& piece : pieces_) {
      if (count == kPiecesMax) break;
      const std::size_t skip = count == 0 ? done_ : 0;
      gathered[count++] = {const_cast<char*>(piece.view().data()) + skip, piece.size() - skip};
    }
    msghdr message{};
    message.msg_iov = gathered.data();
    message.msg_iovlen = count;
    const ssize_t written = sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      pieces_.clear();  // the reader is gone, which is noticed elsewhere
      done_ = 0;
      return true;
    }
    done_ += static_cast<std::size_t>(written);
    while (!pieces_.empty() && done_ >= pieces_.front().size()) {
      done_ -= pieces_.front().size();
      pieces_.pop_front();
    }
  }
  return true;
}

void LinkWriter::flush_all() {
  while (!flush()) {
    pollfd writable{socket_, POLLOUT, 0};
    poll(&writable, 1, -1);
  }
}

}  // namespace trireme
