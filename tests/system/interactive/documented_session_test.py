"""docs/interactive.md shows what really happens: its session is typed again, line by line.

`documented_session_test.py --show` prints the session with the output of today.
"""

import code
import contextlib
import difflib
import io
import itertools
import os
import re
import subprocess
import sys
import tempfile
import unittest
import warnings

BIN = os.environ["TRIREME_BIN_DIR"]
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "interactive.md")
PATIENCE = 120


def documented_blocks():
    """The blocks of the session, as lists of lines."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    section = re.search(r"^## Ten minutes\n(.*?)^## ", text, re.M | re.S).group(1)
    return [block.splitlines() for block in re.findall(r"^```\n(.*?)^```", section, re.M | re.S)]


def is_whole(command):
    """Whether the shell would not ask for another line."""
    return subprocess.run(["bash", "-n"], input=command, text=True, stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


class Session:
    """A shell and a Python, and what both say."""

    def __init__(self, folder):
        self.environment = os.environ | {
            "HOME": folder, "PATH": f"{os.path.realpath(BIN)}:{os.environ['PATH']}"}
        for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR"):
            self.environment.pop(name, None)
        os.environ["IPYTHONDIR"] = os.path.join(folder, ".ipython")
        self.folder = folder
        self.python = None

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        return done.stdout.splitlines()

    def evaluate(self, line):
        if self.python is None:
            self.python = code.InteractiveConsole()
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), \
                warnings.catch_warnings():
            # unittest turns on what nobody who types sees: complaints of libraries about others.
            warnings.simplefilter("ignore")
            self.python.push(line)
        return said.getvalue().splitlines()

    def close(self):
        del os.environ["IPYTHONDIR"]
        self.run("trireme stop --quiet")

    def replay(self, block):
        """The block with the output of now."""
        lines = list(block)
        typed = []
        while lines:
            line = lines.pop(0)
            if line.startswith(">>> "):
                typed += [line, *self.evaluate(line[4:])]
            elif line.startswith("... ") and self.python is not None:
                typed += [line, *self.evaluate(line[4:])]
            elif line.startswith("$ "):
                command = [line]
                while not is_whole("\n".join(command)[2:]):
                    command.append(lines.pop(0))
                typed += command + self.run("\n".join(command)[2:])
        return [line.replace(self.folder, "/home/you") for line in typed]


def settled(lines):
    """Without what differs from run to run: numbers of processes, times, and which engine is heard
    first."""
    lines = [re.sub(r"pid \d+", "pid N", re.sub(r"after [\w. ]+\.$", "after N ms.", line))
             for line in lines
             if line != "" and not line.startswith("SIGSEGV")]  # output of a death may get lost
    settled_lines = []
    for labelled, group in itertools.groupby(lines, lambda line: line.startswith("[")):
        group = list(group)
        settled_lines += sorted(group, key=lambda line: line.split()[0]) if labelled else group
    return settled_lines


def agrees(documented, happened):
    """Line by line; `  ...` stands for any lines."""
    if not documented:
        return not happened
    if documented[0].strip() == "...":
        return any(agrees(documented[1:], happened[n:]) for n in range(len(happened) + 1))
    return bool(happened) and documented[0] == happened[0] and agrees(documented[1:], happened[1:])


class DocumentedSession(unittest.TestCase):
    """The page is not stale."""

    def test_the_session_of_the_page_happens_again(self):
        with tempfile.TemporaryDirectory(prefix="trireme-session-") as folder:
            session = Session(folder)
            try:
                for block in documented_blocks():
                    documented, happened = settled(block), settled(session.replay(block))
                    if not agrees(documented, happened):
                        self.fail("\n".join(difflib.unified_diff(
                            documented, happened, "docs/interactive.md", "now", lineterm="")))
            finally:
                session.close()


def show():
    with tempfile.TemporaryDirectory(prefix="trireme-session-") as folder:
        session = Session(folder)
        try:
            for block in documented_blocks():
                print("```", *session.replay(block), "```", "", sep="\n")
        finally:
            session.close()


if __name__ == "__main__" and "--show" in sys.argv:
    show()
