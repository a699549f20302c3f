// Cells of C++: what they show, keep, and say when they are wrong.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/unit/runtimes/cpp_session.hpp"

namespace trireme {
namespace {

struct CppRuntimeTest : CppCells {};

TEST_F(CppRuntimeTest, ValuesAreShown) {
  ASSERT_EQ(
      shown("#include <set>\n#include <chrono>\n#include <complex>\n"
            "struct Shown { int x; };\n"
            "std::ostream& operator<<(std::ostream& o, const Shown& s) { return o << \"Shown \""
            " << s.x; }\n"
            "struct Bare {};\nenum class Colour { red, green };\nint number = 7;"),
      "");
  struct Case {
    const char* code;
    const char* text;
  };
  const Case cases[] = {
      {"1 + 1", "2"},
      {"1 + 1;", ""},
      {"-7L", "-7"},
      {"0.1 + 0.2", "0.30000000000000004"},
      {"2.0", "2.0"},
      {"1.5f", "1.5"},
      {"1 / 0.0", "inf"},
      {"true", "true"},
      {"'x'", "'x'"},
      {"\"text\"", "\"text\""},
      {"std::string(\"a\\n\\\"b\")", R"("a\n\"b")"},
      {"std::string_view(\"view\")", "\"view\""},
      {"nullptr", "nullptr"},
      {"std::vector<int>{1, 2, 3}", "[1, 2, 3]"},
      {"std::vector<bool>{true, false}", "[true, false]"},
      {"std::vector<std::string>{\"a\", \"b\"}", R"(["a", "b"])"},
      {"std::vector<std::vector<double>>{{1}, {2.5}}", "[[1.0], [2.5]]"},
      {"std::map<std::string, std::vector<int>>{{\"k\", {1}}}", R"({"k": [1]})"},
      {"std::set<int>{3, 1}", "{1, 3}"},
      {"std::pair(1, std::string(\"b\"))", R"((1, "b"))"},
      {"std::tuple(1, 2.5, 'c')", "(1, 2.5, 'c')"},
      {"std::optional<int>(4)", "4"},
      {"std::optional<int>()", "nullopt"},
      {"std::variant<int, std::string>(\"held\")", "\"held\""},
      {"std::make_unique<int>(6)", "-> 6"},
      {"static_cast<int*>(nullptr)", "nullptr"},
      {"std::complex<double>(1, 2)", "(1,2)"},
      {"int array[] = {1, 2}; array", "[1, 2]"},
      {"Shown{3}", "Shown 3"},
      {"std::vector<Shown>{{1}, {2}}", "[Shown 1, Shown 2]"},
      {"Bare{}", "<Bare>"},
      {"Colour::green", "Colour(1)"},
      {"number", "7"},
      {"number = 8", "8"},
      {"[](int x) { return x * 2; }(21)", "42"},
      {"trireme::Json::parse(R\"({\"a\": [1, 2.5, null]})\")",
       "{\n  \"a\": [\n    1,\n    2.5,\n    null\n  ]\n}"},
      {"(void)number", ""},
      {"std::cout << \"\"", ""},
      {"", ""},
      {"// only a comment", ""},
  };
  for (const Case& each : cases) EXPECT_EQ(shown(each.code), each.text) << each.code;
}

TEST_F(CppRuntimeTest, JsonHasItsOwnRepresentation) {
  ASSERT_NE(shown("trireme::Json::parse(\"{\\\"a\\\": 1}\")"), "");
  EXPECT_EQ(std::get<CellSuccess>(last).value->data.at("application/json"), Value(Dict{{"a", 1}}));
}

TEST_F(CppRuntimeTest, StateLivesFromCellToCell) {
  EXPECT_EQ(shown("#include <numeric>\nstd::vector<double> v{1, 2, 3};"), "");
  EXPECT_EQ(shown("double mean(const std::vector<double>& x) {\n"
                  "  return std::accumulate(x.begin(), x.end(), 0.0) / x.size();\n}"),
            "");
  EXPECT_EQ(shown("for (double& each : v) each *= 2;\nmean(v)"), "4.0");
  EXPECT_EQ(shown("template <class T> T twice(T x) { return x + x; }"), "");
  EXPECT_EQ(shown("twice(std::string(\"ab\"))"), "\"abab\"");
  EXPECT_EQ(shown("struct Counter { int n = 0; int next() { return ++n; } } counter;\n"
                  "counter.next(); counter.next()"),
            "2");
  EXPECT_EQ(shown("#define SEVEN 7\nusing Numbers = std::vector<int>;\nNumbers(2, SEVEN)"),
            "[7, 7]");
  EXPECT_EQ(shown("auto [a, b] = std::pair(1, 2); a + b"), "3");
  EXPECT_EQ(shown("static int hidden = 5; const int fixed = 6;\nhidden + fixed"), "11");
  EXPECT_EQ(shown("hidden * fixed"), "30");
  EXPECT_EQ(shown("auto add = [](int x, int y) { return x + y; };"), "");
  EXPECT_EQ(shown("add(hidden, 1)"), "6");
}

TEST_F(CppRuntimeTest, OutputGoesToTheDescriptors) {
  const CapturedOutput output;
  EXPECT_EQ(shown("std::cout << \"one \"; printf(\"two \"); std::cout << \"three\";"), "");
  EXPECT_EQ(output.text().size(), std::string_view("one two three").size()) << output.text();
}

TEST_F(CppRuntimeTest, CompileErrorsNameTheCellsLines) {
  EXPECT_EQ(shown("int good = 1;\n\n  int bad = missing + 1;"),
            "!CompileError: use of undeclared identifier 'missing'");
  EXPECT_NE(traceback().find("cell 1:3:13: error:"), std::string::npos) << traceback();
  EXPECT_NE(traceback().find("int bad = missing + 1;"), std::string::npos) << traceback();
  EXPECT_EQ(shown("good"), "!CompileError: use of undeclared identifier 'good'")
      << "a cell that does not compile changes nothing";
  EXPECT_EQ(shown("1 + nothing"), "!CompileError: use of undeclared identifier 'nothing'");
  EXPECT_NE(traceback().find("cell 3:1:5: error:"), std::string::npos) << traceback();
  EXPECT_EQ(shown("40 + 2"), "42");
}

TEST_F(CppRuntimeTest, NothingOfAWrongCellRuns) {
  EXPECT_EQ(shown("int x = 1;"), "");
  EXPECT_EQ(shown("x = 2;\nint y = x;\nwrong();"),
            "!CompileError: use of undeclared identifier 'wrong'");
  EXPECT_EQ(shown("x"), "1");
  EXPECT_EQ(shown("int y = 5; y"), "5");
}

TEST_F(CppRuntimeTest, TemplatesWorkAfterAWrongCellUsedThem) {
  EXPECT_NE(shown("std::map<std::string, double> m; m[\"a\"] = 1; m.emplace(\"b\", 2); wrong"), "");
  EXPECT_EQ(shown("std::map<std::string, double> m; m[\"a\"] = 1; m.emplace(\"b\", 2); m"),
            R"({"a": 1.0, "b": 2.0})");
  EXPECT_NE(shown("#include <algorithm>\nstd::vector<long> l{2, 1}; std::sort(l.begin(), l.end(), "
                  "std::greater<>()); wrong"),
            "");
  EXPECT_EQ(shown("#include <algorithm>\nstd::vector<long> l{1, 2}; std::sort(l.begin(), l.end(), "
                  "std::greater<>()); l"),
            "[2, 1]");
}

TEST_F(CppRuntimeTest, UnfinishedCellsAreRefusedAtOnce) {
  EXPECT_EQ(shown("int f() {"), "!CompileError: '{' is never closed");
  EXPECT_EQ(shown("f(1, 2"), "!CompileError: '(' is never closed");
  EXPECT_EQ(shown("}"), "!CompileError: '}' closes nothing that is open");
  EXPECT_EQ(shown("std::string s = \"abc;"), "!CompileError: a string is not ended");
  EXPECT_EQ(shown("1"), "1");
}

TEST_F(CppRuntimeTest, ALinkFailureIsOneCellsOwn) {
  EXPECT_EQ(shown("int nowhere(int);\nint uses = nowhere(1);"),
            "!CompileError: undefined: nowhere(int); it is declared, but neither this cell nor an "
            "earlier one defines it");
  EXPECT_EQ(shown("2 + 2"), "4");
  EXPECT_EQ(shown("int nowhere(int x) { return x; }\nint uses = nowhere(1); uses"), "1");
}

TEST_F(CppRuntimeTest, ExceptionsHaveTheirTypeAndText) {
  EXPECT_EQ(shown("throw std::out_of_range(\"too far\")"), "!std::out_of_range: too far");
  EXPECT_EQ(shown("std::vector<int> v; v.at(3)").substr(0, 19), "!std::out_of_range:");
  EXPECT_EQ(shown("throw 3"), "!int: 3");
  EXPECT_EQ(
      shown("throw std::string(\"text\")"),
      "!std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >: text");
  EXPECT_EQ(shown("struct Mine : std::runtime_error { using runtime_error::runtime_error; };\n"
                  "throw Mine(\"own\");"),
            "!Mine: own");
  EXPECT_EQ(shown("int f() { throw std::runtime_error(\"at start\"); }\nint at_start = f();"),
            "!std::runtime_error: at start");
  EXPECT_EQ(shown("int caught = 0; try { f(); } catch (const std::exception& e) { caught = 1; }\n"
                  "caught"),
            "1");
}

TEST_F(CppRuntimeTest, WhatFollowsAnExceptionIsNotDefined) {
  EXPECT_EQ(shown("int before = 1; throw 1; int after = 2;"), "!int: 1");
  EXPECT_EQ(shown("before"), "1");
  EXPECT_EQ(shown("after"), "!CompileError: use of undeclared identifier 'after'");
  EXPECT_EQ(shown("int after = 3; after"), "3");
}

TEST_F(CppRuntimeTest, LaterCellsMayDefineThingsAnew) {
  EXPECT_EQ(shown("int f(int x) { return x + 1; }\nint g(int x) { return f(x); }\nint n = 1;"), "");
  EXPECT_EQ(shown("int f(int x) { return x + 2; }\ndouble n = 2.5;"), "");
  EXPECT_EQ(shown("f(0) + n"), "4.5");
  EXPECT_EQ(shown("g(0)"), "1") << "what used the earlier one still does";
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(shown("#include <vector>\nstruct P { int x; int twice() const { return 2 * x; } };\n"
                    "std::vector<P> ps{{1}, {" +
                    std::to_string(round) +
                    "}};\nint total() { int t = 0; for (auto& p : ps) t += p.twice(); return t; }\n"
                    "total()"),
              std::to_string(2 + 2 * round));
  }
  EXPECT_EQ(shown("double f(int x) { return x + 0.5; }\nf(1)"), "1.5");
  EXPECT_EQ(shown("int n = nothing;"), "!CompileError: use of undeclared identifier 'nothing'");
  EXPECT_EQ(shown("n"), "2.5") << "a failed attempt hides nothing";
}

TEST_F(CppRuntimeTest, WrongCellsOfEveryShapeAreTakenBack) {
  const char* const cells[] = {
      "struct { int x; } a; wrong",
      "wrong; struct { int x; } a;",
      "enum { first, second }; wrong",
      "static union { int u; float f; }; wrong",
      "int f(int) { return 1; }\nint f(double) { return 2; }\nwrong",
      "namespace n { int x = 1; struct S {}; }\nnamespace { int y; }\nwrong",
      "namespace std { int mine; }\nwrong",
      "extern \"C\" { int c_function(int); }\nwrong",
      "template <class T> struct T1 { T t; };\ntemplate <> struct T1<int> {};\nwrong",
      "using namespace std;\nusing I = int;\ntypedef int J;\nwrong",
      "struct P { int x = nonsense; };",
      "auto l = [](auto x) { return x.nothing; }; l(1)",
      "template <class T> void t() { T::fail(); }\nt<int>()",
      "int f(int x) { return x }",
      "class Q { Q(); void m(); };\nvoid Q::m() { wrong(); }",
      "auto [a, b] = 3;",
      "int int x;",
      "#error stop",
      "#include <no_such_header>",
      "@",
  };
  for (int round = 0; round < 2; ++round) {
    for (const char* cell : cells) {
      EXPECT_EQ(shown(cell).substr(0, 13), "!CompileError") << cell;
      EXPECT_EQ(shown("std::vector<int>{1}"), "[1]") << "after " << cell;
    }
  }
  EXPECT_EQ(shown("struct { int x = 4; } a; a.x"), "4");
  EXPECT_EQ(shown("int f(int) { return 1; }\nint f(double) { return 2; }\nf(1) + f(2.0)"), "3");
  EXPECT_EQ(shown("namespace n { int x = 1; struct S {}; }\nn::x"), "1");
  EXPECT_EQ(shown("struct P { int x = 5; };\nP{}.x"), "5");
}

TEST_F(CppRuntimeTest, DisplaysReachTheSink) {
  EXPECT_EQ(shown("trireme::html(\"<b>bold</b>\");\n"
                  "trireme::display(\"image/png\", std::string(\"\\x89PNG\", 4));\n"
                  "trireme::display(\"application/json\", \"{\\\"a\\\": 1}\");\n"
                  "trireme::display(trireme::Bundle(\"text/plain\", \"first\"), \"id\");\n"
                  "trireme::display(trireme::Bundle(\"text/plain\", \"second\"), \"id\", true);\n"
                  "trireme::clear_output();"),
            "");
  const auto displays = sink.displays();
  ASSERT_EQ(displays.size(), 5u);
  EXPECT_EQ(displays[0].bundle.data.at("text/html"), Value("<b>bold</b>"));
  EXPECT_EQ(displays[1].bundle.data.at("image/png"), Value(Bytes(std::string("\x89PNG"))));
  EXPECT_EQ(displays[2].bundle.data.at("application/json"), Value(Dict{{"a", 1}}));
  EXPECT_EQ(displays[3].display_id, "id");
  EXPECT_TRUE(displays[4].is_update);
  EXPECT_EQ(sink.clears(), 1);
}

TEST_F(CppRuntimeTest, TypesMayHaveRepresentationsOfTheirOwn) {
  EXPECT_EQ(shown("struct Page { std::string text; };\n"
                  "trireme::Bundle mime_bundle(const Page& p) {"
                  " return {\"text/html\", \"<p>\" + p.text + \"</p>\"}; }\nPage{\"hello\"}"),
            "<Page>");
  EXPECT_EQ(std::get<CellSuccess>(last).value->data.at("text/html"), Value("<p>hello</p>"));
}

TEST_F(CppRuntimeTest, InputIsAsked) {
  sink.answer_with("Ada 36");
  EXPECT_EQ(
      shown("std::string name; int age; std::cin >> name >> age;\nname + std::to_string(age)"),
      "\"Ada36\"");
  EXPECT_EQ(shown("trireme::input(\"who? \")"), "\"Ada 36\"");
  EXPECT_EQ(sink.prompts(), (std::vector<std::string>{"", "who? "}));
}

TEST_F(CppRuntimeTest, InputThatNobodyGivesIsAnError) {
  EXPECT_EQ(shown("trireme::input(\"who? \")"), "!std::runtime_error: There is nobody to ask.");
  EXPECT_EQ(shown("int n = 3; bool got = bool(std::cin >> n); got"), "false");
}

TEST_F(CppRuntimeTest, TheNameSpaceIsShared) {
  names.set("a", 3);
  names.set("list", List{1, 2.5, "x"});
  names.set("array", Array::of(std::vector<double>{1, 2, 3}));
  names.set("table", Dict{{"k", List{1}}});
  names.set("text", "hello");
  EXPECT_EQ(shown("double d = ns[\"a\"]; std::vector<double> v = ns[\"array\"]; d + v[2]"), "6.0");
  EXPECT_EQ(shown("std::string s = ns[\"text\"]; s"), "\"hello\"");
  EXPECT_EQ(shown("ns[\"list\"].json().at(2)"), "\"x\"");
  EXPECT_EQ(shown("ns[\"table\"].as<std::map<std::string, std::vector<int>>>()"), R"({"k": [1]})");
  EXPECT_EQ(shown("ns[\"b\"] = std::vector<int>{4, 5}; ns[\"c\"] = \"text\"; ns[\"d\"] = 2.5;\n"
                  "ns[\"e\"] = trireme::Json::parse(\"[1, {}]\"); ns[\"f\"] = ns[\"a\"];"),
            "");
  EXPECT_EQ(names.get("b"), Value(Array::of(std::vector<std::int32_t>{4, 5})));
  EXPECT_EQ(names.get("c"), Value("text"));
  EXPECT_EQ(names.get("d"), Value(2.5));
  EXPECT_EQ(names.get("e"), Value(List{1, Dict{}}));
  EXPECT_EQ(names.get("f"), Value(3));
  EXPECT_EQ(shown("ns[\"missing\"].as<int>()"), "!NameError: the engine has no name 'missing'");
  EXPECT_EQ(shown("int wrong = ns[\"text\"];"), "!TypeError: expected an integer, got text");
  EXPECT_EQ(shown("ns.contains(\"a\")"), "true");
  EXPECT_EQ(shown("ns.erase(\"a\"); ns.contains(\"a\")"), "false");
}

TEST_F(CppRuntimeTest, FunctionsOfCellsCanBeCalled) {
  ASSERT_EQ(
      shown("#include <cmath>\n"
            "double hyp(double a, double b) { return std::sqrt(a * a + b * b); }\n"
            "std::string greet(const std::string& name, int n = 2) {\n"
            "  std::string all; while (n-- > 0) all += name; return all; }\n"
            "double norm(std::span<const double> v) { double s = 0; for (double x : v) s += x;"
            " return s; }\n"
            "std::vector<int> range(int n) { std::vector<int> v; for (int i = 0; i < n; ++i)"
            " v.push_back(i); return v; }\n"
            "std::map<std::string, double> stats(std::vector<double> v) {"
            " return {{\"n\", v.size()}}; }\n"
            "void nothing() {}\n"
            "int fails(int x) { throw std::runtime_error(\"failed \" + std::to_string(x)); }\n"
            "auto add = [](long a, long b) { return a + b; };\n"
            "auto any = [](auto x) { return x + x; };\n"
            "template <class T> T twice(T x) { return x + x; }\n"
            "int over(int) { return 1; }\nint over(const std::string&) { return 2; }\n"
            "namespace n { int inner(int x) { return x * 10; } }\n"
            "struct Opaque {};\nint opaque(Opaque) { return 0; }\n"
            "trireme::Json same(trireme::Json x) { return x; }\n"
            "int variable = 1;"),
      "");
  EXPECT_EQ(called("hyp", {3, 4.0}), "5.0");
  EXPECT_EQ(called("greet", {"ab"}), "\"abab\"");
  EXPECT_EQ(called("greet", {"ab", 3}), "\"ababab\"");
  EXPECT_EQ(called("norm", {Array::of(std::vector<double>{1, 2.5})}), "3.5");
  EXPECT_EQ(called("stats", {List{1, 2, 3}}), "{\"n\": 3.0}");
  EXPECT_EQ(called("nothing", {}), "null");
  EXPECT_EQ(called("fails", {7}), "!failed 7");
  EXPECT_EQ(called("add", {1, 2}), "3");
  EXPECT_EQ(called("any", {"x"}), "\"xx\"");
  EXPECT_EQ(called("any", {2}), "4");
  EXPECT_EQ(called("twice", {2.5}), "5.0");
  EXPECT_EQ(called("over", {1}), "1");
  EXPECT_EQ(called("over", {"a"}), "2");
  EXPECT_EQ(called("n::inner", {4}), "40");
  EXPECT_EQ(called("same", {List{1, "a", Dict{{"k", nullptr}}}}), "[1, \"a\", {\"k\": null}]");
  EXPECT_EQ(called("hyp", {1}).substr(0, 11), "!TypeError:");
  EXPECT_EQ(called("hyp", {1, "a"}), "!TypeError: hyp: expected a number, got text");
  EXPECT_EQ(called("missing", {}), "!There is no function missing.");
  EXPECT_EQ(called("opaque", {1}).substr(0, 20), "!The types of opaque");
  EXPECT_EQ(called("variable", {}), "!There is no function variable.");
}

TEST_F(CppRuntimeTest, AFunctionGivenAwayStaysWhatItWas) {
  ASSERT_EQ(shown("int f(int x) { return x + 1; }"), "");
  auto first = cpp->function("f");
  ASSERT_TRUE(first.has_value());
  ASSERT_EQ(shown("int f(int x) { return x + 2; }"), "");
  EXPECT_EQ(called("f", {0}), "2");
  cpp->clear();
  PlainContext context(names);
  Call call{context, "f", {0}, {}};
  EXPECT_EQ((*first)(call), Value(1));
  EXPECT_EQ(called("f", {0}), "!There is no function f.");
}

TEST_F(CppRuntimeTest, FunctionsRunOnSeveralThreadsBesideACell) {
  ASSERT_EQ(shown("long slow(long n) { long s = 0; for (long i = 0; i < n; ++i) s += i % 7;"
                  " return s; }\ntemplate <class T> T twice(T x) { return x + x; }"),
            "");
  const std::string wanted = called("slow", {1000});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    auto slow = cpp->function("slow");
    auto twice = cpp->function("twice");
    threads.emplace_back([&, slow = std::move(*slow), twice = std::move(*twice), i] {
      PlainContext context(names);
      for (int n = 0; n < 50; ++n) {
        Call call{context, "slow", {1000}, {}};
        EXPECT_EQ(slow(call).to_string(), wanted);
        Call other{context, "twice", {i % 2 == 0 ? Value(1) : Value("x")}, {}};
        EXPECT_EQ(twice(other), i % 2 == 0 ? Value(2) : Value("xx"));
      }
    });
  }
  for (int n = 0; n < 5; ++n) EXPECT_EQ(shown("slow(100)"), "295");
  for (std::thread& each : threads) each.join();
}

