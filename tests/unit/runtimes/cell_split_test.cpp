// Cells fall into the parts that C++ keeps apart; unfinished ones are seen as such.
#include "engine/runtimes/cpp/cell_split.hpp"

#include <gtest/gtest.h>

namespace trireme {
namespace {

/// "D" declaration, "S" statement, "E" expression, each with its text; "|" between them.
std::string parts_of(std::string_view source) {
  const CppTokens tokens = tokenize_cpp(source);
  EXPECT_FALSE(tokens.flaw.has_value()) << source;
  const auto is_type = [](std::string_view name) { return name == "Point" || name == "size_t"; };
  std::string shown;
  for (const CellPart& part : split_cell(source, tokens, is_type)) {
    if (!shown.empty()) shown += "|";
    shown += part.kind == CellPart::Kind::kDeclaration ? "D"
             : part.kind == CellPart::Kind::kStatement ? "S"
                                                       : "E";
    shown += ":";
    shown += source.substr(part.begin, part.end - part.begin);
    if (part.wants_semicolon) shown += "+;";
  }
  return shown;
}

struct Case {
  const char* source;
  const char* parts;
};
const Case kCases[] = {
    {"", ""},
    {" // nothing\n/* at all */ ;;", ""},
    {"1 + 1", "E:1 + 1"},
    {"1 + 1;", "S:1 + 1;"},
    {"x", "E:x"},
    {"int x = 3;", "D:int x = 3;"},
    {"int x = 3", "D:int x = 3+;"},
    {"int x = 3; x", "D:int x = 3;|E:x"},
    {"int x{3}; int y(4); auto z = {1, 2};", "D:int x{3};|D:int y(4);|D:auto z = {1, 2};"},
    {"std::vector<int> v{1, 2};\nv.size()", "D:std::vector<int> v{1, 2};|E:v.size()"},
    {"std::vector<int>{1, 2}", "E:std::vector<int>{1, 2}"},
    {"std::map<std::string, std::vector<int>> m;", "D:std::map<std::string, std::vector<int>> m;"},
    {"int f(int x) { return x; }\nf(1)", "D:int f(int x) { return x; }|E:f(1)"},
    {"int f(int x) { return x; } f(1); *p = 2;", "D:int f(int x) { return x; }|S:f(1);|S:*p = 2;"},
    {"auto f(int x) -> std::vector<int> { return {x}; }\n-1",
     "D:auto f(int x) -> std::vector<int> { return {x}; }|E:-1"},
    {"auto f = [](int x) { return x; };\nf(2)", "D:auto f = [](int x) { return x; };|E:f(2)"},
    {"[](int x) { return x; }(3)", "E:[](int x) { return x; }(3)"},
    {"[&]{ g(); }();", "S:[&]{ g(); }();"},
    {"struct A { int x; } a;\na.x", "D:struct A { int x; } a;|E:a.x"},
    {"struct A { int f() { return 1; } };", "D:struct A { int f() { return 1; } };"},
    {"struct A { int x; }", "D:struct A { int x; }+;"},
    {"struct A f() { return {}; }\n1", "D:struct A f() { return {}; }|E:1"},
    {"template <class T> T twice(T x) { return x + x; }\ntwice(2)",
     "D:template <class T> T twice(T x) { return x + x; }|E:twice(2)"},
    {"template <class T, class U = std::vector<T>> struct B { U u; };\n1",
     "D:template <class T, class U = std::vector<T>> struct B { U u; };|E:1"},
    {"enum class E { a, b };", "D:enum class E { a, b };"},
    {"namespace n { int x; }\nn::x", "D:namespace n { int x; }|E:n::x"},
    {"extern \"C\" { int puts(const char*); }", "D:extern \"C\" { int puts(const char*); }"},
    {"extern \"C\" int g(int x) { return x; }", "D:extern \"C\" int g(int x) { return x; }"},
    {"using namespace std;\nusing V = vector<int>;",
     "D:using namespace std;|D:using V = vector<int>;"},
    {"#include <vector>\n#define N 3\nN", "D:#include <vector>|D:#define N 3|E:N"},
    {"#if 1\nint a;\n#else\nint b;\n#endif\na", "D:#if 1\nint a;\n#else\nint b;\n#endif|E:a"},
    {"for (int i = 0; i < 3; ++i) { g(i); }\nint y;",
     "S:for (int i = 0; i < 3; ++i) { g(i); }|D:int y;"},
    {"for (auto x : v) g(x);\nv", "S:for (auto x : v) g(x);|E:v"},
    {"if (a) { b(); } else if (c) d(); else { e(); }\nf()",
     "S:if (a) { b(); } else if (c) d(); else { e(); }|E:f()"},
    {"do { a(); } while (b);\nc", "S:do { a(); } while (b);|E:c"},
    {"while (a) b();", "S:while (a) b();"},
    {"try { a(); } catch (const E& e) { b(); } catch (...) { c(); }\nd",
     "S:try { a(); } catch (const E& e) { b(); } catch (...) { c(); }|E:d"},
    {"switch (a) { case 1: b(); }", "S:switch (a) { case 1: b(); }"},
    {"{ int local = 1; }", "S:{ int local = 1; }"},
    {"std::cout << 1 << '\\n';", "S:std::cout << 1 << '\\n';"},
    {"std::cout << \"a;b{\"", "E:std::cout << \"a;b{\""},
    {"a = b;", "S:a = b;"},
    {"a < b", "E:a < b"},
    {"a * b", "E:a * b"},
    {"Point * p = &q;", "D:Point * p = &q;"},
    {"Point& r = q;", "D:Point& r = q;"},
    {"size_t const n = 3;", "D:size_t const n = 3;"},
    {"x and y", "E:x and y"},
    {"int(3.5)", "E:int(3.5)"},
    {"double{1}", "E:double{1}"},
    {"unsigned long n = 1;", "D:unsigned long n = 1;"},
    {"std::ostream& operator<<(std::ostream& o, const P& p) { return o << p.x; }\n1",
     "D:std::ostream& operator<<(std::ostream& o, const P& p) { return o << p.x; }|E:1"},
    {"bool operator==(A a, A b) { return true; }", "D:bool operator==(A a, A b) { return true; }"},
    {"A::A(int x) : x(x), y{2} { g(); }\n1", "D:A::A(int x) : x(x), y{2} { g(); }|E:1"},
    {"int A::f() const { return 1; }\n2", "D:int A::f() const { return 1; }|E:2"},
    {"int f() noexcept { return 1; }\n2", "D:int f() noexcept { return 1; }|E:2"},
    {"[[nodiscard]] int f() { return 1; }\n2", "D:[[nodiscard]] int f() { return 1; }|E:2"},
    {"auto [a, b] = pair;\na", "D:auto [a, b] = pair;|E:a"},
    {"const auto x = f({1, 2}), y = 3;", "D:const auto x = f({1, 2}), y = 3;"},
    {"throw std::runtime_error(\"x\")", "S:throw std::runtime_error(\"x\")+;"},
    {"return;", "S:return;"},
    {"static_assert(true);", "D:static_assert(true);"},
    {"x // the value", "E:x"},
    {"v[0] = 1;\nv[0]", "S:v[0] = 1;|E:v[0]"},
    {"ns[\"a\"] = 3; ns[\"a\"]", "S:ns[\"a\"] = 3;|E:ns[\"a\"]"},
    {"template <class T> concept C = requires(T t) { t.x; };\n1",
     "D:template <class T> concept C = requires(T t) { t.x; };|E:1"},
    {"R\"(a;b\n{)\"", "E:R\"(a;b\n{)\""},
    {"1'000'000 + 0x1p-3", "E:1'000'000 + 0x1p-3"},
    {"int table[] = {1, 2, 3};\ntable[1]", "D:int table[] = {1, 2, 3};|E:table[1]"},
    {"std::function<int(int)> h = f;", "D:std::function<int(int)> h = f;"},
    {"a::b::c d;", "D:a::b::c d;"},
    {"f(1, [](int x) { return x; })", "E:f(1, [](int x) { return x; })"},
    {"std::sort(v.begin(), v.end());\nv", "S:std::sort(v.begin(), v.end());|E:v"},
};

TEST(CellSplit, PartsAreWhatTheyBeginAs) {
  for (const Case& each : kCases) EXPECT_EQ(parts_of(each.source), each.parts) << each.source;
}

TEST(CppTokens, FlawsAreNamedWithTheirPlace) {
  using Kind = CppFlaw::Kind;
  struct FlawCase {
    const char* source;
    Kind kind;
    std::size_t at;
    const char* what;
  };
  const FlawCase cases[] = {
      {"int f() {", Kind::kUnclosed, 8, "{"},
      {"f(1, (2)", Kind::kUnclosed, 1, "("},
      {"{ [ }", Kind::kUnopened, 4, "}"},
      {"a)", Kind::kUnopened, 1, ")"},
      {"a /* b", Kind::kUnclosed, 2, "/*"},
      {"\"abc", Kind::kUnendedLine, 0, "a string"},
      {"'a\n'", Kind::kUnendedLine, 0, "a character"},
      {"R\"x(abc)\"", Kind::kUnclosed, 0, "a raw string"},
      {"#if 1\nint x;", Kind::kUnclosed, 0, "#if"},
      {"#endif", Kind::kUnopened, 0, "#endif"},
      {"#define A \\\n", Kind::kContinued, 0, "a line that ends with a backslash"},
  };
  for (const FlawCase& each : cases) {
    const auto flaw = tokenize_cpp(each.source).flaw;
    ASSERT_TRUE(flaw.has_value()) << each.source;
    EXPECT_EQ(flaw->kind, each.kind) << each.source;
    EXPECT_EQ(flaw->at, each.at) << each.source;
    EXPECT_EQ(flaw->what, each.what) << each.source;
  }
}

TEST(CppTokens, BracketsInTextAndCommentsDoNotCount) {
  for (const char* source : {"\"{\"", "'{'", "// {", "/* { */ 1", "R\"({)\"", "#define OPEN {",
                             "\"\\\"{\"", "u8\"(\"", "'\\''"}) {
    EXPECT_FALSE(tokenize_cpp(source).flaw.has_value()) << source;
  }
}

TEST(CppTokens, NoTextIsTooStrange) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (std::size_t begin = 0; begin < all.size(); ++begin) {
    const std::string text = all.substr(begin) + all.substr(0, begin);
    const CppTokens tokens = tokenize_cpp(text);
    split_cell(text, tokens, [](std::string_view) { return true; });
  }
  for (const char* text : {"\\", "\"", "R\"", "#", "'", "0", "template <", "do", "operator",
                           "::", "a::", "a<b", "[[", "~", "x ~", "inline", "extern"}) {
    split_cell(text, tokenize_cpp(text), [](std::string_view) { return true; });
  }
}

}  // namespace
}  // namespace trireme
