"""start, stop, status and engines; what they say when things are not as they should be."""

import os
import signal

from cluster_world import World, is_alive, wait_until


class StartAndStop(World):
    def test_a_started_cluster_is_up_and_a_stopped_one_is_gone(self):
        started = self.start(3)
        pids = [started["controller_pid"], *started["engine_pids"]]
        self.assertEqual(len(set(pids)), 4)
        self.assertTrue(all(is_alive(pid) for pid in pids))
        self.assertTrue(os.path.exists(started["connection_file"]))
        self.assertEqual(os.stat(started["connection_file"]).st_mode & 0o777, 0o600)
        self.trireme("stop")
        self.assertEqual([pid for pid in pids if is_alive(pid)], [])
        self.assertFalse(os.path.exists(started["connection_file"]))
        self.assertIsNone(self.ledger())

    def test_status_tells_engines_queues_and_uptime(self):
        started = self.start(2)
        self.trireme("run", "true")
        status = wait_until(lambda: (s := self.json("status"))["completed"] == 1 and s,
                            "the task is counted")
        self.assertEqual([engine["id"] for engine in status["engines"]], [0, 1])
        self.assertEqual(status["controller"]["pid"], started["controller_pid"])
        self.assertGreaterEqual(status["controller"]["uptime_seconds"], 0)
        self.assertEqual((status["waiting"], status["on_engines"]), (0, 0))
        people = self.trireme("status").stdout
        self.assertIn("0 waiting, 0 on engines, 1 done", people)
        self.assertIn("Engines     2", people)

    def test_a_second_start_is_refused_and_harms_nothing(self):
        started = self.start(1)
        sentence = self.fails(1, "start", "-n", "1")
        self.assertIn(str(started["controller_pid"]), sentence)
        self.assertIn("trireme stop", sentence)
        self.assertEqual(len(self.json("status")["engines"]), 1)

    def test_clusters_of_one_profile_are_told_apart_by_their_id(self):
        self.start(1)
        blue = self.start(2, "--cluster-id", "blue")
        try:
            self.assertEqual(len(self.json("status")["engines"]), 1)
            self.assertEqual(len(self.json("status", "--cluster-id", "blue")["engines"]), 2)
        finally:
            self.trireme("stop", "--cluster-id", "blue")
        self.assertEqual([pid for pid in blue["engine_pids"] if is_alive(pid)], [])
        self.assertEqual(len(self.json("status")["engines"]), 1)

    def test_engines_are_added_and_stopped_one_by_one(self):
        self.start(1)
        added = self.json("engines", "add", "-n", "2")["engine_pids"]
        self.assertEqual([e["id"] for e in self.json("status")["engines"]], [0, 1, 2])
        self.trireme("engines", "stop", "1", "2")
        wait_until(lambda: not any(is_alive(pid) for pid in added), "the added engines are gone")
        wait_until(lambda: len(self.json("status")["engines"]) == 1, "one engine is left")

    def test_arguments_after_two_dashes_go_to_the_controller(self):
        self.start(1, "--", "--scheme=lru")
        with open(os.path.join(self.profile, "security", "ipcontroller-client.json"),
                  encoding="utf-8") as file:
            self.assertIn('"lru"', file.read())

    def test_stop_ends_engines_whose_controller_was_killed(self):
        started = self.start(2)
        os.kill(started["controller_pid"], signal.SIGKILL)
        wait_until(lambda: not is_alive(started["controller_pid"]), "the controller is gone")
        self.trireme("stop")
        self.assertEqual([pid for pid in started["engine_pids"] if is_alive(pid)], [])

    def test_start_after_a_killed_controller_goes_on_with_its_engines(self):
        former = self.start(1)
        self.kill_controller(former)
        again = self.start(2)
        self.assertEqual(again["engine_pids"][:1], former["engine_pids"])
        self.assertEqual(len(again["engine_pids"]), 2)
        self.assertTrue(is_alive(former["engine_pids"][0]))
        self.assertEqual(len(self.json("status")["engines"]), 2)
        self.assertEqual(self.trireme("run", "--engine", "0", "echo", "again").stdout, "again\n")

    def test_start_after_a_killed_controller_begins_anew_if_told_so(self):
        former = self.start(1)
        self.kill_controller(former)
        self.start(1, "--", "--no-recover")
        self.assertEqual(len(self.json("status")["engines"]), 1)
        self.assertFalse(is_alive(former["engine_pids"][0]))

    def test_start_after_everything_was_killed_gets_engines_of_its_own(self):
        former = self.start(1)
        self.kill_controller(former)
        engine = former["engine_pids"][0]
        os.kill(engine, signal.SIGKILL)
        wait_until(lambda: not is_alive(engine), "the engine is gone")
        self.start(1)
        self.assertEqual(self.trireme("run", "echo", "new").stdout, "new\n")


