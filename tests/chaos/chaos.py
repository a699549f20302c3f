#!/usr/bin/env python3
"""Runs tasks through real processes while killing, freezing and cutting off everything that takes
part, at moments that a seed decides; then checks every single task.

  chaos.py --bin BUILD/bin --lib BUILD/lib --tests BUILD/tests --tasks 20000 --seed 1

Prints what it did; a run that fails keeps its folder and prints the command that repeats it.
"""

import argparse
import heapq
import itertools
import os
import shutil
import signal
import sys
import tempfile
import time

import chaos_checks
from chaos_cluster import Cluster, Failure, left_behind, say, tail
from chaos_plan import FAULTS, draw_faults, draw_tasks

HERE = os.path.dirname(os.path.abspath(__file__))
QUIET_AFTER = 8  # seconds without a result after which faults wait for the next one
# Seconds without a single result: something is lost.
STANDSTILL = float(os.environ.get("TRIREME_CHAOS_PATIENCE", 90))
HELPERS = 60  # seconds that the helpers of ended engines may take to notice
LONG_FREEZE = 1.5  # an engine silent for longer counts as dead


class Run:
    """One seed."""

    def __init__(self, options, folder):
        self.options = options
        self.tasks = draw_tasks(options.tasks, options.milliseconds, options.seed)
        self.faults = draw_faults(options.faults, options.pause, options.seed)
        self.cluster = Cluster(options, folder)
        self.counts = dict.fromkeys(options.faults, 0)
        self.progress = chaos_checks.Progress(self.cluster.journal)
        self.is_quiet = False  # nothing came for a while: is it the faults, or is something lost?
        self.later = []  # (moment, number, action)
        self.numbers = itertools.count()
        self.start = time.monotonic()
        self.history = []

    def run(self):
        cluster = self.cluster
        with open(cluster.plan, "w", encoding="utf-8") as plan:
            plan.writelines(task.line() for task in self.tasks)
        cluster.start_controller()
        for _ in range(self.options.engines):
            cluster.start_engine()
        cluster.start_client()
        if self.options.faults:
            self.plan_fault()
        self.watch()
        return self.check()

    def note(self, text):
        self.history.append(f"{time.monotonic() - self.start:8.2f} {text}")

    def after(self, seconds, action):
        heapq.heappush(self.later, (time.monotonic() + seconds, next(self.numbers), action))

    def watch(self):
        """Until the client has everything."""
        done, moved = 0, time.monotonic()
        while True:
            client = self.cluster.client
            if not client.running() and not client.killed:
                if client.popen.returncode == 0:
                    return
                raise Failure("the client ended by itself:\n" + tail(client.log))
            if not self.cluster.controller.running() and not self.cluster.controller.killed:
                raise Failure("the controller died:\n" + tail(self.cluster.controller.log))
            now = time.monotonic()
            while self.later and self.later[0][0] <= now:
                heapq.heappop(self.later)[2]()
            count = self.progress.finished()
            if count != done:
                done, moved, self.is_quiet = count, now, False
            elif now - moved > QUIET_AFTER and not self.is_quiet:
                self.note("no more faults until results come again")
                self.is_quiet = True
                self.after(5, self.replace_lost)  # when what was frozen or killed is back
            elif now - moved > STANDSTILL:
                raise Failure(f"nothing comes any more after {done} of {len(self.tasks)} results"
                              + self.describe_standstill())
            time.sleep(0.02)

    def describe_standstill(self):
        """What the controller knows of the tasks that are out."""
        from protocol_peer import Peer  # needs the environment set by main()
        journal = chaos_checks.Journal(self.cluster.journal)
        if not self.cluster.controller.running():
            self.cluster.start_controller()
        peer = Peer(self.cluster.files()["client"])
        try:
            return chaos_checks.describe_pending(peer, journal)
        except (AssertionError, Failure) as failure:
            return f"; the controller does not say why ({failure})"
        finally:
            peer.close()

    # Faults.

    def plan_fault(self):
        wait, name, detail = next(self.faults)
        self.after(wait, lambda: self.inject(name, detail))

    def inject(self, name, detail):
        self.plan_fault()
        if self.is_quiet:
            return
        if self.progress.finished() >= 0.95 * len(self.tasks):
            return  # the last tasks show whether the cluster has healed
        action, _, what = name.partition("-")
        getattr(self, action)(what, detail)
        self.counts[name] += 1

    def pick(self, what, detail):
        if what == "controller":
            return self.cluster.controller
        if what == "client":
            return self.cluster.client
        alive = [e for e in self.cluster.engines if e.running() and not e.frozen]
        return alive[int(detail * len(alive))] if alive else None

    def kill(self, what, detail):
        alone = what == "engine-alone"
        program = self.pick(what.partition("-")[0], detail)
        if program is None or not program.running():
            return
        self.note(f"kill {what} {os.path.basename(program.log)}")
        program.kill(whole_session=not alone)
        restart = {"controller": self.cluster.start_controller,
                   "client": self.cluster.start_client}.get(what, self.cluster.start_engine)
        self.after(detail * 0.7, lambda: self.restart(what, restart))

    def restart(self, what, start):
        self.note(f"start {what}")
        start()

    def freeze(self, what, detail):
        program = self.pick(what, detail)
        if program is None or not program.running() or program.frozen:
            return
        seconds = 0.1 + detail * (3.5 if what == "engine" else 1.5)
        self.note(f"freeze {what} {os.path.basename(program.log)} for {seconds:.1f} s")
        program.freeze()
        self.after(seconds, program.thaw)
        if what == "engine" and seconds > LONG_FREEZE:
            self.after(seconds + 1, lambda: self.replace(program))

    def replace(self, engine):
        """Takes an engine away that was taken for dead, and starts another in its place."""
        if engine.running():
            engine.kill()
            self.note(f"replace {os.path.basename(engine.log)}")
            self.cluster.start_engine()

    def replace_lost(self):
        """Starts an engine for each that runs and that the controller took for dead: a busy machine
        may have left it no time for its heart."""
        from protocol_peer import Peer  # needs the environment set by main()
        if not self.is_quiet or not self.cluster.controller.running():
            return
        peer = Peer(self.cluster.files()["client"])
        try:
            known = len(peer.ask("connection_request")[1]["engines"])
        finally:
            peer.close()
        for _ in range(sum(engine.running() for engine in self.cluster.engines) - known):
            self.note("replace an engine that was taken for dead")
            self.cluster.start_engine()

    def cut(self, what, detail):
        self.note(f"cut {what}")
        seed = f"{self.options.seed} {detail}"
        self.cluster.proxy.cut(what.rstrip("s"), 0.2 + 0.8 * detail, seed)

    # The end.

    def may_be_ahead(self):
        """Tasks whose reply may have been delivered and not be on disk when the controller died."""
        if self.options.durability == "strict":
            return ()
        return {task.index for task in self.tasks if task.kind == "fragile"}

    def check(self):
        from protocol_peer import Peer  # needs the environment set by main()
        cluster = self.cluster
        self.note("checking")
        for program in cluster.programs:
            if program.frozen:
                program.thaw()
        if not cluster.controller.running():
            cluster.start_controller()
        if not any(engine.running() for engine in cluster.engines):
            cluster.start_engine()
        journal = chaos_checks.Journal(cluster.journal)
        runs = chaos_checks.Runs(os.path.join(cluster.folder, "runs.txt"))
        wrong = chaos_checks.check_results(self.tasks, journal)
        wrong += chaos_checks.check_order(self.tasks, runs)
        if journal.fetched and "cut-clients" not in self.options.faults:
            wrong.append(f"replies did not come by themselves: {journal.fetched[:20]}")
        peer = Peer(cluster.files()["client"])
        try:
            wrong += chaos_checks.check_records(peer, journal)
        finally:
            peer.close()
        wrong += [f"{name} did not end after SIGTERM" for name in cluster.stop()]
        wrong += chaos_checks.check_database(
            cluster.profile, journal, self.may_be_ahead())
        deadline = time.monotonic() + HELPERS
        while left_behind(cluster.folder) and time.monotonic() < deadline:
            time.sleep(0.1)
        wrong += [f"process {pid} is left behind" for pid in left_behind(cluster.folder)]
        say(f"seed {self.options.seed}: {len(self.tasks)} tasks in "
            f"{time.monotonic() - self.start:.1f} s, {runs.further_runs()} further runs, "
            f"{chaos_checks.repeated_replies(journal)} repeated replies, "
            f"{len(journal.fetched)} replies fetched, {len(journal.lost)} requests sent anew, "
            "faults "
            + ", ".join(f"{name} {count}" for name, count in self.counts.items() if count))
        return wrong


