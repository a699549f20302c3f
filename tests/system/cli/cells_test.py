"""exec, console and kernelspec: code in the engines' own language."""

import json
import os
import signal
import subprocess

from cluster_world import BIN, PATIENCE, World


class Cells(World):
    def setUp(self):
        super().setUp()
        self.start(2)

    def test_output_of_each_engine_is_labelled(self):
        done = self.trireme("exec", "-t", "0,1", "%%sh\necho out; echo err >&2")
        self.assertCountEqual(done.stdout.splitlines(), ["[0] out", "[1] out"])
        self.assertCountEqual(done.stderr.splitlines(), ["[0] err", "[1] err"])

    def test_output_of_one_engine_is_as_it_is(self):
        done = self.trireme("exec", "-t", "1", "%%sh\nprintf 'no end'")
        self.assertEqual(done.stdout, "no end\n")

    def test_code_comes_from_a_file_or_from_standard_input(self):
        path = os.path.join(self.folder, "cell")
        with open(path, "w", encoding="utf-8") as file:
            file.write("%%sh\necho from a file\n")
        self.assertIn("from a file", self.trireme("exec", "--file", path, "-t0").stdout)
        done = self.trireme("exec", "-t0", input="%%sh\necho typed\n")
        self.assertEqual(done.stdout, "typed\n")

    def test_a_failure_is_shown_and_ends_with_1(self):
        done = self.trireme("exec", "%%sh\nexit 3", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("[0] ", done.stderr)
        self.assertIn("3", done.stderr)

    def test_wrong_targets_are_explained(self):
        self.assertIn("no engine 7", self.fails(1, "exec", "-t7", "1"))
        for targets in ("x", "0,", "1-", "-1"):
            self.assertIn("names no engines", self.fails(2, "exec", f"--targets={targets}", "1"))

    def test_ctrl_c_interrupts_the_engines(self):
        running = subprocess.Popen(
            self.command("exec", "%%sh\necho started; sleep 600"), env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.stdout.close)
        self.assertIn("started", running.stdout.readline())
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.wait(PATIENCE), 130)
        self.assertEqual(self.trireme("exec", "-t0", "%%sh\necho alive").stdout, "alive\n")

    def test_the_console_runs_cell_after_cell(self):
        typed = ("%%sh\nname=kept\n\n"
                 "%targets 1\n"
                 "%%sh\necho \"name is $name\"\n\n"
                 "%targets 9\n"
                 "%quit\n")
        done = self.trireme("console", input=typed, check=False)
        self.assertIn("name is kept\n", done.stdout)
        self.assertNotIn("[0] name", done.stdout)
        self.assertIn("no engine 9", done.stderr)

    def test_the_console_ends_with_the_outcome_of_the_last_cell(self):
        failed = self.trireme("console", input="%%sh\nfalse\n\n", check=False)
        self.assertEqual(failed.returncode, 1)
        self.trireme("console", input="%%sh\nfalse\n\n%%sh\ntrue\n\n")


class EngineArguments(World):
    def test_engines_are_given_their_arguments(self):
        self.start(1, "--engine-argument=--language=sh", "--engine-argument=--task-timeout=0.5")
        self.assertEqual(self.trireme("exec", "echo plain").stdout, "plain\n")
        self.assertIn("TimeLimitExceeded", self.trireme("exec", "sleep 600", check=False).stderr)

    def test_arguments_that_engines_refuse_are_told(self):
        failed = self.fails(1, "start", "-n", "1", "--engine-argument=--threads=none")
        self.assertIn("--threads", failed)


class Kernelspec(World):
    def test_jupyter_finds_the_kernel_and_starts_it(self):
        prefix = os.path.join(self.folder, "prefix")
        self.trireme("kernelspec", "install", "--prefix", prefix, "--language", "sh")
        program = (
            "from jupyter_client.manager import start_new_kernel\n"
            "manager, client = start_new_kernel(kernel_name='trireme')\n"
            "try:\n"
            "    client.execute_interactive('echo alive', timeout=60)\n"
            "finally:\n"
            "    client.stop_channels()\n"
            "    manager.shutdown_kernel()\n")
        environment = self.environment | {
            "JUPYTER_PATH": os.path.join(prefix, "share", "jupyter"),
            "JUPYTER_RUNTIME_DIR": os.path.join(self.folder, "runtime")}
        done = subprocess.run(["/usr/bin/python3", "-W", "ignore", "-c", program], env=environment,
                              capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        self.assertEqual(done.stdout, "alive\n", done.stderr)

    def test_a_kernel_is_installed_for_the_user_and_removed(self):
        self.environment["JUPYTER_DATA_DIR"] = os.path.join(self.folder, "data")
        done = self.trireme("kernelspec", "install", "--name", "mine", "--display-name", "Mine")
        path = os.path.join(self.folder, "data", "kernels", "mine", "kernel.json")
        self.assertEqual(done.stdout, f"Installed {path}\n")
        with open(path, encoding="utf-8") as file:
            spec = json.load(file)
        self.assertEqual(spec["display_name"], "Mine")
        self.assertEqual(spec["interrupt_mode"], "message")
        self.assertEqual(spec["argv"][0], os.path.join(os.path.realpath(BIN), "trireme-engine"))
        self.trireme("kernelspec", "remove", "--name", "mine")
        self.assertFalse(os.path.exists(os.path.dirname(path)))
        self.fails(1, "kernelspec", "remove", "--name", "mine")

    def test_names_that_are_none_are_refused(self):
        for name in ("", "../x", ".hidden", "a/b"):
            self.fails(2, "kernelspec", "install", "--name", name)
