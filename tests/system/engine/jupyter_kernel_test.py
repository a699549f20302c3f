"""trireme-engine as a kernel of the Jupyter protocol, driven by Jupyter's own client."""

import json
import os
import signal
import tempfile

from controller_world import PATIENCE, wait_until
from engine_world import EngineWorld
from gate import open_gate
from jupyter_client import BlockingKernelClient
from kernel_driver import Cell, KernelDriver, ManagedKernel


class OwnKernel(ManagedKernel):
    """Cells of the shell in a kernel that a KernelManager started."""

    def gated(self, code):
        """A cell that goes on when the gate is opened."""
        folder = tempfile.TemporaryDirectory(prefix="trireme-test-")
        self.addCleanup(folder.cleanup)
        self.gate = os.path.join(folder.name, "gate")
        return f"until test -e {self.gate}; do sleep 0.1; done; {code}"

    def let_go_on(self):
        """Opens it, once the kernel has what was sent before."""
        self.kernel.control_channel.send(self.kernel.session.msg("kernel_info_request", {}))
        self.kernel.get_control_msg(timeout=PATIENCE)
        open_gate(self.gate)

    def test_a_cell_prints_and_is_counted(self):
        first = self.run_cell("echo out; echo err >&2")
        self.assertEqual(first.reply["status"], "ok")
        self.assertEqual(first.stream("stdout"), "out\n")
        self.assertEqual(first.stream("stderr"), "err\n")
        self.assertEqual(first.types()[:2], ["status", "execute_input"])
        second = self.run_cell("true")
        self.assertEqual(second.reply["execution_count"], first.reply["execution_count"] + 1)

    def test_a_failing_cell_is_an_error_and_aborts_those_behind_it(self):
        failing = Cell(self.kernel, self.gated("exit 3"))
        behind = Cell(self.kernel, "echo never")
        self.let_go_on()
        self.assertEqual(failing.finish()["status"], "error")
        self.assertIn("error", failing.types())
        self.assertEqual(behind.finish()["status"], "aborted")
        self.assertEqual(self.run_cell("echo on").stream("stdout"), "on\n")

    def test_cells_behind_a_failure_run_when_it_is_not_to_stop(self):
        failing = Cell(self.kernel, self.gated("exit 3"), stop_on_error=False)
        behind = Cell(self.kernel, "echo runs")
        self.let_go_on()
        self.assertEqual(failing.finish()["status"], "error")
        self.assertEqual(behind.finish()["status"], "ok")

    def test_a_silent_cell_shows_no_input_and_is_not_counted(self):
        before = self.run_cell("true").reply["execution_count"]
        silent = self.run_cell("true", silent=True)
        self.assertNotIn("execute_input", silent.types())
        self.assertEqual(self.run_cell("true").reply["execution_count"], before + 1)

    def test_kernel_info_names_the_language(self):
        info = self.answer(self.kernel.kernel_info())
        self.assertEqual(info["implementation"], "trireme")
        self.assertEqual(info["language_info"]["name"], "bash")
        self.assertGreaterEqual(info["protocol_version"], "5.3")

    def test_questions_about_code_are_answered(self):
        found = self.answer(self.kernel.complete("ech", 3))
        self.assertEqual((found["status"], found["cursor_end"]), ("ok", 3))
        self.assertEqual(self.answer(self.kernel.inspect("echo", 2))["status"], "ok")
        state = self.answer(self.kernel.is_complete("echo"))["status"]
        self.assertIn(state, ("complete", "incomplete", "invalid", "unknown"))
        self.assertEqual(self.answer(self.kernel.comm_info())["comms"], {})

    def test_history_remembers_cells(self):
        self.run_cell("echo remembered")
        found = self.answer(self.kernel.history(hist_access_type="tail", n=1))
        self.assertEqual(found["history"][0][2], "echo remembered")
        found = self.answer(
            self.kernel.history(hist_access_type="search", pattern="*remem*", n=1))
        self.assertEqual(len(found["history"]), 1)

    def test_a_debug_request_is_refused(self):
        message = self.kernel.session.msg("debug_request", {"command": "attach"})
        self.kernel.control_channel.send(message)
        reply = self.kernel.get_control_msg(timeout=PATIENCE)
        self.assertEqual(reply["content"]["status"], "error")

    def test_an_endless_cell_can_be_interrupted(self):
        cell = Cell(self.kernel, "echo started; while true; do sleep 0.1; done")
        cell.wait_for("stream")
        self.manager.interrupt_kernel()
        self.assertEqual(cell.finish()["status"], "error")
        self.assertEqual(self.run_cell("echo alive").stream("stdout"), "alive\n")

    def test_the_heart_beats_while_a_cell_runs(self):
        cell = Cell(self.kernel, "echo started; sleep 1000")
        cell.wait_for("stream")
        self.kernel.hb_channel.unpause()
        wait_until(self.kernel.hb_channel.is_beating, "the heart beats")
        self.manager.interrupt_kernel()
        cell.finish()

    def test_a_kernel_can_be_restarted_from_the_middle_of_a_cell(self):
        self.run_cell("name=before")
        Cell(self.kernel, "echo started; sleep 1000").wait_for("stream")
        self.manager.restart_kernel()
        self.kernel.wait_for_ready(timeout=PATIENCE)
        self.assertEqual(self.run_cell('echo "[$name]"').stream("stdout"), "[]\n")

    def test_a_kernel_shuts_down_when_asked(self):
        self.kernel.shutdown()
        wait_until(lambda: not self.manager.is_alive(), "the kernel has ended")

    def test_user_expressions_are_evaluated(self):
        cell = self.run_cell("true", user_expressions={"x": "true"})
        self.assertEqual(list(cell.reply["user_expressions"]), ["x"])


