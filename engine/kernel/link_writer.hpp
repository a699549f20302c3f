// Writes link messages to a socket without copying their parts, and without waiting for a reader
// that is slow or dead.
#pragma once

#include <cstddef>
#include <deque>

#include "engine/kernel/link_message.hpp"

namespace trireme {

/// Messages on their way into a stream socket that does not block. Belongs to one thread.
class LinkWriter {
 public:
  explicit LinkWriter(int socket) : socket_(socket) {}

  void put(const LinkMessage& message);
  /// Writes what the socket takes. True when nothing is left, also because the reader is gone.
  bool flush();
  /// Writes everything, waiting for the reader.
  void flush_all();

 private:
  int socket_;
  std::deque<Frame> pieces_;  // heads and parts, oldest first
  std::size_t done_ = 0;      // bytes of the first one that are written
};

}  // namespace trireme
