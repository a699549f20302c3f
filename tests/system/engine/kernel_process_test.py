"""What user code does to its kernel process, and what of that the engine and others feel."""

import os
import signal
import unittest

from engine_world import CONTROLLER, EngineWorld, wait_until

SANITIZED = os.environ.get("TRIREME_SANITIZED", "") != ""
LIMIT_SECONDS = 2


class DeadlyTasks(EngineWorld):
    """Every way to die is a failed task, and the engine goes on."""

    def start_deadly(self, *words, **options):
        return self.start_cluster("--load", self.plugin("deadly_plugin"),
                                  "--load", self.plugin("good_plugin"), *words, **options)

    def assert_still_works(self, client, engine=0):
        self.assertEqual(client.call("trireme.echo", "alive", engine=engine), "alive")
        self.assertEqual(sorted(client.query("connection_request")["engines"].values()),
                         sorted(client.engines.values()))

    def failure_of(self, client, *call, **options):
        reply = client.reply_to(client.apply(*call, **options))
        self.assertEqual(reply["content"]["status"], "error")
        self.assertEqual(reply["metadata"]["status"], "error")
        return reply["content"]

    def test_each_death_is_told_by_its_name_and_the_last_words(self):
        client = self.start_deadly()
        for call, name in ((["deadly.null"], "SIGSEGV"), (["deadly.abort"], "SIGABRT"),
                           (["deadly.overflow"], "SIGSEGV"), (["deadly.exit", 3], "status 3"),
                           (["deadly.signal", signal.SIGKILL], "SIGKILL"),
                           (["deadly.signal", signal.SIGTERM], "SIGTERM")):
            if SANITIZED and call[0] in ("deadly.null", "deadly.overflow"):
                name = "status"  # the sanitizer tells it and exits
            with self.subTest(call=call):
                content = self.failure_of(client, *call, "these are the last words")
                self.assertEqual(content["ename"], "KernelDied")
                if not (SANITIZED and "SIGSEGV" in content["evalue"]):  # not all of them do
                    self.assertIn(name, content["evalue"])
                # A sanitizer's report is longer than what is kept of the last output.
                if call[0] == "deadly.abort" or (not SANITIZED and name == "SIGSEGV"):
                    self.assertIn("these are the last words", "\n".join(content["traceback"]))
                self.assert_still_works(client)

    def test_names_are_lost_and_plugins_are_loaded_again(self):
        client = self.start_deadly()
        client.call("trireme.push", a=1)
        before = client.call("deadly.pid")
        self.failure_of(client, "deadly.null", "")
        self.assertNotEqual(client.call("deadly.pid"), before)
        self.assertEqual(client.call("trireme.keys"), [])
        self.assertIn("names and cells are lost", self.engines[0].output())
        told = client.send("mux", "execute_request", {"code": "1", "silent": False}, 0)
        client.reply_to(told)
        self.assertIn("are lost", client.stream_of(told, "stderr"))

    def test_tasks_behind_and_beside_a_death_are_not_harmed(self):
        client = self.start_deadly(engines=2)
        beside = client.apply("test.wait", engine=1)
        deadly = client.apply("deadly.null", "")
        behind = [client.apply("trireme.echo", i) for i in range(50)]
        self.assertEqual(client.reply_to(deadly)["content"]["ename"], "KernelDied")
        self.assertEqual([client.reply_to(r)["content"]["result"] for r in behind],
                         list(range(50)))
        client.send("control", "interrupt_request", engine=1)
        self.assertEqual(client.reply_to(beside)["content"]["ename"], "KeyboardInterrupt")

    def test_an_endless_loop_can_be_interrupted(self):
        client = self.start_deadly()
        for task, words in (("deadly.loop", ["looping"]), ("deadly.sleep", [])):
            with self.subTest(task=task):
                looping = client.apply(task, *words)
                behind = client.apply("trireme.echo", "behind")
                self.wait_until_busy(client, looping)
                client.send("control", "interrupt_request", engine=0)
                self.assertEqual(client.receive("control")["content"], {"status": "ok"})
                content = client.reply_to(looping)["content"]
                self.assertEqual(content["ename"], "KeyboardInterrupt")
                self.assertEqual(client.reply_to(behind)["content"]["result"], "behind")

    def test_an_interrupted_task_that_heeds_it_keeps_the_names(self):
        client = self.start_deadly("--stop-grace=60")
        client.call("trireme.push", a=1)
        waiting = client.apply("test.wait")
        self.wait_until_busy(client, waiting)
        client.send("control", "interrupt_request", engine=0)
        self.assertEqual(client.reply_to(waiting)["content"]["ename"], "KeyboardInterrupt")
        self.assertEqual(client.call("trireme.pull", "a"), 1)

    def test_signals_reach_an_engine_whose_task_never_ends(self):
        client = self.start_deadly()
        kernel = client.call("deadly.pid")
        looping = client.apply("deadly.loop", "")
        self.wait_until_busy(client, looping)
        client.send("control", "signal_request", {"sig": int(signal.SIGINT)}, engine=0)
        self.assertEqual(client.receive("control")["content"]["status"], "ok")
        self.assertEqual(client.reply_to(looping)["content"]["ename"], "KeyboardInterrupt")
        self.assert_still_works(client)
        self.wait_until_busy(client, client.apply("deadly.loop", ""))
        client.send("control", "signal_request", {"sig": int(signal.SIGUSR1)}, engine=0)
        self.assertEqual(client.receive("control")["content"]["status"], "ok")
        self.assertEqual(self.engines[0].wait(), -signal.SIGUSR1)
        wait_until(lambda: not os.path.exists(f"/proc/{kernel}"), "the kernel is gone")

    def test_a_restart_ends_what_runs_and_keeps_the_engine(self):
        client = self.start_deadly()
        client.call("trireme.push", a=1)
        looping = client.apply("deadly.loop", "")
        self.wait_until_busy(client, looping)
        client.send("control", "shutdown_request", {"restart": True}, engine=0)
        self.assertEqual(client.receive("control")["content"], {"status": "ok", "restart": True})
        self.assertEqual(client.reply_to(looping)["content"]["ename"], "KernelRestarted")
        self.assert_still_works(client)
        self.assertEqual(client.call("trireme.keys"), [])

    def test_a_task_over_its_time_fails_with_the_limit(self):
        client = self.start_deadly(f"--task-timeout={LIMIT_SECONDS}")
        content = self.failure_of(client, "deadly.loop", "")
        self.assertEqual(content["ename"], "TimeLimitExceeded")
        self.assertIn("--task-timeout", content["evalue"])
        self.assertEqual(self.failure_of(client, "test.wait")["ename"], "TimeLimitExceeded")
        self.assert_still_works(client)

    def test_a_task_over_its_cpu_time_fails_with_the_limit(self):
        client = self.start_deadly("--cpu-limit=0.5")
        content = self.failure_of(client, "deadly.loop", "")
        self.assertEqual(content["ename"], "CpuLimitExceeded")
        self.assertIn("--cpu-limit", content["evalue"])
        client.call("trireme.sleep", 1.5)  # takes time, but none of the processor's
        self.assert_still_works(client)

    @unittest.skipIf(SANITIZED, "sanitizers reserve more memory than any limit allows")
    def test_a_task_over_the_memory_fails_with_the_limit(self):
        client = self.start_deadly("--memory-limit=500M")
        client.call("trireme.push", a=1)
        content = self.failure_of(client, "deadly.hog", 10)
        self.assertEqual(content["ename"], "MemoryLimitExceeded")
        self.assertIn("500 MiB", content["evalue"])
        self.assertEqual(client.call("trireme.pull", "a"), 1)  # nothing died of it

    def test_a_killed_engine_leaves_no_kernel_behind(self):
        client = self.start_deadly()
        kernel = client.call("deadly.pid")
        client.apply("deadly.loop", "")
        self.engines[0].kill()
        wait_until(lambda: not os.path.exists(f"/proc/{kernel}"), "the kernel is gone")

    def test_an_engine_leaves_also_from_an_endless_loop(self):
        client = self.start_deadly()
        kernel = client.call("deadly.pid")
        self.wait_until_busy(client, client.apply("deadly.loop", ""))
        self.engines[0].signal(signal.SIGTERM)
        self.assertEqual(self.engines[0].wait(), 0)
        wait_until(lambda: not os.path.exists(f"/proc/{kernel}"), "the kernel is gone")

    def test_large_arguments_and_results_arrive_whole(self):
        client = self.start_deadly()
        numbers = os.urandom(64 << 20)
        placeholder = {"$buffer": 0, "dtype": "|u1", "shape": [len(numbers)]}
        reply = client.reply_to(client.apply("trireme.echo", placeholder, buffers=[numbers]))
        self.assertEqual(bytes(reply["buffers"][0]), numbers)

    def test_tasks_run_in_the_engine_itself_when_asked(self):
        client = self.start_deadly("--in-process")
        self.assertEqual(client.call("deadly.pid"), self.engines[0].pid)

    def wait_until_busy(self, client, request):
        def is_busy():
            client.outputs.append(client.receive("iopub"))
            return any(m["parent_header"].get("msg_id") == request for m in client.outputs)

        wait_until(is_busy, "the task runs")


assert CONTROLLER in ("stock", "trireme")
