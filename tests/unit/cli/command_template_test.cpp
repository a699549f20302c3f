#include "cli/command_template.hpp"

#include <gtest/gtest.h>

namespace trireme::cli {
namespace {

using Words = std::vector<std::string>;

TEST(CommandTemplate, SplitsTheCommandFromItsInputs) {
  const auto split = split_at_inputs({"wc", "-l", ":::", "a", ":::", "b"});
  ASSERT_TRUE(split.has_value());
  EXPECT_EQ(split->command, (Words{"wc", "-l"}));
  EXPECT_EQ(split->inputs, (Words{"a", ":::", "b"}));
}

TEST(CommandTemplate, HasNoInputsWithoutTheMark) {
  const auto split = split_at_inputs({"wc", "-l"});
  ASSERT_TRUE(split.has_value());
  EXPECT_FALSE(split->inputs.has_value());
}

TEST(CommandTemplate, WithoutACommandIsAUsageError) {
  for (const Words& words : {Words{}, Words{":::", "a"}}) {
    const auto split = split_at_inputs(words);
    ASSERT_FALSE(split.has_value());
    EXPECT_EQ(split.error().code, ErrorCode::kUsage);
  }
}

TEST(CommandTemplate, PutsTheInputWhereThePlaceholdersAre) {
  struct Case {
    Words command;
    std::string input;
    Words expected;
  };
  const Case cases[] = {
      {{"wc", "-l"}, "a.txt", {"wc", "-l", "a.txt"}},
      {{"cp", "{}", "{}.old"}, "a b", {"cp", "a b", "a b.old"}},
      {{"cp", "{}", "{.}.bak"}, "dir/a.txt", {"cp", "dir/a.txt", "dir/a.bak"}},
      {{"echo", "{/}"}, "dir/a.txt", {"echo", "a.txt"}},
      {{"echo", "{//}"}, "dir/a.txt", {"echo", "dir"}},
      {{"echo", "{//}"}, "a.txt", {"echo", "."}},
      {{"echo", "{#}:{}"}, "a", {"echo", "7:a"}},
      {{"echo", "{x} {"}, "a", {"echo", "{x} {", "a"}},
      {{"echo", "{}"}, "{}", {"echo", "{}"}},
  };
  for (const Case& c : cases) EXPECT_EQ(command_for(c.command, c.input, 6), c.expected);
}

TEST(CommandTemplate, QuotesWhatItPutsIntoAShellLine) {
  EXPECT_EQ(shell_line_for("gzip < {} > {/}.gz", "d/it's", 0),
            "gzip < 'd/it'\\''s' > 'it'\\''s'.gz");
  EXPECT_EQ(shell_line_for("wc -l", "a b", 0), "wc -l 'a b'");
  EXPECT_EQ(shell_line_for("wc -l", "$(rm x)", 0), "wc -l '$(rm x)'");
}

TEST(CommandTemplate, QuotesOnlyWhatTheShellWouldRead) {
  EXPECT_EQ(shell_words({"a", "/usr/b-c_d.e", "", "two words", "*"}),
            "a /usr/b-c_d.e '' 'two words' '*'");
}

TEST(CommandTemplate, TakesEachLineAsAnInput) {
  EXPECT_EQ(split_inputs("a\nb c\n\nd", '\n'), (Words{"a", "b c", "d"}));
  EXPECT_EQ(split_inputs(std::string_view("a\nb\0c\0", 6), '\0'), (Words{"a\nb", "c"}));
  EXPECT_TRUE(split_inputs("", '\n').empty());
  EXPECT_TRUE(split_inputs("\n\n", '\n').empty());
}

}  // namespace
}  // namespace trireme::cli
