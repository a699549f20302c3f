"""C++ typed on a cluster: cells, shared names, calls, and the ways in which cells end badly."""

import contextlib
import io
import os
import re
import time

import ipyparallel
from engine_world import LIB, PATIENCE, EngineWorld
from IPython.core.interactiveshell import InteractiveShell

LIMIT_SECONDS = 4


class CppWorld(EngineWorld):
    """Engines that run cells of C++, and Python's client."""

    def connect(self, *words, engines=1):
        self.start_cluster("--language=cpp", *words, engines=engines)
        self.python_client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(self.python_client.close)
        return self.python_client[:]

    def run_cell(self, view, code):
        """The results, having waited for them."""
        result = view.execute(code, silent=False)
        result.get(timeout=PATIENCE)
        # Replies and output travel on different channels: the reply may be there first.
        self.assertTrue(result.wait_for_output(PATIENCE), "the output has come")
        return result

    def values(self, view, code):
        """The text of the last expression, by engine."""
        metadata = self.run_cell(view, code).metadata
        metadata = metadata if isinstance(metadata, list) else [metadata]
        return [each["execute_result"]["data"]["text/plain"] for each in metadata]

    def failures(self, view, code):
        """(engine, ename, evalue) of each engine that failed."""
        try:
            self.run_cell(view, code)
        except ipyparallel.CompositeError as error:
            return [(each[3]["engine_id"], each[0], each[1]) for each in error.elist]
        except ipyparallel.RemoteError as error:
            return [(error.engine_info["engine_id"], error.ename, error.evalue)]
        return []


class Cells(CppWorld):
    """What people type."""

    def test_a_session_on_four_engines(self):
        view = self.connect(engines=4)
        self.run_cell(view, "#include <vector>\n"
                            "double mean(const std::vector<double>& v) {\n"
                            "  double s = 0; for (double x : v) s += x; return s / v.size();\n}")
        self.run_cell(view, "std::vector<double> mine(3, trireme::engine_id());")
        self.assertEqual(self.values(view, "mean(mine)"), ["0.0", "1.0", "2.0", "3.0"])
        self.assertEqual(
            self.failures(view, "if (trireme::engine_id() == 2) throw std::out_of_range(\"two\");"),
            [(2, "std::out_of_range", "two")])
        self.assertEqual(self.values(view, "mine.size()"), ["3"] * 4)

    def test_the_px_magic_on_four_engines(self):
        view = self.connect(engines=4)
        view.block = True
        self.shell = InteractiveShell.instance()
        self.addCleanup(InteractiveShell.clear_instance)
        view.activate()
        self.assertEqual(self.px("#include <vector>"), "")
        self.assertEqual(self.px("double sum(const std::vector<double>& all) {\n"
                                 "  double s = 0;\n  for (double x : all) s += x;\n  return s;\n}"),
                         "")
        self.assertEqual(self.px("std::vector<double> mine(10, trireme::engine_id());"), "")
        # In one piece, for the magic shows each piece that comes under a title of its own.
        shown = self.px('std::cout << "engine " + std::to_string(trireme::engine_id()) + "\\n";\n'
                        "sum(mine)")
        for engine in range(4):
            self.assertIn(f"[stdout:{engine}] \nengine {engine}\n", shown)
            self.assertRegex(shown, rf"Out\[{engine}:\d+\]: \S*{engine * 10}\.0\S*\n")
        shown = self.px('if (trireme::engine_id() == 2) throw std::runtime_error("only on two");\n'
                        "mine.size()")
        self.assertIn("[2:execute]: std::runtime_error: only on two", shown)
        self.assertNotIn("[0:execute]", shown)
        self.assertEqual(self.values(view, "mine.at(9)"), ["0.0", "1.0", "2.0", "3.0"])

    def px(self, code):
        """What the magic prints, but for the progress bar of a slow machine."""
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(io.StringIO()):
            try:
                self.shell.run_cell_magic("px", "", code)
            except ipyparallel.CompositeError as error:
                text.write(str(error))
        return re.sub(r"\r[^\n]*\n?", "", text.getvalue())

    def test_names_pass_between_clients_and_cells(self):
        view = self.connect(engines=2)
        view.push({"a": 3, "v": [1.5, 2.5], "who": "you"}, block=True)
        self.run_cell(view, 'std::vector<double> v = ns["v"]; int a = ns["a"];\n'
                            'std::string who = ns["who"];\n'
                            'ns["product"] = a * (v[0] + v[1]); ns["text"] = "hello " + who;')
        self.assertEqual(view.pull("product", block=True), [12.0, 12.0])
        self.assertEqual(view.pull("text", block=True), ["hello you"] * 2)
        self.assertEqual(view.pull("a", block=True), [3, 3])

    def test_functions_of_cells_are_called_and_mapped(self):
        view = self.connect(engines=4)
        self.run_cell(view, "#include <cmath>\n"
                            "double root(double x) { return std::sqrt(x); }")
        root = ipyparallel.Reference("root")
        self.assertEqual(view.apply_sync(root, 16.0), [4.0] * 4)
        values = [float(x) for x in range(1000)]
        self.assertEqual(view.map_sync(root, values), [x ** 0.5 for x in values])
        balanced = self.python_client.load_balanced_view()
        self.assertEqual(balanced.map(root, values[:100], chunksize=10).get(timeout=PATIENCE),
                         [x ** 0.5 for x in values[:100]])