def read_options(words):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--bin", required=True, help="where trireme-controller is")
    parser.add_argument("--lib", required=True, help="where libchaos_plugin.so is")
    parser.add_argument("--tests", required=True, help="where chaos_client is")
    parser.add_argument("--kind", choices=("native", "stock"), default="native",
                        help="whose client and engines")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds from that one on")
    parser.add_argument("--engines", type=int, default=3)
    parser.add_argument("--window", type=int, default=300, help="tasks that are out at once")
    parser.add_argument("--milliseconds", type=int, default=20, help="the longest task")
    parser.add_argument("--pause", type=float, default=0.4, help="seconds between faults, about")
    parser.add_argument("--faults", default=",".join(FAULTS),
                        help="a choice of " + ",".join(FAULTS))
    parser.add_argument("--durability", choices=("none", "batch", "strict"))
    parser.add_argument("--keep", action="store_true", help="keep the folder of good runs, too")
    options = parser.parse_args(words)
    options.faults = [name for name in options.faults.split(",") if name]
    unknown = set(options.faults) - set(FAULTS)
    if unknown:
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    options.controller_words = [f"--durability={options.durability}"] if options.durability else []
    return options


def run_seed(options, words):
    folder = tempfile.mkdtemp(prefix=f"trireme-chaos-{options.seed}-")
    run = Run(options, folder)
    try:
        wrong = run.run()
    except Failure as failure:
        wrong = [str(failure)]
    except BaseException:
        run.cluster.kill_all()
        raise
    if not wrong:
        if not options.keep:
            shutil.rmtree(folder)
        return True
    run.cluster.kill_all()
    say("\n".join(run.history[-40:]))
    say(f"seed {options.seed} FAILED ({len(wrong)} findings):\n  " + "\n  ".join(wrong[:20]))
    say(f"logs and journals: {folder}")
    say(f"again: {sys.executable} {os.path.join(HERE, 'chaos.py')} {' '.join(words)} "
        f"--seed {options.seed} --seeds 1")
    return False


def main(words):
    options = read_options(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes what was started along
    os.environ["TRIREME_BIN_DIR"] = options.bin
    good = True
    for seed in range(options.seed, options.seed + options.seeds):
        options.seed = seed
        good = run_seed(options, words) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
