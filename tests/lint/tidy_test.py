"""Each rule of scripts/tidy.py finds what it forbids and leaves clean code alone."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
sys.dont_write_bytecode = True
import tidy  # noqa: E402

TOP = "// Says in one sentence why it exists.\n#pragma once\n"


def function(lines, head="int f(int a)"):
    """A function of so many lines."""
    return head + " {\n" + "  a += 1;\n" * (lines - 2) + "}\n"


# What is wrong, the file, and its text.
BAD = [
    ("line of 101 columns", "net/a.hpp", TOP + "//" + "x" * 99 + "\n"),
    ("blanks at the end", "net/a.hpp", TOP + "int a; \n"),
    ("tab; use spaces", "net/a.hpp", TOP + "\tint a;\n"),
    ("file of 501 lines", "net/a.hpp", TOP + "int a;\n" * 499),
    ("file of 801 lines", "tests/a.hpp", TOP + "int a;\n" * 799),
    ("function of 71 lines", "net/a.hpp", TOP + function(71)),
    ("function of 71 lines", "net/a.hpp", TOP + "namespace n {\n" + function(71) + "}\n"),
    ("function of 71 lines", "net/a.hpp", TOP + "class C {\n" + function(71) + "};\n"),
    ("function of 71 lines", "net/a.hpp", TOP + function(71, "C::C(int a) : a_(a), b_{1}")),
    ("function of 71 lines", "net/a.hpp", TOP + function(71, "auto f(int a) -> std::vector<int>")),
    ("function of 71 lines", "net/a.hpp", TOP + function(71, "bool operator==(C a, C b)")),
    ("function of 71 lines", "net/a.hpp", TOP + "const char* k = \"{\";\n" + function(71)),
    ("function of 71 lines", "net/a.hpp", TOP + "int b = '{';\n" + function(71)),
    ("function of 71 lines", "tests/a.hpp", TOP + function(71, "TEST(Room, FactHolds)")),
    ("does not open with a comment", "net/a.hpp", "#pragma once\n"),
    ("#pragma once, once", "net/a.hpp", "// Says in one sentence why it exists.\n"),
    ("using namespace in a header", "net/a.hpp", TOP + "using namespace std;\n"),
    ("second line what it does", "scripts/a", "#!/bin/sh\nset -e\n"),
    ("only net/ speaks ZeroMQ", "engine/a.hpp", TOP + "#include <zmq.h>\n"),
    ("only net/ speaks ZeroMQ", "engine/a.hpp", TOP + "#include <zmq.hpp>\n"),
    ("only db/ speaks SQLite", "controller/a.hpp", TOP + "#include <sqlite3.h>\n"),
    ("include it in the .cpp", "session/a.hpp", TOP + "#include <nlohmann/json.hpp>\n"),
    ("include it in the .cpp", "engine/a.hpp", TOP + "#include <spdlog/spdlog.h>\n"),
    ("include it in the .cpp", "cli/a.hpp", TOP + "#include <CLI/CLI.hpp>\n"),
    ("start at the root", "db/a.hpp", TOP + '#include "../session/ids.hpp"\n'),
    ("may not include from net/", "db/a.hpp", TOP + '#include "net/socket.hpp"\n'),
    ("may not include from db/", "engine/a.hpp", TOP + '#include "db/query.hpp"\n'),
    ("may not include from net/", "session/a.hpp", TOP + '#include "net/socket.hpp"\n'),
    ("shows only std", "client/include/trireme/a.hpp", TOP + '#include "session/ids.hpp"\n'),
    ("shows only std", "session/include/trireme/a.hpp", TOP + "#include <simdjson.h>\n"),
    ("the first include is not net/a.hpp", "net/a.cpp",
     "#include <vector>\n\n#include \"net/a.hpp\"\n"),
    ("reads a clock", "controller/a.hpp", TOP + "auto t = std::chrono::steady_clock::now();\n"),
    ("says nothing; name the concept", "session/util.hpp", TOP),
    ("says nothing; name the concept", "common/a.hpp", TOP),
    ("file names are snake_case", "net/MySocket.hpp", TOP),
    ("no CMake list names", "net/b.cpp", "int a;\n"),
    ("no line break at the end", "net/a.hpp", TOP + "int a;"),
]

CLEAN = [
    ("net/a.hpp", TOP + "//" + "x" * 98 + "\n"),
    ("net/a.hpp", TOP + function(70) + function(70)),
    ("net/a.hpp", TOP + "namespace n {\n" + function(40) + function(40) + "}\n"),
    ("net/a.hpp", TOP + "class C {\n" + function(40) + function(40) + "};\n"),
    ("net/a.hpp", TOP + "constexpr Row kTable[] = {\n" + "  {f(1)},\n" * 80 + "};\n"),
    ("net/a.hpp", TOP + "struct S {\n" + "  int f(int a);\n" * 80 + "};\n"),
    ("net/a.hpp", TOP + "enum class E {\n" + "  kA,  // (a)\n" * 80 + "};\n"),
    ("net/a.hpp", TOP + "#include <zmq.hpp>\n".replace("zmq.hpp", "vector")),
    ("session/clock.cpp", "auto t = std::chrono::steady_clock::now();\n"),
    ("net/a.cpp", "#include \"net/a.hpp\"\n\n#include <vector>\n"),
    ("engine/a.hpp", TOP + '#include "net/socket.hpp"\n#include "session/ids.hpp"\n'),
    ("client/include/trireme/a.hpp", TOP + "#include <trireme/value.hpp>\n#include <vector>\n"),
    ("controller/a.hpp", TOP + "// steady_clock::now() is for loops.\n"),
    ("tests/a.hpp", TOP + "int a;\n" * 700),
    ("scripts/a", "#!/bin/sh\n# Does what it says.\n"),
]


def findings(path, text):
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(root, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write("add_library(x clock.cpp)\n")
        if path == "net/a.cpp":  # a source with a header
            with open(os.path.join(root, "net/a.hpp"), "w", encoding="utf-8") as file:
                file.write(TOP)
            with open(os.path.join(root, "net/CMakeLists.txt"), "w", encoding="utf-8") as file:
                file.write("add_library(x a.cpp)\n")
        return tidy.judge(root)[0]


class TidyTest(unittest.TestCase):
    def test_each_rule_finds_what_it_forbids(self):
        for wanted, path, text in BAD:
            with self.subTest(wanted=wanted, path=path, text=text[:200]):
                found = findings(path, text)
                self.assertEqual(len(found), 1, found)
                self.assertIn(wanted, found[0])

    def test_clean_code_is_left_alone(self):
        for path, text in CLEAN:
            with self.subTest(path=path, text=text[:200]):
                self.assertEqual(findings(path, text), [])


if __name__ == "__main__":
    unittest.main()
