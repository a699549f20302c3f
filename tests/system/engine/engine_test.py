"""trireme-engine as a process under a controller: what it runs, what it says, how it ends."""

import json
import os
import signal
import struct
import time

import ipyparallel
from engine_world import CONTROLLER, PATIENCE, EngineWorld, wait_until


class Tasks(EngineWorld):
    """What an engine does with work."""

    def test_a_native_call_works_on_every_channel(self):
        client = self.start_cluster()
        self.assertEqual(client.call("trireme.echo", "x"), "x")
        self.assertEqual(client.call("trireme.echo", "x", channel="task"), "x")
        request, reply = client.broadcast(
            {"function": "trireme.echo", "args": ["x"], "kwargs": {}},
            {"targets": [[client.engines[0], 0]], "is_broadcast": True, "is_coalescing": False},
        )
        self.assertEqual(reply["content"], {"status": "ok", "result": "x"})
        self.assertEqual(reply["parent_header"]["msg_id"], f"{request}_{client.engines[0]}")

    def test_a_coalescing_broadcast_joins_packed_results(self):
        client = self.start_cluster(engines=2)
        targets = [[client.engines[engine], engine] for engine in (0, 1)]
        _, reply = client.broadcast(
            {"function": "trireme.echo", "args": [7], "kwargs": {}, "packed": True},
            {"targets": targets, "is_broadcast": True, "is_coalescing": True},
        )
        self.assertEqual(reply["content"]["status"], "ok")
        self.assertCountEqual(reply["metadata"]["broadcast_targets"], targets)
        results = [json.loads(bytes(buffer)) for buffer in reply["buffers"]]
        self.assertEqual(results, [{"result": 7, "buffers": 0}] * 2)

    def test_encrypted_connections_work(self):
        client = self.start_cluster(controller_words=("--IPController.enable_curve=True",))
        self.assertTrue(self.read_file("engine")["curve_serverkey"])
        self.assertEqual(client.call("trireme.echo", "secret"), "secret")

    def test_msgpack_works_as_well_as_json(self):
        client = self.start_cluster(controller_words=(
            "--Session.packer=msgpack.packb", "--Session.unpacker=msgpack.unpackb"))
        self.assertEqual(self.read_file("engine")["pack"], "msgpack.packb")
        self.assertEqual(client.call("trireme.echo", {"x": [1, 2.5, "ü"]}), {"x": [1, 2.5, "ü"]})

    def test_numbers_travel_as_raw_buffers(self):
        client = self.start_cluster("--load", self.plugin("good_plugin"))
        numbers = struct.pack("<2d", 3.0, 4.0)
        placeholder = {"$buffer": 0, "dtype": "<f8", "shape": [2]}
        self.assertEqual(client.call("test.norm", placeholder, buffers=[numbers]), 5.0)
        reply = client.reply_to(client.apply("trireme.echo", placeholder, buffers=[numbers]))
        self.assertEqual(reply["content"]["result"], placeholder)
        self.assertEqual([bytes(b) for b in reply["buffers"]], [numbers])

    def test_replies_say_where_and_how(self):
        client = self.start_cluster("--load", self.plugin("good_plugin"))
        reply = client.reply_to(client.apply("test.fail", "my text"))
        info = {"engine_uuid": client.engines[0], "engine_id": 0}
        self.assertEqual(reply["content"]["ename"], "BadInput")
        self.assertEqual(reply["content"]["evalue"], "my text")
        self.assertEqual(reply["content"]["engine_info"], {**info, "method": "apply"})
        self.assertEqual(reply["metadata"]["status"], "error")
        self.assertEqual(reply["metadata"]["engine_info"], info)
        self.assertTrue(reply["metadata"]["dependencies_met"])

    def test_names_pushed_to_an_engine_stay_there(self):
        client = self.start_cluster(engines=2)
        for engine in (0, 1):
            client.call("trireme.push", engine=engine, who=engine)
        self.assertEqual([client.call("trireme.pull", "who", engine=e) for e in (0, 1)], [0, 1])
        client.send("control", "clear_request", engine=0)
        self.assertEqual(client.receive("control")["msg_type"], "clear_reply")
        self.assertEqual([client.call("trireme.keys", engine=e) for e in (0, 1)], [[], ["who"]])

    def test_what_a_task_prints_comes_between_busy_and_idle(self):
        client = self.start_cluster("--load", self.plugin("good_plugin"))
        request = client.apply("test.print", "ü")
        client.reply_to(request)
        outputs = client.outputs_of(request)
        self.assertEqual(outputs[0], ("status", {"execution_state": "busy"}))
        self.assertEqual(client.stream_of(request, "stdout"), "cout ü\nprintf ü\ncontext ü\n")
        self.assertEqual(client.stream_of(request, "stderr"), "cerr ü\n")

    def test_output_is_seen_while_the_task_runs(self):
        client = self.start_cluster()
        request = client.apply("trireme.run_command", "echo early; exec sleep 1000")
        while client.receive("iopub")["content"].get("text") != "early\n":
            pass
        client.send("control", "abort_request", {"msg_ids": [request]}, engine=0)
        self.assertEqual(client.reply_to(request)["content"], {"status": "aborted"})

    def test_a_flood_of_output_arrives_whole(self):
        client = self.start_cluster()
        request = client.apply(
            "trireme.run_command", "seq 1 200000", channel="mux", capture=False)
        client.reply_to(request)
        expected = "".join(f"{i}\n" for i in range(1, 200001))
        self.assertEqual(client.stream_of(request, "stdout"), expected)

    def test_python_calls_and_source_code_are_refused_with_advice(self):
        client = self.start_cluster("--language=none")
        pickled = client.send("mux", "apply_request", {}, 0, buffers=[b"\x80\x04N.", b"\x80\x04N."])
        self.assertEqual(client.reply_to(pickled)["content"]["ename"], "NotImplementedError")
        first = client.send("mux", "execute_request", {"code": "1/0", "silent": False}, 0)
        self.assertEqual(client.reply_to(first)["content"]["ename"], "NotImplementedError")
        types = [t for t, _ in client.outputs_of(first)]
        self.assertEqual(types, ["status", "execute_input", "error", "status"])

    def test_a_failed_execute_aborts_those_behind_it(self):
        client = self.start_cluster("--language=none")
        holding = client.apply("trireme.sleep", 0.3)
        requests = [client.send("mux", "execute_request", {"code": "1", "silent": False}, 0)
                    for _ in range(3)]
        client.reply_to(holding)
        self.assertEqual([client.reply_to(r)["content"]["status"] for r in requests],
                         ["error", "aborted", "aborted"])

    def test_aborts_are_answered_while_a_task_runs(self):
        client = self.start_cluster()
        running = client.apply("trireme.sleep", 1000)
        waiting = client.apply("trireme.echo", 1)
        client.send("control", "abort_request", {"msg_ids": [waiting]}, engine=0)
        self.assertEqual(client.receive("control")["msg_type"], "abort_reply")
        self.assertEqual(client.reply_to(waiting)["content"], {"status": "aborted"})
        client.send("control", "signal_request", {"sig": "SIGINT"}, engine=0)
        self.assertEqual(client.receive("control")["content"], {"status": "ok"})
        self.assertEqual(client.reply_to(running)["content"]["ename"], "KeyboardInterrupt")
        self.assertEqual(client.call("trireme.echo", "still here"), "still here")

    def test_several_tasks_run_at_once_when_asked(self):
        client = self.start_cluster("--threads=3", "--load", self.plugin("good_plugin"))
        waiting = [client.apply("test.wait") for _ in range(2)]
        self.assertEqual(client.call("trireme.echo", "beside them"), "beside them")
        client.send("control", "interrupt_request", engine=0)
        for request in waiting:
            self.assertEqual(client.reply_to(request)["content"]["ename"], "KeyboardInterrupt")

    def test_bad_messages_are_dropped_and_counted(self):
        client = self.start_cluster()
        good_key, client.session.key = client.session.key, b"wrong"
        client.apply("trireme.echo", "forged")
        client.session.key = good_key
        client.sockets["mux"].send_multipart([client.engines[0].encode(), b"no delimiter"])
        # Python's controller passes on what it cannot read.
        self.assertEqual(client.call("trireme.echo", "signed"), "signed")
        if CONTROLLER == "stock":  # ours drops them itself
            wait_until(lambda: "Dropped bad message" in self.engines[0].output(), "it says so")


