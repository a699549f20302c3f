"""trireme console on a terminal of its own: a person types cells for all engines, presses keys."""

import ctypes
import os
import unittest

import pexpect
from engine_world import BIN, PATIENCE, EngineWorld

CTRL_C = "\x03"
CTRL_D = "\x04"
UP = "\x1b[A"


def has_line_editor():
    try:
        return ctypes.CDLL("libedit.so.2") is not None
    except OSError:
        return False


class TriremeConsole(EngineWorld):
    """Two engines of C++, and a person."""

    def setUp(self):
        super().setUp()
        self.start_cluster("--language=cpp", "--stop-grace=60", engines=2)

    def open_console(self):
        console = pexpect.spawn(
            os.path.join(BIN, "trireme"), ["console", f"--profile-dir={self.profile}"],
            env=self.environment | {"TERM": "dumb", "LC_ALL": "C.UTF-8"}, encoding="utf-8",
            timeout=PATIENCE, dimensions=(50, 120))
        self.addCleanup(console.close, force=True)
        console.expect("trireme> ")
        return console

    def say(self, console, line, *answers):
        console.sendline(line)
        for answer in answers:
            console.expect(answer)
        console.expect("trireme> ")

    def complete(self, console, typed, ending):
        """Presses Tab; again when an engine of a slow machine did not answer in time."""
        console.send(typed)
        for _ in range(5):
            console.send("\t")
            if console.expect([ending, pexpect.TIMEOUT], timeout=10) == 0:
                return
        self.fail(f"{typed} was not completed with {ending}")

    def leave(self, console):
        console.send(CTRL_D)
        console.expect(pexpect.EOF)

    def test_cells_of_several_lines_errors_and_interrupts(self):
        console = self.open_console()
        console.sendline("int twice(int x) {")
        console.expect(r"\.\.\.> ")
        self.say(console, "return 2 * x; }")
        self.say(console, "twice(trireme::engine_id() + 20)", r"\[0\] 40", r"\[1\] 42")
        self.say(console, 'if (trireme::engine_id() == 1) throw std::runtime_error("one");',
                 r"\[1\] std::runtime_error: one")
        console.sendline('std::cout << "end" << "less" << std::endl;'
                         " for (volatile int n = 0;;) ++n;")
        console.expect("endless")
        console.expect("endless")
        console.send(CTRL_C)
        console.expect(r"\[\d\] KeyboardInterrupt")
        console.expect(r"\[\d\] KeyboardInterrupt")
        console.expect("trireme> ")
        self.say(console, "%targets 1")
        self.say(console, "twice(4)", "8")
        self.leave(console)

    @unittest.skipUnless(has_line_editor(), "libedit2 is not installed: lines are plain")
    def test_tab_completes_names_of_the_engines(self):
        console = self.open_console()
        self.say(console, "struct Ship { int oars = 170, banks = 3; } trireme_of_athens;")
        self.complete(console, "trireme_of_", "athens")
        self.complete(console, ".b", "anks")
        self.say(console, "", r"\[0\] 3", r"\[1\] 3")
        console.sendline('std::string städte = "Αθήνα"; {')
        console.expect(r"\.\.\.> ")
        self.complete(console, "std::cout << trireme_of_", "athens")
        self.complete(console, ".o", "ars")
        self.say(console, "; }", r"\[0\] 170")
        self.leave(console)

    @unittest.skipUnless(has_line_editor(), "libedit2 is not installed: lines are plain")
    def test_lines_of_the_console_before_come_back(self):
        console = self.open_console()
        self.say(console, "6 * 7", r"\[0\] 42")
        self.leave(console)
        console = self.open_console()
        console.send(UP)
        console.expect(r"6 \* 7")
        self.say(console, "", r"\[0\] 42")
        self.leave(console)
