"""The processes of a chaos run: a controller, engines and a client, behind a proxy."""

import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))

from chaos_proxy import Proxy  # noqa: E402
from loopback import own_address  # noqa: E402

PYTHON = "/usr/bin/python3"
MARK = "TRIREME_CHAOS_RUN"  # in the environment of every process: finds those left behind


class Failure(Exception):
    """The run showed something that must not be."""


class Program:
    """One process in a session of its own."""

    def __init__(self, name, words, environment, log, folder):
        self.name = name
        self.killed = False
        self.frozen = False
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=folder, start_new_session=True,
            )
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def kill(self, whole_session=True):
        self.killed = True
        try:
            if whole_session:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def freeze(self):
        if self.running():
            self.frozen = True
            os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        self.frozen = False
        if self.running():
            os.kill(self.pid, signal.SIGCONT)


class Cluster:
    """Starts and restarts programs; every connection but the checker's goes through the proxy."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.profile = os.path.join(folder, "profile")
        self.journal = os.path.join(folder, "journal.txt")
        self.plan = os.path.join(folder, "plan.txt")
        os.makedirs(os.path.join(folder, "marks"))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("IPP_")}
        self.environment["IPYTHONDIR"] = os.path.join(folder, "ipython")
        self.environment[MARK] = folder
        self.proxy = Proxy()
        self.programs = []
        self.controller = None
        self.client = None
        self.engines = []

    def security(self, side):
        return os.path.join(self.profile, "security", f"ipcontroller-{side}.json")

    def proxied(self, side):
        return os.path.join(self.folder, f"proxied-{side}.json")

    def files(self):
        """The controller's own files, by side."""
        both = {}
        for side in ("client", "engine"):
            with open(self.security(side), encoding="utf-8") as file:
                both[side] = json.load(file)
        return both

    def start(self, name, words):
        log = os.path.join(self.folder, f"{len(self.programs):03}-{name}.log")
        program = Program(name, words, self.environment, log, self.folder)
        self.programs.append(program)
        return program

    def start_controller(self):
        binary = os.path.join(self.options.bin, "trireme-controller")
        self.controller = self.start("controller", [
            binary, f"--profile-dir={self.profile}", "--ping=200", f"--ip={own_address()}",
            *self.options.controller_words])
        self.wait_for(self.files_are_complete, "the connection files are written")
        self.refresh_proxy()

    def files_are_complete(self):
        if not self.controller.running():
            raise Failure("the controller ended by itself:\n" + tail(self.controller.log))
        try:
            self.files()
        except (OSError, ValueError):
            return False
        with open(self.controller.log, encoding="utf-8", errors="replace") as log:
            return "serving" in log.read()

    def refresh_proxy(self):
        """Points the proxy at the controller's ports; its own never change."""
        for side, real in self.files().items():
            text = self.proxy.file_for(side, real)
            with open(self.proxied(side) + ".new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(self.proxied(side) + ".new", self.proxied(side))

    def start_engine(self):
        if self.options.kind == "stock":
            words = [PYTHON, "-m", "ipyparallel.engine", f"--file={self.proxied('engine')}",
                     "--IPEngine.timeout=60", "--IPEngine.max_heartbeat_misses=200",
                     "--InteractiveShell.colors=nocolor"]
        else:
            words = [os.path.join(self.options.bin, "trireme-engine"), "--timeout=60", "--load",
                     os.path.join(self.options.lib, "libchaos_plugin.so"),
                     f"--file={self.proxied('engine')}"]
        self.engines.append(self.start("engine", words))

    def start_client(self):
        if self.options.kind == "stock":
            words = [PYTHON, os.path.join(HERE, "stock_client.py")]
        else:
            words = [os.path.join(self.options.tests, "chaos_client")]
        self.client = self.start("client", [
            *words, self.plan, self.journal, self.proxied("client"), self.folder,
            str(self.options.window)])

    def wait_for(self, condition, what, patience=120):
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"waited {patience} s in vain until {what}")
            time.sleep(0.02)

    def stop(self):
        """Asks everything to end; returns what did not, by the names of logs."""
        stuck = []
        for program in self.programs:
            if program.frozen:
                program.thaw()
        for group in (self.engines + [self.client], [self.controller]):
            for program in group:
                if program is not None and program.running():
                    program.popen.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 60
            for program in group:
                while program is not None and program.running() and time.monotonic() < deadline:
                    time.sleep(0.02)
                if program is not None and program.running():
                    stuck.append(os.path.basename(program.log))
                    program.kill()
        self.proxy.stop()
        return stuck

    def kill_all(self):
        """For runs that failed."""
        for program in self.programs:
            program.kill()
        for pid in left_behind(self.folder):
            os.kill(pid, signal.SIGKILL)


def left_behind(folder):
    """Processes of this run that still are."""
    wanted = f"{MARK}={folder}".encode()
    pids = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if wanted in file.read().split(b"\0"):
                    pids.append(int(entry))
        except OSError:
            pass
    return pids


def tail(file, size=3000):
    with open(file, encoding="utf-8", errors="replace") as stream:
        return stream.read()[-size:]


def say(text):
    print(text, flush=True, file=sys.stdout)