TEST_F(CppRuntimeTest, VariablesCanBePulled) {
  ASSERT_EQ(shown("int one = 1; std::vector<double> v{1, 2}; struct S {} s; int f() { return 1; }"),
            "");
  EXPECT_EQ(cpp->variable("one"), std::optional<Value>(1));
  EXPECT_EQ(cpp->variable("v"), std::optional<Value>(Array::of(std::vector<double>{1, 2})));
  EXPECT_EQ(cpp->variable("s"), std::nullopt);
  EXPECT_EQ(cpp->variable("f"), std::nullopt);
  EXPECT_EQ(cpp->variable("missing"), std::nullopt);
  EXPECT_EQ(cpp->variable("one); exit(1"), std::nullopt);
  EXPECT_EQ(cpp->variable_names(), (std::vector<std::string>{"one", "s", "v"}));
}

TEST_F(CppRuntimeTest, CompletenessFollowsBrackets) {
  using State = Completeness::State;
  EXPECT_EQ(cpp->is_complete("int x = 1;").state, State::kComplete);
  EXPECT_EQ(cpp->is_complete("if (a) {\n  f(").state, State::kIncomplete);
  EXPECT_EQ(cpp->is_complete("if (a) {\n  f(").indent, "    ");
  EXPECT_EQ(cpp->is_complete("/* open").state, State::kIncomplete);
  EXPECT_EQ(cpp->is_complete("#define A \\\n").state, State::kIncomplete);
  EXPECT_EQ(cpp->is_complete("a)").state, State::kInvalid);
}

