// Characters and bytes of UTF-8.
#include "session/characters.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

TEST(Characters, PositionsAndCountsFitTogether) {
  constexpr std::string_view kText = "aü€x";
  constexpr std::size_t kBegins[] = {0, 1, 3, 6, 7, 7};
  for (std::size_t character = 0; character < std::size(kBegins); ++character) {
    EXPECT_EQ(byte_position(kText, character), kBegins[character]) << character;
  }
  EXPECT_EQ(count_characters(kText.substr(0, 6)), 3u);
  EXPECT_EQ(count_characters(kText), 4u);
  EXPECT_EQ(count_characters(""), 0u);
}

}  // namespace
}  // namespace trireme
