"""jupyter-console, as Debian has it, on a terminal of its own: it starts our kernel, types, and
presses keys."""

import os
import shutil
import subprocess
import tempfile
import unittest

import pexpect
from controller_world import BIN, PATIENCE

CTRL_C = "\x03"
CTRL_D = "\x04"


def coloured_prompt(number):
    colours = r"(?:\x1b\[[0-9;]*m)*"
    return rf"In \[{colours}{number}{colours}\]: "


class JupyterConsole(unittest.TestCase):
    """A person at Jupyter's console, with the kernel that `trireme kernelspec` installed."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="trireme-console-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = os.environ | {
            "HOME": self.folder, "IPYTHONDIR": os.path.join(self.folder, "ipython"),
            "JUPYTER_DATA_DIR": os.path.join(self.folder, "data"),
            "JUPYTER_CONFIG_DIR": os.path.join(self.folder, "config"),
            "JUPYTER_RUNTIME_DIR": os.path.join(self.folder, "runtime"),
            "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "PYTHONWARNINGS": "ignore"}
        subprocess.run([os.path.join(BIN, "trireme"), "kernelspec", "install"],
                       env=self.environment, check=True, capture_output=True)

    def open_console(self, *words):
        console = pexpect.spawn(
            "/usr/bin/jupyter-console", ["--kernel=trireme", *words], env=self.environment,
            encoding="utf-8", timeout=PATIENCE, dimensions=(50, 120), cwd=self.folder)
        self.addCleanup(console.close, force=True)
        return console

    def leave(self, console):
        if console.expect([r"y\]?/n\)", pexpect.EOF]) == 0:
            console.sendline("y")
            console.expect(pexpect.EOF)

    def plain_console(self):
        """Without the line editor, whose escape sequences hide what is said."""
        console = self.open_console("--simple-prompt")
        console.expect(r"In \[1\]: ")
        return console

    def test_cells_input_errors_and_interrupts(self):
        console = self.plain_console()
        console.sendline("int a = 6; a * 7")
        console.expect(r"Out\[1\]: 42\r\n")
        console.expect(r"In \[2\]: ")
        console.sendline('std::cout << "printed by " << a << "\\n";')
        console.expect("\nprinted by 6\r\n")
        console.expect(r"In \[3\]: ")
        console.sendline('throw std::out_of_range("told");')
        console.expect("std::out_of_range: told")
        console.expect(r"In \[4\]: ")
        console.sendline('trireme::input("Who? ")')
        console.expect(r"\nWho\? ")
        console.sendline("Ada")
        console.expect(r'Out\[4\]: "Ada"')
        console.expect(r"In \[5\]: ")
        console.sendline('std::cout << "en" << "dless" << std::endl;'
                         " for (volatile int n = 0;;) ++n;")
        console.expect("endless")
        console.send(CTRL_C)
        console.expect("KeyboardInterrupt")
        console.expect(r"In \[6\]: ")
        console.sendline("a")
        console.expect(r"Out\[6\]: 6")
        console.expect(r"In \[7\]: ")
        console.send(CTRL_D)
        self.leave(console)

    def test_the_line_editor_completes_names(self):
        console = self.open_console()
        console.expect(coloured_prompt(1))
        console.send("int remarkable = 7000;\r")
        console.expect(coloured_prompt(2))
        console.send("remark\t")
        console.expect("able")
        console.send(" + 777\r")
        console.expect("7777")
        console.expect(coloured_prompt(3))
        console.send(CTRL_D)
        self.leave(console)
