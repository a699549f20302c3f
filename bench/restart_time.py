#!/usr/bin/env python3
"""How long a controller that is killed with many tasks queued takes until it schedules again.

  restart_time.py --bin BUILD/bin [--tasks 10000] [--rounds 5] [--pause 0]

For each round: an engine works through short tasks, one at a time; the controller is killed
(SIGKILL) and started again at once, or after a pause; printed is the time from the kill (from the
start, with a pause) until it serves, and until the engine begins the next task that it gave it.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 120


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.002)


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="trireme-restart-")
        self.profile = os.path.join(self.folder, "profile")
        self.starts = os.path.join(self.folder, "starts.txt")
        self.log = os.path.join(self.folder, "controller.log")
        self.programs = []

    def start(self, name, *words, log=None):
        with open(log or os.path.join(self.folder, name + ".log"), "wb") as out:
            program = subprocess.Popen(
                [os.path.join(self.options.bin, name), f"--profile-dir={self.profile}", *words],
                stdout=out, stderr=out)
        self.programs.append(program)
        return program

    def start_controller(self):
        return self.start("trireme-controller", f"--durability={self.options.durability}",
                          log=self.log)

    def serves(self):
        with open(self.log, encoding="utf-8") as file:
            return "serving" in file.read()

    def started(self):
        """When tasks began, in seconds since the epoch."""
        try:
            with open(self.starts, encoding="utf-8") as file:
                return [float(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def info(self):
        name = os.path.join(self.profile, "security", "ipcontroller-client.json")
        with open(name, encoding="utf-8") as file:
            return json.load(file)

    def hub(self, request, content=None):
        from protocol_peer import Peer

        peer = Peer(self.info())
        try:
            return peer.ask(request, content)[1]
        finally:
            peer.close()

    def fill(self):
        from protocol_peer import Peer

        command = f"date +%s.%N >> {self.starts}; sleep 0.02"
        content = {"function": "trireme.run_command", "args": [["/bin/sh", "-c", command]],
                   "kwargs": {}}
        peer = Peer(self.info(), "task")
        for _ in range(self.options.tasks):
            peer.send(peer.frames("apply_request", content))
        wait_until(lambda: len(self.hub("history_request")["history"]) >= self.options.tasks,
                   "all tasks have records")
        return peer

    def run(self):
        controller = self.start_controller()
        wait_until(self.serves, "the controller serves")
        self.start("trireme-engine")
        wait_until(lambda: self.hub("connection_request")["engines"], "the engine is there")
        peer = self.fill()
        slowest = 0.0
        for number in range(self.options.rounds):
            count = len(self.started())
            wait_until(lambda: len(self.started()) > count + 5, "the engine works")
            queued = self.hub("queue_request", {"targets": None, "verbose": False})["unassigned"]
            controller.send_signal(signal.SIGKILL)
            controller.wait()
            moment = time.time()
            if self.options.pause:
                time.sleep(self.options.pause)
                moment = time.time()
            controller = self.start_controller()
            wait_until(self.serves, "the controller serves again")
            serving = time.time() - moment
            wait_until(lambda: self.started()[-1] > moment, "a task begins")
            first = next(begin for begin in self.started() if begin > moment) - moment
            slowest = max(slowest, first)
            print(f"round {number + 1}: {queued} queued, serves after {serving:.3f} s, "
                  f"next task begins after {first:.3f} s", flush=True)
        print(f"slowest: {slowest:.3f} s")
        peer.close()

    def stop(self):
        for program in reversed(self.programs):
            if program.poll() is None:
                program.kill()
            program.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--bin", required=True, help="where trireme-controller is")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0, help="seconds without a controller")
    parser.add_argument("--durability", choices=("batch", "strict"), default="batch")
    sys.path.insert(0, os.path.join(HERE, "..", "tests", "support"))
    options = parser.parse_args(words)
    os.environ["TRIREME_BIN_DIR"] = options.bin  # for what is imported from there
    bench = Bench(options)
    try:
        bench.run()
    finally:
        bench.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
