"""gearmand, another task server: how it is started and loaded."""

import json
import os
import shutil
import socket
import subprocess
import time

PROGRAM = shutil.which("gearmand", path=os.environ.get("PATH", "") + ":/usr/sbin")


def missing_program(folder):
    """Why it cannot be measured here; empty if it can."""
    if PROGRAM is None:
        return "gearman-job-server is not installed"
    if not (folder / "gearman-load").exists():
        return "gearman-load is not built; install libgearman-dev and build again"
    return ""


class Gearmand:
    """One running gearmand on a free port."""

    def __init__(self, log):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(log, "w", encoding="utf-8")
        command = [PROGRAM, "--listen", "127.0.0.1", "--port", str(self.port),
                   "--log-file", str(log) + ".own"]
        if os.getuid() == 0:
            command += ["--user", "root"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        self._await_port()

    def _await_port(self):
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f"gearmand did not start; see {self.log.name}")

    def load(self, programs, tasks, **_):
        """Null tasks; the other settings of the load generator have no meaning here."""
        done = subprocess.run([str(programs / "gearman-load"), "--port", str(self.port),
                               "--tasks", str(tasks)], capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            raise RuntimeError(f"gearman-load failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
