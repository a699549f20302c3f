// Patterns of $glob.
#include "db/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool fits;
};

constexpr Case kCases[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"**", "abc", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"?", "\xc3\xa9", true},
    {"a*c", "abbbc", true},
    {"a*c", "abbbd", false},
    {"*b*", "abc", true},
    {"*a*b*c*", "xaybzc", true},
    {"a", "A", false},
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[a-c]x", "bx", true},
    {"[!a-c]", "b", false},
    {"[!a-c]", "d", true},
    {"[^a-c]", "d", true},
    {"[]]", "]", true},
    {"[!]]", "]", false},
    {"[a-]", "-", true},
    {"[", "[", true},
    {"[ab", "[ab", true},
    {"[ab", "a", false},
    {"*[0-9]", "run7", true},
    {"*.txt", "a.txt.gz", false},
    {"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
    {"\xff", "\xff", true},
};

TEST(Glob, EveryPatternFitsWhatItsLineSays) {
  for (const Case& item : kCases) {
    EXPECT_EQ(glob_matches(item.pattern, item.text), item.fits)
        << item.pattern << " on " << item.text;
  }
}

TEST(Glob, ManyStarsTakeNoMoreThanTheProductOfTheLengths) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace trireme
