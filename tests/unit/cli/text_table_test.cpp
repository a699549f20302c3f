#include "cli/text_table.hpp"

#include <gtest/gtest.h>

namespace trireme::cli {
namespace {

TEST(TextTableTest, MakesColumnsAsWideAsTheirWidestCell) {
  TextTable table({{"name"}, {"count", Align::kRight}, {"note"}});
  table.add_row({"a", "7", "x"});
  table.add_row({"longer", "12345678", ""});
  EXPECT_EQ(table.to_string(),
            "name       count  note\n"
            "a              7  x\n"
            "longer  12345678\n");
}

TEST(TextTableTest, FillsMissingCellsAndDropsSurplusOnes) {
  TextTable table({{"a"}, {"b"}});
  table.add_row({"1"});
  table.add_row({"1", "2", "3"});
  EXPECT_EQ(table.to_string(), "a  b\n1\n1  2\n");
}

TEST(TextTableTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(display_width("Köln"), 4U);
  TextTable table({{"a"}, {"b"}});
  table.add_row({"Köln", "x"});
  table.add_row({"Bonn", "y"});
  EXPECT_EQ(table.to_string(), "a     b\nKöln  x\nBonn  y\n");
}

TEST(TextTableTest, CutsLongTextToOneLine) {
  EXPECT_EQ(one_line("a\nb\tc", 10), "a b c");
  EXPECT_EQ(one_line("abcdefghij", 8), "abcde...");
  EXPECT_EQ(one_line("ääääääääää", 8), "äääää...");
  EXPECT_EQ(one_line("abc", 2), "..");
}

}  // namespace
}  // namespace trireme::cli