class StartFailures(World):
    def test_a_plug_in_that_is_not_there_stops_the_start_and_leaves_nothing(self):
        sentence = self.fails(1, "start", "-n", "2", "--load", "./missing.so")
        self.assertIn("missing.so", sentence)
        self.assertEqual(self.pids(), [])
        self.assertIsNone(self.ledger())
        self.assertEqual(self.trireme("status", check=False).returncode, 3)

    def test_a_plug_in_that_is_no_library_is_named(self):
        path = os.path.join(self.folder, "text.so")
        with open(path, "w", encoding="utf-8") as file:
            file.write("no library")
        self.assertIn(path, self.fails(1, "start", "-n", "1", "--load", path))

    def test_a_wrong_controller_argument_shows_what_the_controller_said(self):
        sentence = self.fails(1, "start", "-n", "1", "--", "--scheme=bogus")
        self.assertIn("bogus", sentence)
        self.assertIsNone(self.ledger())

    def test_a_profile_folder_that_cannot_be_made_is_named(self):
        sentence = self.fails(1, "start", "--profile-dir", "/dev/null/profile")
        self.assertIn("/dev/null/profile", sentence)

    def test_a_ledger_that_is_no_ledger_is_named(self):
        os.makedirs(os.path.join(self.profile, "pid"))
        path = os.path.join(self.profile, "pid", "trireme.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("{")
        self.assertIn(path, self.fails(1, "start", "-n", "1"))
        os.remove(path)


class NoCluster(World):
    COMMANDS = [("status",), ("stop",), ("run", "true"), ("map", "true", ":::", "a"), ("history",),
                ("result", "x"), ("engines", "add"), ("engines", "stop", "0")]

    def test_every_command_names_start_and_exits_with_3(self):
        for words in self.COMMANDS:
            with self.subTest(words=words):
                sentence = self.fails(3, *words)
                self.assertIn("trireme start", sentence)
                self.assertEqual(sentence.count("\n"), 1, sentence)

    def test_files_that_a_killed_controller_left_are_no_cluster(self):
        started = self.start(0)
        os.kill(started["controller_pid"], signal.SIGKILL)
        wait_until(lambda: not is_alive(started["controller_pid"]), "the controller is gone")
        self.assertTrue(os.path.exists(started["connection_file"]))
        self.assertIn("does not answer", self.fails(3, "status"))

    def test_a_connection_file_that_is_none_is_named(self):
        os.makedirs(os.path.join(self.profile, "security"))
        path = os.path.join(self.profile, "security", "ipcontroller-client.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"ssh": "", "key": 5}')
        self.assertIn(path, self.fails(3, "status"))

    def test_a_cluster_without_engines_is_told_to_add_some(self):
        self.start(0)
        for words in [("run", "true"), ("map", "true", ":::", "a")]:
            self.assertIn("trireme engines add", self.fails(1, *words))


class Usage(World):
    COMMANDS = ["start", "stop", "engines", "status", "run", "map", "history", "result"]

    def test_help_explains_every_command(self):
        overview = self.trireme("--help").stdout
        for command in self.COMMANDS:
            self.assertIn(command, overview)
            self.assertIn("--profile" if command != "engines" else "add",
                          self.trireme(command, "--help").stdout)

    def test_version_is_printed_alone(self):
        self.assertRegex(self.trireme("--version").stdout, r"^\d+\.\d+\.\d+\n$")

    def test_a_wrong_command_line_exits_with_2(self):
        for words in [(), ("bogus",), ("start", "-n", "many"), ("start", "--bogus"),
                      ("status", "--bogus"), ("result",), ("history", "--state", "odd"),
                      ("run",), ("map",), ("map", ":::", "a"), ("run", "--bogus", "true"),
                      ("map", "--bogus", "true", ":::", "a")]:
            with self.subTest(words=words):
                self.assertEqual(self.trireme(*words, check=False).returncode, 2)