TEST_F(CppRuntimeTest, CompletionKnowsNamesAndMembers) {
  ASSERT_EQ(shown("struct Base { int inherited; };\n"
                  "struct Point : Base { int x_coordinate; double x_scaled() { return 1; }\n"
                  " private: int x_secret; };\nPoint point; auto pointer = "
                  "std::make_unique<Point>(); enum class Colour { red };\n"
                  "namespace space { int x_inner; }\nint x_global;"),
            "");
  struct Case {
    const char* code;
    std::vector<std::string> matches;
  };
  const Case cases[] = {
      {"1 + x_glo", {"x_global"}},
      {"point.x_", {"x_coordinate", "x_scaled"}},
      {"point.inh", {"inherited"}},
      {"f(pointer->x_co", {"x_coordinate"}},
      {"Colour::", {"red"}},
      {"space::x", {"x_inner"}},
      {"std::vector<int> v = std::accumu", {}},
      {"std::string_view_l", {"string_view_literals"}},
      {"missing.x", {}},
      {"no_such_name_at_a", {}},
  };
  for (const Case& each : cases) {
    const std::string_view code = each.code;
    EXPECT_EQ(cpp->complete(code, code.size()).matches, each.matches) << code;
  }
  const Completions found = cpp->complete("point.x_co + 1", 10);
  EXPECT_EQ(found.begin, 6u);
  EXPECT_EQ(found.end, 10u);
}