class PythonClient(EngineWorld):
    """What Python's own client sees of an engine of ours."""

    def connect(self):
        self.start_cluster("--load", self.plugin("good_plugin"), "--language=none")
        client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client

    def test_it_gets_errors_it_can_raise(self):
        client = self.connect()
        self.assertEqual(client.ids, [0])
        for attempt in (lambda: client[0].apply_sync(os.getpid),
                        lambda: client.load_balanced_view().apply_sync(os.getpid),
                        lambda: client[0].execute("1/0", block=True)):
            with self.assertRaises(ipyparallel.RemoteError) as caught:
                attempt()
            self.assertEqual(caught.exception.ename, "NotImplementedError")

    def test_its_control_requests_work(self):
        client = self.connect()
        client.clear(targets=0, block=True)
        client.send_signal(signal.SIGINT, targets=0, block=True)
        client.abort(["unknown"], targets=0, block=True)
        status = client.queue_status()
        self.assertEqual(status[0], {"queue": 0, "completed": 0, "tasks": 0})
        client.shutdown(targets=0, block=True)
        self.assertEqual(self.engines[0].wait(), 0)
        wait_until(lambda: client.ids == [], "the client knows that the engine has left")


class Life(EngineWorld):
    """How an engine comes and goes."""

    def test_it_waits_for_the_file_and_leaves_when_terminated(self):
        engine = self.start_engine("--id=3")
        self.start_any_controller()
        client = self.client()
        client.wait_for_engines(1)
        self.assertEqual(list(client.engines), [3])
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.wait(), 0)
        client.wait_for_engines(0)

    def test_it_leaves_also_from_the_middle_of_a_task(self):
        client = self.start_cluster()
        request = client.apply("trireme.run_command", "echo started; exec sleep 1000")
        while client.receive("iopub")["content"].get("text") != "started\n":
            pass
        self.engines[0].signal(signal.SIGTERM)
        self.assertEqual(self.engines[0].wait(), 0)
        client.wait_for_engines(0)
        self.assertNotIn(request, client.replies)

    def test_it_leaves_also_from_a_flood_of_output(self):
        client = self.start_cluster()
        client.apply("trireme.run_command", ["yes"], capture=False)
        while client.receive("iopub")["msg_type"] != "stream":
            pass
        self.engines[0].signal(signal.SIGTERM)
        self.assertEqual(self.engines[0].wait(), 0)
        self.assertNotIn("does not stop", self.engines[0].output())

    def test_a_shutdown_request_is_answered_and_obeyed(self):
        client = self.start_cluster()
        client.send("control", "shutdown_request", {"restart": False}, engine=0)
        reply = client.receive("control")
        self.assertEqual(reply["content"], {"status": "ok", "restart": False})
        self.assertEqual(self.engines[0].wait(), 0)
        client.wait_for_engines(0)

    def test_an_interrupt_while_idle_is_ignored(self):
        client = self.start_cluster()
        self.engines[0].signal(signal.SIGINT)
        wait_until(lambda: "SIGINT is ignored" in self.engines[0].output(), "it says so")
        self.assertEqual(client.call("trireme.echo", 1), 1)

    def test_a_kill_signal_by_request_ends_it_by_that_signal(self):
        client = self.start_cluster()
        client.send("control", "signal_request", {"sig": "SIGKILL"}, engine=0)
        client.receive("control")
        self.assertEqual(self.engines[0].wait(), -signal.SIGKILL)
        client.wait_for_engines(0)

    def test_its_sudden_death_is_told_at_once(self):
        patient = ("--HeartMonitor.max_heartmonitor_misses=10000",)
        client = self.start_cluster(controller_words=patient)
        self.engines[0].kill()
        client.wait_for_engines(0)

    def test_a_fault_in_the_engines_own_process_leaves_a_trace_and_is_told(self):
        patient = ("--HeartMonitor.max_heartmonitor_misses=10000",)
        client = self.start_cluster("--in-process", "--load", self.plugin("good_plugin"),
                                    controller_words=patient)
        client.apply("test.abort", "these are the last words")
        self.assertNotEqual(self.engines[0].wait(), 0)
        client.wait_for_engines(0)
        self.assertIn("these are the last words", self.engines[0].output())

    def test_it_leaves_when_the_controller_is_gone_for_good(self):
        self.start_cluster("--max-heartbeat-misses=6")
        self.controller.signal(signal.SIGTERM)
        self.assertEqual(self.engines[0].wait(), 0)
        self.assertIn("No heartbeat", self.engines[0].output())

    def test_it_stays_while_it_works_without_a_pause(self):
        client = self.start_cluster("--load", self.plugin("good_plugin"),
                                    controller_words=("--HeartMonitor.max_heartmonitor_misses=20",))
        busy = client.apply("test.wait")
        beats_end = time.monotonic() + 5  # of 25 heartbeats
        while time.monotonic() < beats_end:
            client.wait_for_engines(1)
        client.send("control", "interrupt_request", engine=0)
        client.reply_to(busy)

    def test_logs_go_to_a_file_when_asked(self):
        self.start_any_controller()
        engine = self.start_engine("--log-to-file")
        log = os.path.join(self.profile, "log", f"ipengine-{engine.pid}.log")
        self.client().wait_for_engines(1)

        def has_joined():
            with open(log, encoding="utf-8") as file:
                return "Joined" in file.read()

        wait_until(has_joined, "the log tells that it has joined")