class Mapping(CppWorld):
    """A function typed a moment ago, over many values on four engines."""

    COUNT = 100_000

    def test_a_large_map_over_a_function_of_a_cell_is_whole_and_in_order(self):
        view = self.connect(engines=4)
        self.run_cell(view, "long mixed(long x) { return (x * 2654435761u) % 1000003 - x; }")
        expected = [(x * 2654435761) % 1000003 - x for x in range(self.COUNT)]
        found = view.map_sync(ipyparallel.Reference("mixed"), range(self.COUNT))
        self.assertEqual(found, expected)
        balanced = self.python_client.load_balanced_view()
        found = balanced.map(ipyparallel.Reference("mixed"), range(self.COUNT), chunksize=5000)
        self.assertEqual(found.get(timeout=PATIENCE), expected)


class Deadly(CppWorld):
    """User code that ends badly is a failed task, soon told; the engine goes on, and so does all
    else."""

    WORDS = (f"--task-timeout={LIMIT_SECONDS}", "--memory-limit=3G")
    TOLD_WITHIN = 2  # seconds after the limit, of which an interrupt may take one to be heeded
    TRIES = 5  # a machine may be busy with other things for a while, but not each time

    def start_deadly(self):
        plugins = [os.path.join(LIB, f"lib{name}.so") for name in ("deadly_plugin", "good_plugin")]
        view = self.connect(*self.WORDS, *(f"--load={each}" for each in plugins), engines=2)
        self.run_cell(view, "1 + 1")
        self.victim, self.beside = self.python_client[0], self.python_client[1]

    def check(self, send, limit, *signs):
        """`send` gives a result that fails with one of the signs, soon after its limit; what waits
        behind it and what runs beside it succeeds."""
        lateness = []
        while len(lateness) < self.TRIES:
            beside = self.beside.apply_async(ipyparallel.Reference("trireme.sleep"), 0.5)
            begun = time.monotonic()
            deadly = send()
            behind = self.victim.apply_async(ipyparallel.Reference("trireme.echo"), "behind")
            with self.assertRaises(ipyparallel.RemoteError) as caught:
                deadly.get(timeout=PATIENCE)
            lateness.append(time.monotonic() - begun - limit)
            told = f"{caught.exception.ename}: {caught.exception.evalue}"
            self.assertTrue(any(sign in told for sign in signs), told)
            self.assertEqual(behind.get(timeout=PATIENCE), "behind")
            beside.get(timeout=PATIENCE)
            self.assertEqual(self.values(self.victim, 'std::string("works")'), ['"works"'])
            self.assertEqual(self.python_client.ids, [0, 1])
            if lateness[-1] < self.TOLD_WITHIN:
                return
        self.fail(f"told {lateness} s after the limit")


class DeadlyCells(Deadly):
    """In what people type."""

    CELLS = {
        "segfault": ("*static_cast<volatile int*>(nullptr) = 1;", 0, "SIGSEGV"),
        "abort": ("std::abort();", 0, "SIGABRT"),
        "stack": ("int deep(volatile int* p) { volatile int a[256]; a[0] = *p;"
                  " return deep(a) + a[0]; }\nvolatile int start = 1; deep(&start)", 0, "SIGSEGV"),
        "loop": ("volatile int n = 0; for (;;) ++n;", LIMIT_SECONDS, "TimeLimitExceeded"),
        "memory": ("std::vector<char> all(10ul << 30, 'x'); all.size()", 0,
                   "MemoryLimitExceeded"),
        "kept memory": ("std::vector<char*> kept; for (;;) kept.push_back(new char[64 << 20]);", 0,
                        "MemoryLimitExceeded"),
    }

    def test_each_death_is_told_soon_and_harms_nothing_else(self):
        self.start_deadly()
        for name, (code, limit, *signs) in self.CELLS.items():
            with self.subTest(name):
                self.check(lambda code=code: self.victim.execute(code, silent=False, block=False),
                           limit, *signs)


class DeadlyTasks(Deadly):
    """In the functions of a plug-in."""

    CALLS = {
        "segfault": (("deadly.null", ""), 0, "SIGSEGV"),
        "abort": (("deadly.abort", ""), 0, "SIGABRT"),
        "stack": (("deadly.overflow", ""), 0, "SIGSEGV"),
        "loop": (("deadly.loop", ""), LIMIT_SECONDS, "TimeLimitExceeded"),
        "memory": (("deadly.hog", 10), 0, "MemoryLimitExceeded"),
    }

    def test_each_death_is_told_soon_and_harms_nothing_else(self):
        self.start_deadly()
        for name, ((function, *args), limit, *signs) in self.CALLS.items():
            with self.subTest(name):
                task = ipyparallel.Reference(function)
                self.check(lambda task=task, args=args: self.victim.apply_async(task, *args),
                           limit, *signs)


class SmallLimits(CppWorld):
    """Starting the compiler is nobody's task: it takes more than these limits allow."""

    LIMITS = ("--task-timeout=2", "--cpu-limit=0.5")

    def assert_first_cell_runs(self, *words):
        self.start_cluster(*words, *self.LIMITS)
        self.python_client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(self.python_client.close)
        self.assertEqual(self.values(self.python_client[:], "40 + 2"), ["42"])

    def test_a_compiler_that_starts_with_its_engine(self):
        self.assert_first_cell_runs("--language=cpp")

    def test_a_compiler_that_starts_with_the_first_cell(self):
        self.assert_first_cell_runs()

    def test_a_compiler_that_starts_anew_after_everything_was_forgotten(self):
        self.assert_first_cell_runs()
        self.python_client[:].clear(block=True)
        self.assertEqual(self.values(self.python_client[:], "2 * 21"), ["42"])
