"""A cluster of its own for each test, in a temporary profile; nothing may be left running."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from loopback import own_address

BIN = os.environ["TRIREME_BIN_DIR"]
LIB = os.environ["TRIREME_LIB_DIR"]
PATIENCE = 120  # seconds; generous, because machines are slow and sanitizers slower


def wait_until(condition, what):
    """Waits for a condition to hold and returns its value."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.02)


def split_at_dashes(words):
    """Those before the two dashes and those behind."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1:]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def read_text(path):
    """What a file holds, without blanks at its ends; "" when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


class World(unittest.TestCase):
    """Verbs of a user at a shell."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="trireme-cli-test-")
        self.profile = os.path.join(self.folder, "profile")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("IPP_")}
        self.environment["IPP_PROFILE_DIR"] = self.profile
        self.environment["IPYTHONDIR"] = os.path.join(self.folder, "ipython")
        self.addCleanup(self.clean_up)

    def clean_up(self):
        started = self.pids()
        self.trireme("stop", "--quiet", check=False)
        left = [pid for pid in started if is_alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        logs = self.logs() if left or self.has_failed() else ""
        shutil.rmtree(self.folder)
        if logs:
            print(logs)
        self.assertEqual(left, [], "processes that `trireme stop` left running")

    def has_failed(self):
        outcome = self._outcome
        result = getattr(outcome, "result", None)
        return any(test is self for test, _ in getattr(result, "failures", [])) or not getattr(
            outcome, "success", True)

    def logs(self):
        text = ""
        folder = os.path.join(self.profile, "log")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                text += f"--- {name}\n{file.read()[-3000:]}\n"
        return text

    def ledger(self, cluster_id=""):
        name = f"trireme-{cluster_id}.json" if cluster_id else "trireme.json"
        try:
            with open(os.path.join(self.profile, "pid", name), encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def pids(self):
        ledger = self.ledger()
        if ledger is None:
            return []
        entries = ledger["engines"] + ([ledger["controller"]] if ledger["controller"] else [])
        return [entry["pid"] for entry in entries]

    def command(self, *words):
        return [os.path.join(BIN, "trireme"), *words]

    def trireme(self, *words, check=True, text=True, **options):
        """Runs `trireme WORDS...`; with `check` it must succeed."""
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True,
                              text=text, timeout=2 * PATIENCE, cwd=self.folder, check=False,
                              **({"stdin": subprocess.DEVNULL} | options if "input" not in options
                                 else options))
        if check:
            self.assertEqual(done.returncode, 0, f"trireme {words}: {done.stdout}{done.stderr}")
        return done

    def fails(self, code, *words, **options):
        """Runs it, expects this exit code and one sentence, and returns the sentence."""
        done = self.trireme(*words, check=False, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith("trireme: "), done.stderr)
        return done.stderr

    def json(self, *words, **options):
        at = words.index("--") if "--" in words else len(words)
        words = (*words[:at], "--json", *words[at:])
        return json.loads(self.trireme(*words, **options).stdout)

    def start(self, engines=2, *words):
        words, for_controller = (list(part) for part in split_at_dashes(words))
        address = f"--ip={own_address()}"
        return self.json("start", "-n", str(engines), *words, "--", address, *for_controller)

    def kill_controller(self, started):
        """Kills it as soon as its engines are on record."""
        on_record = os.path.join(self.profile, "log", "engines.json")
        wait_until(lambda: len(json.loads(read_text(on_record) or "{}").get("engines", []))
                   >= len(started["engine_pids"]), "the engines are on record")
        os.kill(started["controller_pid"], signal.SIGKILL)
        wait_until(lambda: not is_alive(started["controller_pid"]), "the controller is gone")
