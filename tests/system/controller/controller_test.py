"""trireme-controller as a process: how it starts, what it refuses, how it ends."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess

import zmq
from controller_world import BIN, PATIENCE, World, wait_until
from loopback import own_address
from protocol_peer import Peer


class StartUp(World):
    def test_version_and_help_need_nothing_else(self):
        for word, expected in (
            ("--version", r"^\d+\.\d+\.\d+\n$"),
            ("--help", "--profile"),
            ("--help-all", "HeartMonitor.period"),
        ):
            done = subprocess.run(
                [os.path.join(BIN, "trireme-controller"), word],
                env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
            )
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, expected)
        self.assertFalse(os.path.exists(self.environment["IPYTHONDIR"]))

    def test_connection_files_are_private_and_go_with_the_controller(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGABRT):
            with self.subTest(signal=number):
                controller = self.start_controller()
                for side in ("client", "engine"):
                    self.assertEqual(self.mode(self.security(side)), 0o600)
                controller.signal(number)
                self.assertEqual(controller.wait(), 0, controller.output())
                self.assertEqual(os.listdir(os.path.dirname(self.security("client"))), [])

    def test_the_cluster_id_may_be_an_empty_word_and_is_part_of_the_names(self):
        self.start_controller("--cluster-id", "")
        self.start("trireme-controller", f"--profile-dir={self.profile}", "--cluster-id", "two")
        second = self.security("client").replace("ipcontroller-", "ipcontroller-two-")
        wait_until(lambda: os.path.exists(second), "the second controller's file is written")

    def test_reuse_keeps_key_and_ports_and_the_files(self):
        first = self.start_controller("--reuse")
        files = self.read_file("client"), self.read_file("engine")
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(), 0)
        second = self.start("trireme-controller", *self.controller_words("--reuse"))
        self.assertEqual((self.read_file("client"), self.read_file("engine")), files)
        wait_until(lambda: "serving" in second.output(), "the second controller serves")
        second.signal(signal.SIGTERM)
        self.assertEqual(second.wait(), 0)
        self.assertTrue(os.path.exists(self.security("client")))

    def test_profile_and_cluster_may_come_from_the_environment(self):
        controller = self.start(
            "trireme-controller", "--log-level=10",
            environment={"IPP_PROFILE_DIR": self.profile, "IPP_CLUSTER_ID": ""},
        )
        wait_until(lambda: os.path.exists(self.security("client")), "the file is written")
        controller.signal(signal.SIGTERM)
        self.assertEqual(controller.wait(), 0)

    def test_the_log_goes_to_a_file_when_asked(self):
        controller = self.start_controller("--log-to-file")
        log = os.path.join(self.profile, "log", f"ipcontroller-{controller.pid}.log")
        self.assertNotIn("serving", controller.output())

        def serves():
            with open(log, encoding="utf-8") as file:
                return "serving" in file.read()

        wait_until(serves, "the log tells that the controller serves")

    def test_one_idle_process_of_less_than_30_mb(self):
        if os.environ.get("TRIREME_SANITIZED"):
            return  # sanitizers keep memory of their own
        controller = self.start_controller()
        with open(f"/proc/{controller.pid}/status", encoding="utf-8") as file:
            kilobytes = int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))
        self.assertLess(kilobytes, 30 * 1024)
        children = f"/proc/{controller.pid}/task/{controller.pid}/children"
        with open(children, encoding="utf-8") as file:
            self.assertEqual(file.read(), "")


class Refusals(World):
    def test_an_unknown_flag_is_a_usage_error(self):
        self.assertIn("--no-such-flag", self.refused(2, "--no-such-flag"))

    def test_unusable_values_are_named(self):
        self.assertIn("bogus", self.refused(1, "--scheme=bogus"))
        self.assertIn("--ping", self.refused(1, "--ping=never"))

    def test_a_taken_port_is_named(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            self.assertIn(str(port), self.refused(1, f"--port={port}"))
        self.assertFalse(os.path.exists(self.security("client")))

    def test_a_profile_folder_that_cannot_be_made_is_named(self):
        with open(os.path.join(self.folder, "file"), "w", encoding="utf-8"):
            pass
        self.profile = os.path.join(self.folder, "file", "profile")
        self.assertIn(self.profile, self.refused(1))

    def test_a_locked_database_is_named(self):
        os.makedirs(self.profile)
        database = os.path.join(self.profile, "trireme.db")
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        try:
            self.assertIn(database, self.refused(1))
        finally:
            other.close()

    def test_a_database_of_a_newer_version_is_left_alone(self):
        controller = self.start_controller()
        controller.signal(signal.SIGTERM)
        controller.wait()
        database = os.path.join(self.profile, "trireme.db")
        with sqlite3.connect(database) as other:
            other.execute("PRAGMA user_version = 999")
        other.close()
        sentence = self.refused(1)
        self.assertIn(database, sentence)
        self.assertIn("999", sentence)

    def test_a_file_that_is_no_database_is_left_alone(self):
        os.makedirs(self.profile)
        database = os.path.join(self.profile, "trireme.db")
        text = "these are my notes, not a database\n" * 100
        with open(database, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertIn(database, self.refused(1))
        with open(database, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)

    def test_curve_keys_that_do_not_fit_are_refused(self):
        self.assertIn("CURVE", self.refused(1, "--enable-curve",
                                            "--IPController.curve_secretkey=short"))

    def test_damaged_files_are_not_reused(self):
        os.makedirs(os.path.dirname(self.security("client")))
        for side in ("client", "engine"):
            with open(self.security(side), "w", encoding="utf-8") as file:
                file.write('{"ssh": "", ')
        controller = self.start("trireme-controller", f"--profile-dir={self.profile}", "--reuse")
        wait_until(lambda: "serving" in controller.output(), "the controller serves all the same")
        self.assertIn(self.security("client"), controller.output())
        self.assertGreater(self.read_file("client")["mux"], 0)


class HostilePeers(World):
    def setUp(self):
        super().setUp()
        self.controller = self.start_controller("--log-level=10")
        self.info = self.read_file("client")

    def peer(self, channel="registration"):
        peer = Peer(self.info, channel)
        self.addCleanup(peer.close)
        return peer

    def expect_served(self):
        kind, content = self.peer().ask("connection_request")
        self.assertEqual(kind, "connection_reply")
        self.assertEqual((content["status"], content["engines"]), ("ok", {}))

    def test_a_wrong_key_gets_no_answer_and_one_line_in_the_log(self):
        stranger = self.peer()
        for _ in range(50):
            stranger.send(stranger.frames("connection_request", key=b"wrong"))
        self.expect_served()
        wait_until(lambda: "does not fit the key" in self.controller.output(), "it is in the log")
        self.assertEqual(self.controller.output().count("does not fit the key"), 1)
        self.assertEqual(stranger.socket.poll(0), 0)

    def test_a_replayed_request_is_answered_once(self):
        peer = self.peer()
        frames = peer.frames("connection_request")
        peer.send(frames)
        peer.send(frames)
        self.assertTrue(peer.socket.poll(PATIENCE * 1000))
        peer.socket.recv_multipart()
        self.assertEqual(peer.ask("history_request")[0], "history_reply")

    def test_malformed_frames_on_every_channel_harm_nobody(self):
        good = self.peer().frames("connection_request")
        junk = [
            [b""], [b"<IDS|MSG>"], [b"x"] * 3, good[:1], good[:2], good[:4], good[1:],
            [b"a", b"b", b"c", *good], [b"<IDS|MSG>", b"", b"{", b"}", b"[", b"]"],
            [b"<IDS|MSG>", b"0" * 64, b"\xff\xfe", b"{}", b"{}", b"{}"],
            [b"<IDS|MSG>", b"", b"[" * 100000, b"{}", b"{}", b"{}"], [b"x"] * 3000,
        ]
        for channel in ("registration", "mux", "control", "task", "broadcast"):
            peer = self.peer(channel)
            for frames in junk:
                peer.send(frames)
        engine_info = self.read_file("engine")
        for channel in ("mux", "control", "task", "iopub", "hb_pong"):
            kind = zmq.PUB if channel == "iopub" else zmq.DEALER
            with zmq.Context() as context, context.socket(kind) as port:
                port.linger = 1000
                port.connect(f"{engine_info['interface']}:{engine_info[channel]}")
                for frames in junk:
                    port.send_multipart(frames)
        self.expect_served()
        self.assertTrue(self.controller.running())

    def test_an_unknown_request_is_answered_with_its_name(self):
        kind, content = self.peer().ask("make_coffee_request")
        self.assertEqual(kind, "hub_error")
        self.assertIn("make_coffee_request", content["evalue"])

    def test_an_oversized_task_is_refused_with_the_limit(self):
        self.controller.signal(signal.SIGTERM)
        self.controller.wait()
        self.start_controller("--message-bytes-max=100000")
        self.info = self.read_file("client")
        peer = self.peer("task")
        peer.send([*peer.frames("apply_request"), b"x" * 200000])
        self.assertTrue(peer.socket.poll(PATIENCE * 1000))
        content = json.loads(peer.socket.recv_multipart()[-1])
        self.assertEqual(content["status"], "error")
        self.assertIn("100000", content["evalue"])
        self.expect_served()

    def test_thousands_of_half_open_connections_are_survived(self):
        port = self.info["registration"]
        sockets = []
        try:
            for _ in range(500):
                sockets.append(socket.create_connection((own_address(), port)))
            for half in sockets[::2]:
                half.sendall(b"\xff\x00\x00")
            self.expect_served()
        finally:
            for half in sockets:
                half.close()
        self.expect_served()


class Records(World):
    """What is kept is told, by every store."""

    def ask(self, request, content):
        peer = Peer(self.read_file("client"))
        try:
            return peer.ask(request, content)[1]
        finally:
            peer.close()

    def submit_impossible(self):
        """A task that ends at once, in the controller, without any engine."""
        peer = Peer(self.read_file("client"), "task")
        try:
            peer.send(peer.frames("apply_request", metadata={"after": ["unknown"]}))
            self.assertTrue(peer.socket.poll(PATIENCE * 1000))
            return json.loads(peer.socket.recv_multipart()[-1]), peer.last_id
        finally:
            peer.close()

    def test_sqlite_and_memory_remember_and_none_says_so(self):
        for flag in ("--sqlitedb", "--dictdb", "--nodb"):
            with self.subTest(store=flag):
                controller = self.start_controller(flag)
                content, msg_id = self.submit_impossible()
                self.assertEqual(content["ename"], "InvalidDependency")
                history = self.ask("history_request", {})
                if flag == "--nodb":
                    self.assertEqual(history["ename"], "NoData")
                else:
                    self.assertIn(msg_id, history["history"])
                    found = self.ask("db_request", {"query": {"msg_id": msg_id}, "keys": ["queue"]})
                    self.assertEqual(found["records"], [{"msg_id": msg_id, "queue": "task"}])
                controller.signal(signal.SIGTERM)
                self.assertEqual(controller.wait(), 0)

    def test_records_outlive_the_controller(self):
        controller = self.start_controller()
        _, msg_id = self.submit_impossible()
        controller.signal(signal.SIGTERM)
        self.assertEqual(controller.wait(), 0)
        self.start_controller()
        self.assertEqual(self.ask("history_request", {})["history"], [msg_id])

    def test_a_shutdown_request_ends_the_controller_and_its_files(self):
        controller = self.start_controller()
        self.assertEqual(self.ask("shutdown_request", {}), {"status": "ok"})
        self.assertEqual(controller.wait(), 0)
        self.assertFalse(os.path.exists(self.security("client")))
