#!/usr/bin/env python3
"""Judges the form of the tree: sizes, names, includes and the first lines of files.

Usage: tidy.py [ROOT]
Prints one line per finding, `path:line: what is wrong`, and exits 1 if there is any.
"""

import os
import re
import sys

LINE_MAX = 100
FUNCTION_MAX = 70
FILE_MAX = 500
TEST_FILE_MAX = 800

SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".cache", "data", "node_modules"}
FORBIDDEN_NAMES = {"util", "utils", "common", "commons", "helper", "helpers", "manager", "misc"}

# Which rooms a room may include from; what is not listed here may include everything.
ROOMS = {
    "session": {"session"},
    "net": {"session", "net"},
    "db": {"session", "db"},
    "controller": {"session", "net", "db", "controller"},
    "engine": {"session", "net", "engine"},
    "client": {"session", "net", "client"},
    "cli": {"session", "client", "cli"},
    "examples": {"examples", "norm_tasks.hpp"},
}
# The public headers each room may offer and use: <trireme/...>, found in these folders.
PUBLIC_FOLDERS = ("session/include/trireme", "engine/include/trireme", "client/include/trireme")

# Libraries that only some files may include.
ONLY_IN = [
    (re.compile(r"<zmq(_addon)?\.(h|hpp)>"), re.compile("(net|bench)/"), "only net/ speaks ZeroMQ"),
    (re.compile(r"<sqlite3\.h>"), re.compile(r"(db|tests)/"), "only db/ speaks SQLite"),
]
HEAVY = re.compile(r"<(nlohmann/|spdlog/|fmt/|CLI/|simdjson|openssl/|zmq|sqlite3)")
CLOCK_READ = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)::now\s*\(")
# Loops and mains; everything else is told what time it is.
CLOCK_READERS = re.compile(
    r"(session/clock\.cpp|net/|tests/|bench/|cli/|examples/|.*/main\.cpp"
    r"|client/client_(state|loop)\.cpp)"
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])')


class Findings:
    """Collects findings; one file at a time."""

    def __init__(self):
        self.lines = []

    def add(self, path, line, text):
        self.lines.append(f"{path}:{line}: {text}")


def blank_literals(source):
    """The source with comments and literals replaced by spaces, line breaks kept."""
    pattern = re.compile(
        r'R"(?P<tag>[^()\\ ]{0,16})\(.*?\)(?P=tag)"'
        r'|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
        re.DOTALL,
    )
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), source)


def is_function_head(head):
    """True if the text before a brace at declaration level opens a function's body."""
    head = head.strip()
    if "(" not in head:
        return False
    if re.match(r"(template\s*<.*>\s*)?(class|struct|union|enum)\b(?!.*\)\s*$)", head, re.DOTALL):
        return False
    depth = 0
    for i, char in enumerate(head):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "=" and depth == 0 and not re.search(r"operator\s*[=!<>+\-*/|&^%]*$", head[:i]):
            return False  # the initialiser of a variable
    return True


def is_member_initialiser(head):
    """True if the brace belongs to a constructor's initialiser list, not to a body."""
    return re.search(r"\)[^()]*(?<!:):(?!:).*[\w>]\s*$", head, re.DOTALL) is not None


def functions(source):
    """Yields (first line, number of lines) of each function of a C++ source."""
    code = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m[0]),
                  blank_literals(source))
    start, position = 0, 0
    brace = re.compile(r"[{};]")
    while True:
        match = brace.search(code, position)
        if match is None:
            return
        position = match.end()
        if match.group() != "{":
            start = position
            continue
        head = code[start:match.start()]
        if re.match(r"\s*(inline\s+)?(namespace\b|extern\b\s*$)", head):
            start = position
            continue
        is_type = re.match(r"\s*(template\s*<.*>\s*)?(class|struct|union)\b", head, re.DOTALL)
        function = is_function_head(head)
        if is_type and not function:
            start = position
            continue
        end = matching_brace(code, match.start())
        position = end + 1
        if function and is_member_initialiser(head):
            continue  # the head goes on behind the initialiser
        if function:
            lead = len(head) - len(head.lstrip())
            first = code.count("\n", 0, start + lead) + 1
            yield first, code.count("\n", 0, end) + 2 - first
            start = position
        elif not re.match(r"\s*[,)\]]", code[position:position + 40]):
            start = position


def matching_brace(code, opening):
    depth = 0
    for match in re.compile(r"[{}]").finditer(code, opening):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return len(code) - 1


def check_sizes(path, source, findings):
    lines = source.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            findings.add(path, number, f"line of {len(line)} columns; at most {LINE_MAX}")
        if line != line.rstrip():
            findings.add(path, number, "blanks at the end of the line")
        if "\t" in line:
            findings.add(path, number, "tab; use spaces")
    if not is_cpp(path):
        return
    limit = TEST_FILE_MAX if path.startswith("tests/") else FILE_MAX
    if len(lines) - 1 > limit:
        findings.add(path, limit, f"file of {len(lines) - 1} lines; at most {limit}: split it")
    for first, length in functions(source):
        if length > FUNCTION_MAX:
            findings.add(path, first, f"function of {length} lines; at most {FUNCTION_MAX}")