class LoneKernel(EngineWorld):
    """Started from the command line with a file of its own."""

    def start_kernel(self, **content):
        path = os.path.join(self.folder, "kernel.json")
        ports = {f"{name}_port": 0 for name in ("shell", "iopub", "stdin", "control", "hb")}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"ip": "127.0.0.1", "transport": "tcp", "key": "secret",
                       "signature_scheme": "hmac-sha256", **ports, **content}, file)
        return path, self.start("trireme-engine", "--kernel", path, "--language=sh")

    def test_free_ports_are_chosen_and_written_down(self):
        path, engine = self.start_kernel()

        def has_ports():
            with open(path, encoding="utf-8") as file:
                return json.load(file)["shell_port"] != 0

        wait_until(has_ports, "the ports are written down")
        client = BlockingKernelClient(connection_file=path)
        client.load_connection_file()
        client.start_channels()
        self.addCleanup(client.stop_channels)
        client.wait_for_ready(timeout=PATIENCE)
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.wait(), 0)

    def test_files_that_cannot_be_used_are_explained(self):
        for content, words in (({"shell_port": "x"}, "shell_port"), ({"transport": "ipc"}, "ipc"),
                               ({"ip": "256.0.0.1"}, "256.0.0.1")):
            with self.subTest(content=content):
                _, engine = self.start_kernel(**content)
                self.assertEqual(engine.wait(), 1)
                self.assertIn(words, engine.output())


class BoundEngine(KernelDriver, EngineWorld):
    """An engine of a cluster that front ends may attach to."""

    def attach(self, path):
        self.kernel = BlockingKernelClient(connection_file=path)
        self.kernel.load_connection_file()
        self.kernel.start_channels()
        self.addCleanup(self.kernel.stop_channels)
        self.kernel.wait_for_ready(timeout=PATIENCE)

    def test_a_front_end_attaches_and_the_cluster_goes_on(self):
        client = self.start_cluster("--language=sh")
        path = client.call("trireme.bind_kernel")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.attach(path)
        self.assertEqual(self.run_cell("echo bound").stream("stdout"), "bound\n")
        self.assertEqual(client.call("trireme.echo", 5), 5)
        self.assertEqual(client.call("trireme.bind_kernel"), path)

    def test_both_sides_see_each_others_state(self):
        client = self.start_cluster("--language=sh")
        self.attach(client.call("trireme.bind_kernel"))
        request = client.send("mux", "execute_request", {"code": "name=shared", "silent": False}, 0)
        self.assertEqual(client.reply_to(request)["content"]["status"], "ok")
        self.assertEqual(self.run_cell('echo "$name"').stream("stdout"), "shared\n")

    def test_pythons_clients_bind_as_they_are_used_to(self):
        import ipyparallel

        self.start_cluster("--language=sh")
        client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(client.close)
        client[0].apply_sync(ipyparallel.bind_kernel)
        self.attach(os.path.join(self.profile, "security", f"kernel-{self.engines[0].pid}.json"))
        self.assertEqual(self.run_cell("echo bound").stream("stdout"), "bound\n")


