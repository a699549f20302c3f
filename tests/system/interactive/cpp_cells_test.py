"""C++ typed on a cluster: cells, shared names, calls, and the ways in which cells end badly."""

import contextlib
import io
import time

import ipyparallel
from engine_world import PATIENCE, EngineWorld
from IPython.core.interactiveshell import InteractiveShell

LIMIT_SECONDS = 15  # the compiler starts within the first cell


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

    def test_the_px_magic_shows_output_and_values(self):
        view = self.connect(engines=2)
        view.block = True
        shell = InteractiveShell.instance()
        self.addCleanup(InteractiveShell.clear_instance)
        view.activate()
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            shell.run_cell_magic(
                "px", "", 'std::cout << "from " << trireme::engine_id() << "\\n";\n'
                "40 + trireme::engine_id()")
        for engine in (0, 1):
            self.assertIn(f"[stdout:{engine}] \nfrom {engine}\n", text.getvalue())
            self.assertRegex(text.getvalue(), rf"Out\[{engine}:\d+\]: \S*{40 + engine}\n")

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


class DeadlyCells(CppWorld):
    """Cells that end badly are failed tasks; the engine goes on."""

    def assert_dies(self, view, code, *signs):
        before = time.monotonic()
        found = self.failures(view, code)
        self.assertEqual(len(found), 1, code)
        self.assertTrue(any(sign in found[0][2] for sign in signs), (code, found))
        return time.monotonic() - before

    def test_each_death_is_told_and_the_engine_works_on(self):
        view = self.connect(f"--task-timeout={LIMIT_SECONDS}", "--memory-limit=4G")
        self.run_cell(view, "1 + 1")
        for code, *signs in (
                ("*static_cast<volatile int*>(nullptr) = 1;", "SIGSEGV"),
                ("std::abort();", "SIGABRT"),
                ("int deep(volatile int* p) { volatile int a[256]; a[0] = *p;"
                 " return deep(a) + a[0]; }\nvolatile int start = 1; deep(&start)", "SIGSEGV"),
                ("volatile int n = 0; for (;;) ++n;", "time"),
                ("std::vector<char> all(10ul << 30, 'x'); all.size()", "bad_alloc", "memory")):
            with self.subTest(code=code):
                self.assert_dies(view, code, *signs)
                self.assertEqual(self.values(view, "std::string(\"works\")"), ['"works"'])
        self.assertEqual(self.python_client.ids, [0])
