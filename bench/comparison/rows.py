"""The rows of the comparison: each a piece of work, its figure, and what is to be reached."""

import dataclasses
import time
import typing

KIB = 1024
MIB = 1024 * KIB
ALL = ("relay", "trireme", "stock")


@dataclasses.dataclass
class Target:
    """A bound for our figure, or for its ratio to another system's."""

    bound: float
    at_least: bool
    against: typing.Optional[str] = None

    def is_met(self, value):
        return value >= self.bound if self.at_least else value <= self.bound

    def text(self):
        return (">= " if self.at_least else "<= ") + f"{self.bound:g}"


def at_least(bound, against=None):
    return Target(bound, True, against)


def at_most(bound, against=None):
    return Target(bound, False, against)


@dataclasses.dataclass
class Row:
    """One kind of work. `measure(clusters, system)` gives a result, `key` names its figure."""

    name: str
    title: str
    unit: str
    key: str
    targets: list
    measure: typing.Callable
    systems: tuple = ALL

    def value(self, result):
        return result[self.key]

    def show(self, result):
        notes = ""
        if result.get("errors") or result.get("lost"):
            notes = f" ({result['errors']} errors, {result['lost']} lost)"
        cpu = result.get("controller_cpu_us_per_task")
        if cpu is not None:
            notes += f", controller {cpu:.0f} us CPU a task"
        return f"{self.value(result):.6g} {self.unit}{notes}"


def load_row(name, title, unit, key, targets, hwm=1, relay_hwm=None, stock_tasks=None,
             systems=ALL, **work):
    """A row that is one run of the load generator on a shared cluster."""
    def measure(clusters, system):
        limit = relay_hwm if system == "relay" and relay_hwm is not None else hwm
        options = dict(work)
        if system == "stock" and stock_tasks is not None:
            options["tasks"] = stock_tasks
        return clusters.load(clusters.shared(system, limit), **options)
    return Row(name, title, unit, key, targets, measure, systems)


def throughput_rows(scale):
    """Tasks and bytes per second."""
    rate = "tasks/s"
    return [
        load_row("lb_hwm1", "load-balanced, hwm 1, window 256", rate, "tasks_per_s",
                 [at_least(0.75, "relay"), at_least(12, "stock")],
                 stock_tasks=400 * scale, tasks=5000 * scale, warm_up=500),
        load_row("lb_hwm0", "load-balanced, hwm 0 (relay 64)", rate, "tasks_per_s",
                 [at_least(0.65, "relay"), at_least(35, "stock"), at_least(1, "gearmand")],
                 hwm=0, relay_hwm=64, systems=(*ALL, "gearmand"),
                 stock_tasks=400 * scale, tasks=10000 * scale, warm_up=500),
        load_row("mux", "direct, window 256", rate, "tasks_per_s",
                 [at_least(0.8, "relay"), at_least(1, "stock")],
                 mode="mux", tasks=10000 * scale, warm_up=500),
        load_row("mux_1mib", "direct, 1 MiB each way", "bytes/s", "payload_bytes_per_s",
                 [at_least(0.85, "relay")], mode="mux", tasks=60 * scale, window=8,
                 request_bytes=MIB, reply_bytes=MIB, distinct=True),
        load_row("lb_1mib", "load-balanced, 1 MiB each way", "bytes/s", "payload_bytes_per_s",
                 [at_least(0.85, "relay")], tasks=60 * scale, window=8,
                 request_bytes=MIB, reply_bytes=MIB, distinct=True),
    ]


def latency_rows(scale):
    """Round trips, one at a time."""
    return [
        load_row("lb_one", "load-balanced, one at a time", "us", "median_us",
                 [at_most(1.4, "relay"), at_most(0.25, "stock")],
                 tasks=500 * scale, warm_up=50, window=1),
        load_row("mux_one", "direct, one at a time", "us", "median_us",
                 [at_most(1.2, "relay")], mode="mux", tasks=500 * scale, warm_up=50, window=1),
    ]


def ten_ms_row():
    tasks = 1000  # of fewer, how the first begin and the last end is most of what is over

    def measure(clusters, system):
        result = clusters.load(clusters.shared(system), tasks=tasks, engines=2, hold_ms=10)
        result["overhead_percent"] = 100 * (result["seconds"] / (tasks * 0.01 / 2) - 1)
        return result
    return Row("ten_ms", f"{tasks} tasks of 10 ms on 2 engines, over the ideal", "%",
               "overhead_percent", [at_most(2)], measure)


