"""A controller of its own for each test, in a temporary profile; nothing may be left running."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from loopback import own_address

BIN = os.environ["TRIREME_BIN_DIR"]
PATIENCE = 120  # seconds; generous, because machines are slow and sanitizers slower
MISSES = "--HeartMonitor.max_heartmonitor_misses"


def wait_until(condition, what, patience=PATIENCE):
    """Waits for a condition to hold and returns its value."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain until {what}")
        time.sleep(0.02)


class Process:
    """A program started by a test, with what it writes kept in a file."""

    def __init__(self, words, environment, log, cwd=None):
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd
            )

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self):
        """The exit code; the program must end by itself."""
        return self.popen.wait(PATIENCE)

    def kill(self):
        if self.running():
            self.popen.kill()
            self.popen.wait()


class World(unittest.TestCase):
    """Verbs of an operator."""

    # Beats quickly, so that engines join soon.
    CONTROLLER = ("--ping=200",)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="trireme-test-")
        self.profile = os.path.join(self.folder, "profile")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("IPP_")}
        self.environment["IPYTHONDIR"] = os.path.join(self.folder, "ipython")
        self.processes = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for process in reversed(self.processes):
            if process.running():
                process.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE  # stock engines take their time to leave
        stuck = []
        for process in self.processes:
            while process.running() and time.monotonic() < deadline:
                time.sleep(0.02)
            if process.running():
                stuck.append(process.log)
                process.kill()
        for pid in self.stock_nannies():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not self.passed():
            for process in self.processes:
                print(f"--- {process.log}\n{process.output()[-4000:]}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(stuck, [], "programs that did not end after SIGTERM")

    def stock_nannies(self):
        """Watchers of stock engines that are still there: one whose controller has gone before it
        could tell it of its engine's end waits for ever."""
        mark = f"IPYTHONDIR={self.environment['IPYTHONDIR']}".encode()
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    is_ours = mark in file.read().split(b"\0")
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    is_nanny = b"ipyparallel.engine.nanny" in file.read()
            except OSError:
                continue  # it has ended, or is another user's
            if is_ours and is_nanny:
                yield int(name)

    def passed(self):
        outcome = self._outcome
        result = getattr(outcome, "result", None)
        if result is None:
            return getattr(outcome, "success", True)
        bad = list(result.failures) + list(result.errors)
        return all(test is not self for test, _ in bad) and getattr(outcome, "success", True)

    def controller_words(self, *words):
        """What controllers of tests are told, and these words. Engines are not given up because a
        busy machine left them no time for some beats."""
        patience = () if any(MISSES in word for word in (*self.CONTROLLER, *words)) else (
            f"{MISSES}=100",)
        address = () if any(word.startswith("--ip=") for word in words) else (
            f"--ip={own_address()}",)
        return (f"--profile-dir={self.profile}", *self.CONTROLLER, *address, *patience, *words)

    def security(self, side):
        return os.path.join(self.profile, "security", f"ipcontroller-{side}.json")

    def read_file(self, side):
        with open(self.security(side), encoding="utf-8") as file:
            return json.load(file)

    def start(self, *words, environment=None):
        """Starts a program of the build, or any other given by its path."""
        program = words[0] if os.path.isabs(words[0]) else os.path.join(BIN, words[0])
        log = os.path.join(self.folder, f"{len(self.processes)}-{os.path.basename(words[0])}.log")
        process = Process(
            [program, *words[1:]], {**self.environment, **(environment or {})}, log, self.folder
        )
        self.processes.append(process)
        return process

    def start_controller(self, *words, environment=None):
        """Starts a controller and waits until both connection files are there."""
        controller = self.start(
            "trireme-controller", *self.controller_words(*words), environment=environment,
        )
        wait_until(
            lambda: not controller.running()
            or all(os.path.exists(self.security(side)) for side in ("client", "engine")),
            "the connection files are written",
        )
        self.assertTrue(controller.running(), controller.output())
        return controller

    def start_stock_engine(self, *words, environment=None):
        return self.start(
            "/usr/bin/python3", "-m", "ipyparallel.engine", f"--profile-dir={self.profile}",
            "--InteractiveShell.colors=nocolor", "--IPEngine.max_heartbeat_misses=200",
            f"--IPEngine.timeout={PATIENCE}", *words,
            environment=environment,
        )

    def start_engine(self, *words, environment=None):
        """Starts an engine of ours, which waits for a slow controller unless told otherwise."""
        patience = [f"--{name}={PATIENCE}" for name in ("timeout", "wait-for-file")
                    if not any(word.startswith(f"--{name}") for word in words)]
        return self.start("trireme-engine", f"--profile-dir={self.profile}", *patience, *words,
                          environment=environment)

    def refused(self, code, *words, environment=None):
        """Starts a controller that must end with this code and one sentence; returns it."""
        controller = self.start(
            "trireme-controller", f"--profile-dir={self.profile}", *words, environment=environment
        )
        self.assertEqual(controller.wait(), code, controller.output())
        lines = [line for line in controller.output().splitlines()
                 if line.startswith("trireme-controller: ")]
        self.assertEqual(len(lines), 1, controller.output())
        return lines[0]

    def mode(self, path):
        return stat.S_IMODE(os.stat(path).st_mode)
