// Makes valid UTF-8 of bytes that come in pieces cut anywhere.
#pragma once

#include <string>
#include <string_view>

namespace trireme {

/// Pure. What is not UTF-8 becomes U+FFFD; a character cut by the end of a piece waits for its
/// rest.
class Utf8Stream {
 public:
  /// What of the text so far is ready to be shown; the bytes held back are at most 3.
  std::string feed(std::string_view piece);
  /// At the end of the stream: what was held back.
  std::string finish();

 private:
  std::string held_;
};

}  // namespace trireme