TEST_F(CppRuntimeTest, InspectionShowsDeclarationAndComment) {
  ASSERT_EQ(shown("/// Adds two numbers.\nint add(int a, int b = 1) { return a + b; }\nint n = 3;"),
            "");
  const auto about = cpp->inspect("add(1, 2)", 2, 1);
  ASSERT_TRUE(about.has_value());
  const std::string& text = about->data.at("text/plain").as_string();
  EXPECT_NE(text.find("int add(int a, int b = 1)"), std::string::npos) << text;
  EXPECT_NE(text.find("Adds two numbers."), std::string::npos) << text;
  EXPECT_NE(text.find("cell 1:2"), std::string::npos) << text;
  EXPECT_TRUE(cpp->inspect("std::string", 8, 0).has_value());
  EXPECT_FALSE(cpp->inspect("missing", 2, 0).has_value());
  EXPECT_FALSE(cpp->inspect("", 0, 0).has_value());
}

/// Interrupts as soon as the cell has said so.
struct CppInterrupt : CppCells {
  std::string interrupted_at(std::string_view code) {
    std::thread other([&] {
      EXPECT_TRUE(wait_until_displayed());
      stop.request_stop();
    });
    const std::string end = shown(code);
    other.join();
    stop = std::stop_source();
    return end;
  }
  bool wait_until_displayed() {
    for (int i = 0; i < 12000 && sink.displays().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return !sink.displays().empty();
  }
};

TEST_F(CppInterrupt, EndlessLoopsAreLeft) {
  EXPECT_EQ(interrupted_at("int n = 0; trireme::html(\"on\"); volatile int i = 0; for (;;) ++i;"),
            "!KeyboardInterrupt: ");
  EXPECT_EQ(shown("n + 5"), "5");
}

TEST_F(CppInterrupt, SleepsAreLeft) {
  EXPECT_EQ(shown("#include <thread>"), "");
  EXPECT_EQ(interrupted_at("trireme::html(\"on\"); for (;;) std::this_thread::sleep_for("
                           "std::chrono::hours(1));"),
            "!KeyboardInterrupt: ");
  EXPECT_EQ(shown("5"), "5");
}

TEST_F(CppInterrupt, LoopsThatCallLibrariesAreLeft) {
  EXPECT_EQ(interrupted_at("trireme::html(\"on\"); std::vector<std::string> all;"
                           " for (;;) { all.push_back(std::string(100, 'x')); all.clear(); }"),
            "!KeyboardInterrupt: ");
  EXPECT_EQ(shown("std::vector<std::string>(1, \"works\")"), "[\"works\"]");
}

TEST_F(CppInterrupt, CellsThatLookForItEndByThemselves) {
  EXPECT_EQ(interrupted_at("trireme::html(\"on\"); struct Tidy { ~Tidy() { ns[\"tidy\"] = 1; } };\n"
                           "{ Tidy tidy; while (!trireme::stop_requested()) "
                           "usleep(1000); }"),
            "!KeyboardInterrupt: ");
}

TEST_F(CppRuntimeTest, AThousandCellsStayWithinBounds) {
  const auto resident_kb = [] {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    long all = 0, resident = 0;
    EXPECT_EQ(std::fscanf(file, "%ld %ld", &all, &resident), 2);
    std::fclose(file);
    return resident * 4;
  };
  ASSERT_EQ(shown("long sum = 0;"), "");
  for (int i = 0; i < 50; ++i) ASSERT_EQ(shown("sum += 1;"), "");
  const long before = resident_kb();
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(shown("sum += 1;"), "");
    ASSERT_EQ(shown("int v" + std::to_string(i) + " = " + std::to_string(i) + ";"), "");
  }
  EXPECT_EQ(shown("sum"), "550");
  EXPECT_LT(resident_kb() - before, 200 * 1024);
}

}  // namespace
}  // namespace trireme
