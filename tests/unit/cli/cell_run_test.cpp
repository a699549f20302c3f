// What people type becomes cells, and what engines show gets their labels.
#include "cli/cell_run.hpp"

#include <gtest/gtest.h>

#include "cli/cell_lines.hpp"

namespace trireme::cli {
namespace {

TEST(LabelledLinesTest, EveryLineGetsTheLabelHoweverItIsCut) {
  std::string shown;
  LabelledLines lines("[3] ", [&](const std::string& text) { shown += text; });
  for (const char* piece : {"fir", "st\nsec", "", "ond\n\nlast"}) lines.add(piece);
  lines.finish();
  lines.finish();
  EXPECT_EQ(shown, "[3] first\n[3] second\n[3] \n[3] last\n");
}

TEST(LabelledLinesTest, WithoutALabelTextPassesAsItIs) {
  std::string shown;
  LabelledLines lines("", [&](const std::string& text) { shown += text; });
  lines.add("a\nb");
  EXPECT_EQ(shown, "a\nb");
  lines.finish();
  EXPECT_EQ(shown, "a\nb\n");
  lines.add("c\n");
  lines.finish();
  EXPECT_EQ(shown, "a\nb\nc\n");
}

struct LinesCase {
  const char* cell;
  bool more;
};

TEST(CellLinesTest, ACellGoesOnUntilItIsWhole) {
  for (const LinesCase& each :
       {LinesCase{"int a;", false}, LinesCase{"int f() {", true}, LinesCase{"int f() {\n}", false},
        LinesCase{"g(1,", true}, LinesCase{"\"{\"", false}, LinesCase{"'{'", false},
        LinesCase{"\"a\\\"{\"", false}, LinesCase{"a // {", false}, LinesCase{"{ // }\n", true},
        LinesCase{"/* {", true}, LinesCase{"/* { */ 1", false}, LinesCase{"#define X \\", true},
        LinesCase{"}", false}, LinesCase{"%%sh", true}, LinesCase{"%%sh\nls", true},
        LinesCase{"%%sh\nls\n\n", false}, LinesCase{"", false}, LinesCase{"\"open", false}}) {
    EXPECT_EQ(wants_more_lines(each.cell), each.more) << each.cell;
  }
}

}  // namespace
}  // namespace trireme::cli
