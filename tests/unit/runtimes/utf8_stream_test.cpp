// Text cut anywhere comes out whole and valid.
#include "engine/runtimes/shell/utf8_stream.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

const std::string kBad = "\xEF\xBF\xBD";

std::string fed_by(std::size_t piece_size, std::string_view text) {
  Utf8Stream stream;
  std::string shown;
  for (; !text.empty(); text.remove_prefix(std::min(piece_size, text.size()))) {
    shown += stream.feed(text.substr(0, piece_size));
  }
  return shown + stream.finish();
}

TEST(Utf8Stream, PiecesGiveTheSameAsTheWhole) {
  struct Case {
    std::string bytes;
    std::string shown;
  };
  const Case cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"a\xC3\xA4z", "a\xC3\xA4z"},
      {"\xE2\x82\xAC\xF0\x9F\x98\x80", "\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"a\xFFz", "a" + kBad + "z"},
      {"\xC3(", kBad + "("},
      {"\xE2\x82", kBad},
      {"\x80\x80", kBad + kBad},
  };
  for (const Case& each : cases) {
    for (std::size_t size : {1, 2, 3, 100}) {
      EXPECT_EQ(fed_by(size, each.bytes), each.shown) << each.shown << " in pieces of " << size;
    }
  }
}

TEST(Utf8Stream, WholeCharactersAreNotHeldBack) {
  Utf8Stream stream;
  EXPECT_EQ(stream.feed("a\xC3\xA4\xE2\x82"), "a\xC3\xA4");
  EXPECT_EQ(stream.feed("\xAC"), "\xE2\x82\xAC");
  EXPECT_EQ(stream.finish(), "");
}

}  // namespace
}  // namespace trireme