def check_top(path, source, findings):
    lines = source.split("\n")
    if path.endswith(".hpp"):
        comment = []
        for line in lines:
            if not line.startswith("//"):
                break
            comment.append(line.lstrip("/ "))
        text = " ".join(comment).strip()
        if not text or len(text.split()) < 4 or text[-1] not in ".:)":
            findings.add(path, 1, "the file does not open with a comment sentence saying why it is")
        if source.count("#pragma once") != 1:
            findings.add(path, 1, "a header says #pragma once, once")
        if re.search(r"(?m)^\s*using\s+namespace\b", blank_literals(source)):
            findings.add(path, 1, "using namespace in a header")
    if path.startswith("scripts/") and not path.endswith(".py"):
        if not re.match(r"#!.*\n# \w.*", source):
            findings.add(path, 2, "a script says in its second line what it does")


def include_fault(path, what):
    """What is wrong with including `what` in the file `path`; None if nothing is."""
    room, name = path.split("/", 1)[0], what[1:-1]
    for library, place, text in ONLY_IN:
        if library.match(what) and not place.match(path):
            return text
    if path.startswith(PUBLIC_FOLDERS):
        if not re.fullmatch(r"<[a-z_0-9]+>|<trireme/[a-z_0-9]+\.hpp>", what):
            return "a public header shows only std and <trireme/...>"
    if path.endswith(".hpp") and HEAVY.match(what) and not path.startswith("tests/"):
        return "in a header; include it in the .cpp"
    if ".." in name.split("/"):
        return "include paths start at the root of the tree"
    if what.startswith('"') and room in ROOMS:
        target = name.split("/", 1)[0]
        if target not in ROOMS[room]:
            return f"{room}/ may not include from {target}/"
    return None


def check_includes(path, source, findings):
    for number, line in enumerate(source.split("\n"), 1):
        match = INCLUDE.match(line)
        fault = include_fault(path, match.group(1)) if match else None
        if fault:
            findings.add(path, number, f"{match.group(1)}: {fault}")


def check_first_include(path, source, sources, findings):
    """A source that has a header includes it first, which shows that the header compiles alone."""
    header = path[:-len("cpp")] + "hpp"
    if header not in sources:
        return
    for number, line in enumerate(source.split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            if match.group(1)[1:-1] != header:
                findings.add(path, number, f"the first include is not {header}")
            return


def check_clock(path, source, findings):
    if CLOCK_READERS.match(path):
        return
    for number, line in enumerate(blank_literals(source).split("\n"), 1):
        if CLOCK_READ.search(line):
            findings.add(path, number, "reads a clock; time is an argument (session/clock.hpp)")


def check_names(path, findings):
    parts = path.split("/")
    for part in parts:
        if re.split(r"[.]", part)[0] in FORBIDDEN_NAMES:
            findings.add(path, 1, f"'{part}' says nothing; name the concept")
    if is_cpp(path) and not re.fullmatch(r"[a-z0-9_]+(\.(hpp|cpp))", parts[-1]):
        findings.add(path, 1, "file names are snake_case.hpp or snake_case.cpp")


def check_built(path, lists, findings):
    """A source is built if a list of its folder or above names it, or any list with its folder."""
    folder = os.path.dirname(path)
    name = os.path.basename(path)
    with_folder = os.path.basename(folder) + "/" + name
    if any(with_folder in text for texts in lists.values() for text in texts):
        return
    while True:
        if any(re.search(rf"(?<![\w-]){re.escape(name)}(?!\w)", text)
               for text in lists.get(folder, [])):
            return
        if not folder:
            break
        folder = os.path.dirname(folder)
    findings.add(path, 1, "no CMake list names this file, so nothing builds it")


def is_cpp(path):
    return path.endswith((".hpp", ".cpp", ".h", ".cc"))


def is_cmake(path):
    return path.endswith((".cmake", "CMakeLists.txt"))


def judged_files(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if is_cpp(path) or is_cmake(path) or path.endswith(".py"):
                yield path
            elif path.startswith("scripts/"):
                yield path


def judge(root):
    """All findings about the tree under `root`, as lines of text."""
    findings = Findings()
    sources = {}
    for path in judged_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            sources[path] = file.read()
    lists = {}
    for path, source in sources.items():
        if is_cmake(path):
            lists.setdefault(os.path.dirname(path), []).append(source)
    for path, source in sources.items():
        check_names(path, findings)
        check_sizes(path, source, findings)
        check_top(path, source, findings)
        if not source.endswith("\n"):
            findings.add(path, source.count("\n") + 1, "no line break at the end of the file")
        if is_cpp(path):
            check_includes(path, source, findings)
            check_clock(path, source, findings)
        if path.endswith(".cpp"):
            check_first_include(path, source, sources, findings)
            check_built(path, lists, findings)
    return findings.lines, len(sources)


def main(arguments):
    above = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found, count = judge(arguments[0] if arguments else above)
    for line in found:
        print(line)
    print(f"tidy: {count} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
