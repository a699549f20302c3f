"""Starts and stops the systems under measurement and watches what they use."""

import json
import os
import pathlib
import signal
import subprocess
import time

from comparison import gearman

PYTHON = "/usr/bin/python3"


def missing_program(system, folder):
    """Why the system cannot be run here; empty if it can."""
    needed = {"relay": ["bare-relay", "load-generator"], "trireme": ["trireme-controller"]}
    for name in needed.get(system, []):
        if not (folder / name).exists():
            return f"{folder / name} is not built; build the release preset"
    if system == "stock":
        known = subprocess.run([PYTHON, "-c", "import ipyparallel"], capture_output=True)
        if known.returncode != 0:
            return "python3-ipyparallel is not installed"
    return gearman.missing_program(folder) if system == "gearmand" else ""


def family(pid):
    """The process and all that descend from it."""
    pids = [pid]
    for each in pids:
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                text = pathlib.Path(f"/proc/{each}/task/{task}/children").read_text("ascii")
                pids.extend(int(child) for child in text.split())
        except OSError:
            continue
    return pids


def memory_mb(pid):
    """Resident memory; of several processes, pages they share are counted once."""
    pids = family(pid)
    key = "Rss:" if len(pids) == 1 else "Pss:"
    total = 0
    for each in pids:
        try:
            for line in pathlib.Path(f"/proc/{each}/smaps_rollup").read_text("ascii").splitlines():
                if line.startswith(key):
                    total += int(line.split()[1])
        except OSError:
            continue
    return total / 1024


def cpu_seconds(pid):
    """Processor time of all threads, exact to nanoseconds."""
    total = 0
    for each in family(pid):
        try:
            for task in os.listdir(f"/proc/{each}/task"):
                text = pathlib.Path(f"/proc/{each}/task/{task}/schedstat").read_text("ascii")
                total += int(text.split()[0])
        except OSError:
            continue
    return total / 1e9


class Cluster:
    """One running controller, relay or stock controller in a profile folder of its own."""

    def __init__(self, command, profile, log):
        self.security = profile / "security"
        profile.mkdir(parents=True)
        environment = dict(os.environ, IPYTHONDIR=str(profile.parent), HOME=str(profile.parent))
        self.log = open(log, "w", encoding="utf-8")
        start = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL, env=environment)
        self.start_seconds = self._await_files(start)

    def _await_files(self, start):
        files = [self.security / f"ipcontroller-{side}.json" for side in ("client", "engine")]
        while time.perf_counter() < start + 60:
            if all(self._is_whole(file) for file in files):
                return time.perf_counter() - start
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args[0]} ended; see {self.log.name}")
            time.sleep(0.0005)
        raise RuntimeError(f"{self.process.args[0]} wrote no connection files")

    @staticmethod
    def _is_whole(file):
        try:
            json.loads(file.read_text(encoding="utf-8"))
            return True
        except (OSError, ValueError):
            return False

    def memory_mb(self):
        return memory_mb(self.process.pid)

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                for pid in reversed(family(self.process.pid)):
                    os.kill(pid, signal.SIGKILL)
                self.process.wait()
        self.log.close()


class Clusters:
    """All clusters of a round; those of the same system and settings are started once."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.running = {}
        self.count = 0

    def __enter__(self):
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *_):
        for cluster in self.running.values():
            cluster.stop()
        self.running.clear()

    def _command(self, system, profile, hwm, ping_ms):
        if system == "relay":
            return [str(self.programs / "bare-relay"), str(profile / "security"), str(hwm)]
        words = [f"--profile-dir={profile}", f"--hwm={hwm}", f"--ping={ping_ms}", "--log-level=40"]
        if system == "trireme":
            return [str(self.programs / "trireme-controller"), *words]
        return [PYTHON, "-m", "ipyparallel.controller", *words]

    def fresh(self, system, hwm=1, ping_ms=250):
        """A cluster of its own; whoever asked stops it."""
        self.count += 1
        if system == "gearmand":
            return gearman.Gearmand(self.folder / f"{system}-{self.count}.log")
        profile = self.folder / f"{system}-{self.count}" / "profile_default"
        return Cluster(self._command(system, profile, hwm, ping_ms), profile,
                       self.folder / f"{system}-{self.count}.log")

    def shared(self, system, hwm=1, ping_ms=250):
        key = (system, hwm, ping_ms)
        if key not in self.running:
            self.running[key] = self.fresh(*key)
        return self.running[key]

    def load(self, cluster, **options):
        """Runs the load generator; its figures, and what the cluster used meanwhile."""
        if isinstance(cluster, gearman.Gearmand):
            return cluster.load(self.programs, **options)
        command = [str(self.programs / "load-generator"), "--json",
                   "--security-dir", str(cluster.security)]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(str(value))
        cpu = cluster.cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            raise RuntimeError(f"load-generator failed: {done.stderr.strip()}")
        figures = json.loads(done.stdout)
        figures["controller_cpu_us_per_task"] = (
            (cluster.cpu_seconds() - cpu) * 1e6 / max(1, figures["tasks"]))
        figures["controller_memory_mb"] = cluster.memory_mb()
        return figures