class Refusals(EngineWorld):
    """Every start that cannot work says why, in one line and with its exit code."""

    def write_file(self, text):
        path = os.path.join(self.folder, "engine.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_a_file_that_never_comes(self):
        told = self.engine_refused(1, "--wait-for-file=0.2")
        self.assertIn("ipcontroller-engine.json did not appear", told)

    def test_a_corrupt_file(self):
        for text in ("{", "[]", '{"interface": 5}'):
            with self.subTest(text=text):
                path = self.write_file(text)
                self.assertIn(path, self.engine_refused(1, f"--file={path}"))

    def test_connection_information_in_the_environment_that_is_corrupt(self):
        told = self.engine_refused(1, environment={"IPP_CONNECTION_INFO": "{"})
        self.assertIn("IPP_CONNECTION_INFO", told)

    def test_a_controller_that_does_not_answer(self):
        controller = self.start_any_controller()
        with open(self.security("engine"), encoding="utf-8") as file:
            path = self.write_file(file.read())
        controller.signal(signal.SIGTERM)
        controller.wait()
        told = self.engine_refused(255, f"--file={path}", "--timeout=0.5")
        self.assertIn("No answer", told)

    def test_a_wrong_key_is_like_no_answer(self):
        self.start_any_controller()
        with open(self.security("engine"), encoding="utf-8") as file:
            path = self.write_file(file.read().replace('"key": "', '"key": "wrong'))
        self.assertIn("No answer", self.engine_refused(255, f"--file={path}", "--timeout=1"))

    def test_an_identity_in_use(self):
        self.start_any_controller()
        self.start_engine("--ident=twin")
        self.client().wait_for_engines(1)
        # The sockets of the two collide, so that the second one's request may never arrive.
        told = self.engine_refused(255, "--ident=twin", "--timeout=1")
        self.assertRegex(told, "refused|No answer")

    def test_plugins_that_cannot_be_used(self):
        for name, words in (("throwing_plugin", "licence server"),
                            ("foreign_library", "TRIREME_PLUGIN"), ("no_such", "No such file")):
            with self.subTest(plugin=name):
                told = self.engine_refused(1, "--load", self.plugin(name))
                self.assertIn(words, told)
                self.assertIn(self.plugin(name), told)

    def test_wrong_usage(self):
        for word in ("--bogus", "--threads=0", "--timeout"):
            with self.subTest(word=word):
                self.assertIn("trireme-engine", self.engine_refused(2, word))

    def test_an_unwritable_log_folder(self):
        with open(self.profile, "w", encoding="utf-8"):
            pass  # a file where the profile folder should be
        self.assertIn(self.profile, self.engine_refused(1, "--log-to-file"))


assert CONTROLLER in ("stock", "trireme")
