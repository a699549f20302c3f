"""Cells that Python's own client runs on our engines: what people see of them."""

import contextlib
import io

import ipyparallel
from engine_world import PATIENCE, EngineWorld
from IPython.core.interactiveshell import InteractiveShell


class PythonCells(EngineWorld):
    """view.execute and %%px against engines whose cells are the shell's."""

    def connect(self, engines=1):
        self.start_cluster("--language=sh", engines=engines)
        self.python_client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(self.python_client.close)
        return self.python_client[:]

    def shown(self, result):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            result.get(timeout=PATIENCE)
            result.display_outputs()
        return text.getvalue()

    def test_output_is_displayed_by_engine(self):
        view = self.connect(engines=2)
        result = view.execute("echo out; echo err >&2", silent=False)
        text = self.shown(result)
        for engine in (0, 1):
            self.assertIn(f"[stdout:{engine}] \nout\n", text)
            self.assertIn(f"[stderr:{engine}] \nerr\n", text)

    def test_state_stays_from_cell_to_cell_and_differs_by_engine(self):
        view = self.connect(engines=2)
        for engine in (0, 1):
            self.python_client[engine].execute(f"mine={engine * 11}", block=True)
        result = view.execute('echo "mine is $mine"', silent=False)
        text = self.shown(result)
        self.assertIn("[stdout:0] \nmine is 0\n", text)
        self.assertIn("[stdout:1] \nmine is 11\n", text)

    def test_a_failure_on_one_engine_is_raised_with_its_name(self):
        view = self.connect(engines=2)
        self.python_client[1].execute("broken=yes", block=True)
        with self.assertRaises(ipyparallel.CompositeError) as caught:
            view.execute('test -z "$broken"', silent=False).get(timeout=PATIENCE)
        self.assertEqual(len(caught.exception.elist), 1)

    def test_the_px_magic_prints_as_for_python_engines(self):
        view = self.connect(engines=2)
        shell = InteractiveShell.instance()
        self.addCleanup(InteractiveShell.clear_instance)
        view.block = True
        view.activate()
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            shell.run_cell_magic("px", "", "echo from the cell")
        self.assertIn("[stdout:0] \nfrom the cell\n", text.getvalue())
        self.assertIn("[stdout:1] \nfrom the cell\n", text.getvalue())

    def test_a_cell_may_name_another_language(self):
        self.start_cluster()
        client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(client.close)
        result = client[:].execute("%%sh\necho named", silent=False)
        self.assertIn("named", self.shown(result))