def storm_rows(scale):
    """Many engines at once at the default heart rate, then tasks over them."""
    def measure(clusters, system):
        cluster = clusters.fresh(system, ping_ms=3000)
        try:
            many = clusters.load(cluster, engines=1000, tasks=(100 if system == "stock" else 5000)
                                 * scale, warm_up=1000, window=4000)
        finally:
            cluster.stop()
        few = clusters.load(clusters.shared(system), warm_up=500, window=256,
                            tasks=(100 if system == "stock" else 5000) * scale)
        many["rate_to_four_engines"] = many["tasks_per_s"] / few["tasks_per_s"]
        return many
    return [Row("storm", "1,000 engines at once: all registered", "s", "registration_s",
                [at_most(5)], measure),
            Row("storm_tasks", "1,000 engines: rate, to that of 4", "ratio",
                "rate_to_four_engines", [at_least(0.7)], measure)]


def broadcast_rows(scale):
    def measure(clusters, system):
        cluster = clusters.fresh(system, ping_ms=3000)
        try:
            engines = 1000
            spread = clusters.load(cluster, engines=engines, mode="broadcast", tasks=scale,
                                   warm_up=1, window=1, request_bytes=KIB)
            direct = clusters.load(cluster, engines=engines, mode="mux", tasks=engines * scale,
                                   warm_up=engines, window=engines, request_bytes=KIB)
        finally:
            cluster.stop()
        spread["to_direct"] = spread["seconds"] / direct["seconds"]
        return spread
    return [Row("broadcast", "broadcast of 1 kB to 1,000 engines", "us", "median_us",
                [at_most(1, "stock")], measure, ("trireme", "stock")),
            Row("broadcast_direct", "the same, to direct messages", "ratio", "to_direct",
                [at_most(1)], measure, ("trireme",))]


def at_rest(cluster):
    """Resident memory when what waited to be stored is stored and given back."""
    time.sleep(3)
    return cluster.memory_mb()


def memory_row(is_long):
    tasks = 1_000_000 if is_long else 100_000

    def measure(clusters, system):
        cluster = clusters.fresh(system)
        try:
            clusters.load(cluster, tasks=10_000)
            first = at_rest(cluster)
            last = clusters.load(cluster, tasks=tasks - 10_000)
            last["growth_mb"] = at_rest(cluster) - first
        finally:
            cluster.stop()
        return last
    return Row("memory", f"growth from 10,000 to {tasks:,} tasks", "MB", "growth_mb",
               [at_most(20)], measure, ("trireme",))


def dependency_rows(is_long):
    tasks = 100_000 if is_long else 20_000
    work = {"tasks": tasks, "engines": 100, "window": tasks, "gate": True}

    def measure_shape(shape):
        def measure(clusters, system):
            cluster = clusters.fresh(system)
            try:
                plain = clusters.load(cluster, **work)
                tied = clusters.load(cluster, shape=shape, shape_size=98, **work)
            finally:
                cluster.stop()
            tied["to_independent"] = tied["seconds"] / plain["seconds"]
            return tied
        return measure
    return [Row(f"depend_{shape}", f"{tasks:,} waiting in {shape}, 100 engines, to independent",
                "ratio", "to_independent", [at_most(1.5)], measure_shape(shape), ("trireme",))
            for shape in ("chains", "fans")]


def start_rows():
    def measure(clusters, system):
        cluster = clusters.fresh(system)
        try:
            time.sleep(0.5)  # the stock controller's processes go on starting for a while
            return {"start_ms": cluster.start_seconds * 1000, "idle_mb": cluster.memory_mb()}
        finally:
            cluster.stop()
    return [Row("start", "start to connection files", "ms", "start_ms", [at_most(50)], measure),
            Row("idle", "idle resident memory", "MB", "idle_mb", [at_most(20)], measure)]


def all_rows(is_long):
    scale = 10 if is_long else 2
    return [*start_rows(), *latency_rows(scale), *throughput_rows(scale), ten_ms_row(),
            *storm_rows(scale), *broadcast_rows(scale), *dependency_rows(is_long),
            memory_row(is_long)]
