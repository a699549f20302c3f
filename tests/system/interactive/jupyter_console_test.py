"""jupyter-console, as Debian has it, on a terminal of its own: it starts our kernel, types, and
presses keys."""

import contextlib
import os
import subprocess

import pexpect
from engine_world import BIN, PATIENCE, EngineWorld

CTRL_C = "\x03"
CTRL_D = "\x04"


def coloured_prompt(number):
    colours = r"(?:\x1b\[[0-9;]*m)*"
    return rf"In \[{colours}{number}{colours}\]: "


class Person(EngineWorld):
    """Somebody at Jupyter's console."""

    def setUp(self):
        super().setUp()
        for name in ("data", "config", "runtime"):
            self.environment[f"JUPYTER_{name.upper()}_DIR"] = os.path.join(self.folder, name)
        self.environment |= {"HOME": self.folder, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1",
                             "PYTHONWARNINGS": "ignore"}

    def open_console(self, *words):
        console = pexpect.spawn(
            "/usr/bin/jupyter-console", [*words], env=self.environment, encoding="utf-8",
            timeout=PATIENCE, dimensions=(50, 120), cwd=self.folder)
        self.addCleanup(console.close, force=True)
        return console

    def open_plain_console(self, *words):
        """Without the line editor, whose escape sequences hide what is said."""
        return self.open_console("--simple-prompt", *words)

    def leave(self, console):
        if console.expect([r"y\]?/n\)", pexpect.EOF]) == 0:
            console.sendline("y")
            console.expect(pexpect.EOF)


class JupyterConsole(Person):
    """With the kernel that `trireme kernelspec` installed."""

    def setUp(self):
        super().setUp()
        subprocess.run([os.path.join(BIN, "trireme"), "kernelspec", "install"],
                       env=self.environment, check=True, capture_output=True)

    def test_cells_input_errors_and_interrupts(self):
        console = self.open_plain_console("--kernel=trireme")
        console.expect(r"In \[1\]: ")
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
        # Its key bindings trip over each other when a kernel on a slow machine answers late.
        for patience in (15, 30, PATIENCE):
            with contextlib.suppress(pexpect.TIMEOUT):
                return self.complete_a_name(patience)
        self.fail("the name was not completed")

    def complete_a_name(self, patience):
        console = self.open_console("--kernel=trireme")
        console.expect(coloured_prompt(1))
        console.timeout = patience
        console.send("int remarkable = 7000;\r")
        console.expect(coloured_prompt(2))
        console.send("remark\t")
        console.expect("able")
        console.send(" + 777\r")
        console.expect("7777")
        console.expect(coloured_prompt(3))
        console.send(CTRL_D)
        self.leave(console)


class JupyterConsoleOfAnEngine(Person):
    """Attached to one engine of a cluster that goes on working for others."""

    def test_it_shares_the_names_of_the_engine_and_leaves_it_alive(self):
        client = self.start_cluster("--language=cpp")
        client.call("trireme.push", a=20)
        console = self.open_plain_console("--existing", client.call("trireme.bind_kernel"))
        console.expect(r"In \[\d+\]: ")
        console.sendline('int a = ns["a"]; ns["b"] = a + 1; a + 2')
        console.expect(r"Out\[\d+\]: 22\r\n")
        self.assertEqual(client.call("trireme.pull", "b"), 21)
        console.send(CTRL_D)
        self.leave(console)
        self.assertEqual(client.call("trireme.echo", "alive"), "alive")
