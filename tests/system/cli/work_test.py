"""run, map, history and result: programs as tasks, and what is remembered of them."""

import json
import os
import signal
import subprocess
import sys

from cluster_world import PATIENCE, World, is_alive, read_text, wait_until

COUNT_AND_WAIT = "echo first; echo $$ > {}; exec sleep 600"


class Run(World):
    def setUp(self):
        super().setUp()
        self.start(2)

    def test_output_and_exit_code_are_those_of_the_program(self):
        done = self.trireme("run", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "out\n", "err\n"))

    def test_options_after_the_program_belong_to_the_program(self):
        self.assertEqual(self.trireme("run", "echo", "-n", "--json", "--help").stdout,
                         "--json --help")
        self.assertEqual(self.trireme("run", "--", "echo", "--", "a").stdout, "-- a\n")
        self.assertEqual(self.trireme("run", "echo", "--", "a").stdout, "-- a\n")
        self.assertEqual(self.trireme("map", "-q", "--", "echo", "--", ":::", "a").stdout,
                         "-- a\n")

    def test_a_program_killed_by_a_signal_gives_128_and_its_number(self):
        done = self.trireme("run", "sh", "-c", "kill -9 $$", check=False)
        self.assertEqual(done.returncode, 128 + 9)

    def test_it_runs_where_and_how_we_say(self):
        self.assertEqual(self.trireme("run", "pwd").stdout.strip(),
                         os.path.realpath(self.folder))
        self.assertEqual(self.trireme("run", "--cwd", "/usr", "pwd").stdout, "/usr\n")
        self.assertEqual(self.trireme("run", "--env", "A=b c", "sh", "-c", "echo $A").stdout,
                         "b c\n")
        self.assertEqual(self.trireme("run", "-s", "echo a | tr a b").stdout, "b\n")
        self.assertEqual(self.trireme("run", "-i", "wc", "-c", input="12345").stdout.strip(), "5")
        chosen = json.loads(self.trireme("run", "--json", "--engine", "1", "true").stdout)
        self.assertEqual(chosen["engine"], 1)

    def test_exact_output_is_not_touched(self):
        raw = bytes(range(256))
        path = os.path.join(self.folder, "raw")
        with open(path, "wb") as file:
            file.write(raw)
        done = self.trireme("run", "--exact", "cat", path, text=False)
        self.assertEqual(done.stdout, raw)

    def test_large_output_arrives_whole(self):
        done = self.trireme("run", "seq", "1", "200000")
        self.assertEqual(done.stdout, "".join(f"{i}\n" for i in range(1, 200001)))

    def test_a_program_that_is_not_there_is_named(self):
        self.assertIn("no-such-program", self.fails(1, "run", "no-such-program"))

    def test_a_folder_that_is_not_there_is_named(self):
        self.assertIn("/no/such/folder", self.fails(1, "run", "--cwd", "/no/such/folder", "true"))

    def test_a_setting_without_a_value_is_a_usage_error(self):
        self.assertIn("NAME=VALUE", self.fails(2, "run", "--env", "A", "true"))

    def test_output_appears_while_the_program_runs_and_ctrl_c_ends_it(self):
        pid_file = os.path.join(self.folder, "pid")
        process = subprocess.Popen(
            self.command("run", "sh", "-c", COUNT_AND_WAIT.format(pid_file)),
            env=self.environment, stdout=subprocess.PIPE, text=True)
        with process:
            self.assertEqual(process.stdout.readline(), "first\n")
            pid = wait_until(lambda: read_text(pid_file), "the program has told its pid")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE), 130)
        wait_until(lambda: not is_alive(pid), "the program on the engine is gone")
        self.assertEqual(self.trireme("run", "echo", "next").stdout, "next\n")


class Restart(World):
    """The controller is killed under a command and started again."""

    def setUp(self):
        super().setUp()
        self.started = self.start(2)

    def restart(self):
        self.kill_controller(self.started)
        self.started = self.start(2)

    def open(self, *words, stdout):
        """Starts a command, which is killed when the test ends before it does."""
        process = subprocess.Popen(self.command(*words), env=self.environment, stdout=stdout,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_map_goes_on_to_its_end(self):
        inputs = [str(i) for i in range(300)]
        path = os.path.join(self.folder, "out")
        with open(path, "w", encoding="utf-8") as out:
            process = self.open("map", "sh", "-c", "sleep 0.02; echo $1", "sh", "{}", ":::",
                                *inputs, stdout=out)
        wait_until(lambda: read_text(path), "the first is done")
        self.restart()
        _, err = process.communicate(timeout=2 * PATIENCE)
        self.assertEqual(read_text(path).split(), inputs, err)
        self.assertIn("300 ok, 0 failed", err)

    def test_a_run_ends_with_its_output_and_exit_code(self):
        pid_file = os.path.join(self.folder, "pid")
        script = f"echo first; echo $$ > {pid_file}; sleep 1; echo last; exit 7"
        process = self.open("run", "sh", "-c", script, stdout=subprocess.PIPE)
        wait_until(lambda: read_text(pid_file), "the program runs")
        self.trireme("history")  # its answer waits for the records: what they lack is run again
        self.restart()
        out, err = process.communicate(timeout=2 * PATIENCE)
        self.assertEqual((process.returncode, out), (7, "first\nlast\n"), err)


class Map(World):
    def setUp(self):
        super().setUp()
        self.start(2)

    def test_output_comes_in_the_order_of_the_inputs(self):
        # The first inputs take longest.
        script = "sleep 0.$((5 - $1)); echo $1"
        done = self.trireme("map", "sh", "-c", script, "sh", "{}", ":::", "0", "1", "2", "3", "4")
        self.assertEqual(done.stdout.split(), ["0", "1", "2", "3", "4"])
        self.assertIn("5 ok, 0 failed", done.stderr)
        self.assertIn("2 engines", done.stderr)

    def test_unordered_output_comes_whole_once_per_input(self):
        done = self.trireme("map", "-u", "echo", ":::", *map(str, range(50)))
        self.assertEqual(sorted(done.stdout.split(), key=int), [str(i) for i in range(50)])

    def test_inputs_come_from_standard_input_or_a_file(self):
        lines = "one\ntwo words\n\nthree\n"
        expected = "<one>\n<two words>\n<three>\n"
        self.assertEqual(self.trireme("map", "echo", "<{}>", input=lines).stdout, expected)
        path = os.path.join(self.folder, "inputs")
        with open(path, "w", encoding="utf-8") as file:
            file.write(lines)
        self.assertEqual(self.trireme("map", "-a", path, "echo", "<{}>").stdout, expected)
        done = self.trireme("map", "-0", "echo", "<{}>", input="a\nb\0c\0")
        self.assertEqual(done.stdout, "<a\nb>\n<c>\n")

    def test_no_inputs_are_no_work(self):
        self.assertIn("0 ok, 0 failed", self.trireme("map", "echo", input="").stderr)

    def test_a_failure_stops_what_has_not_begun(self):
        done = self.trireme("map", "sh", "-c", "test $1 != 3", "sh", "{}", ":::",
                            *map(str, range(5000)), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed: 3 (exit code 1)", done.stderr)
        self.assertRegex(done.stderr, r"\d+ ok, 1 failed, [1-9]\d+ not run")

    def test_with_keep_going_every_input_is_tried(self):
        done = self.trireme("map", "-k", "sh", "-c", "echo $1; test $((${1} % 2)) = 0", "sh", "{}",
                            ":::", *map(str, range(10)), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.split(), [str(i) for i in range(10)])
        self.assertIn("5 ok, 5 failed", done.stderr)

    def test_json_has_one_line_per_input(self):
        done = self.trireme("map", "--json", "-k", "sh", "-c", "echo $1; echo e >&2; exit $1",
                            "sh", "{}", ":::", "0", "3", check=False)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([row["exit_code"] for row in rows], [0, 3])
        self.assertEqual([row["input"] for row in rows], ["0", "3"])
        self.assertEqual([row["stdout"] for row in rows], ["0\n", "3\n"])
        self.assertEqual(rows[0]["stderr"], "e\n")
        self.assertEqual(rows[1]["command"], "sh -c 'echo $1; echo e >&2; exit $1' sh 3")
        self.assertIn(rows[0]["engine"], (0, 1))

    def test_output_is_passed_on_byte_for_byte(self):
        raw = bytes(range(256)) * 10
        for name in ("a", "b"):
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(raw)
        done = self.trireme("map", "-q", "cat", ":::", "a", "b", text=False)
        self.assertEqual((done.stdout, done.stderr), (raw + raw, b""))

    def test_shell_lines_get_quoted_inputs(self):
        done = self.trireme("map", "-s", "echo {} | tr a-z A-Z", ":::", "a b", "$(x)", "it's")
        self.assertEqual(done.stdout, "A B\n$(X)\nIT'S\n")

    def test_a_dry_run_prints_commands_and_needs_no_cluster(self):
        self.trireme("stop")
        done = self.trireme("map", "-n", "gzip", "-k", "{}", ":::", "a b", "c")
        self.assertEqual(done.stdout, "gzip -k 'a b'\ngzip -k c\n")

    def test_an_input_that_fails_is_tried_again_when_asked_for(self):
        script = "if mkdir $1 2>/dev/null; then exit 1; fi; echo second"
        path = os.path.join(self.folder, "made")
        done = self.trireme("map", "--retries", "2", "sh", "-c", script, "sh", "{}", ":::", path)
        self.assertEqual(done.stdout, "second\n")

    def test_both_engines_work(self):
        rows = self.trireme("map", "--json", "sleep", ":::", *["0.05"] * 20).stdout.splitlines()
        self.assertEqual({json.loads(row)["engine"] for row in rows}, {0, 1})

    def test_ctrl_c_ends_what_runs_and_begins_nothing_more(self):
        script = "echo $$ > pid-$1; exec sleep 600"
        process = subprocess.Popen(
            self.command("map", "sh", "-c", script, "sh", "{}", ":::", *map(str, range(100))),
            env=self.environment, cwd=self.folder, stderr=subprocess.PIPE, text=True)
        with process:
            def pids():
                names = [n for n in os.listdir(self.folder) if n.startswith("pid-")]
                texts = [read_text(os.path.join(self.folder, n)) for n in names]
                return len(texts) == 2 and all(texts) and texts
            running = wait_until(pids, "both engines run one")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE), 130, process.stderr.read())
        wait_until(lambda: not any(is_alive(pid) for pid in running), "both programs are gone")
        wait_until(lambda: self.json("status")["waiting"] == 0, "nothing waits")
        self.assertEqual(len([n for n in os.listdir(self.folder) if n.startswith("pid-")]), 2)


class Records(World):
    def setUp(self):
        super().setUp()
        self.start(2)

    def test_history_lists_tasks_with_their_ends(self):
        self.trireme("run", "--label", "mine", "echo", "a b")
        self.trireme("run", "sh", "-c", "exit 3", check=False)
        self.trireme("run", "no-such-program", check=False)
        rows = wait_until(lambda: len(r := self.json("history")) == 3 and
                          all(t["completed"] for t in r) and r, "three tasks are recorded")
        self.assertEqual([row["what"] for row in rows],
                         ["echo 'a b'", "sh -c 'exit 3'", "no-such-program"])
        self.assertEqual([row["state"] for row in rows], ["ok", "ok", "failed"])
        self.assertEqual([row["exit_code"] for row in rows], [0, 3, None])
        self.assertEqual([row["label"] for row in rows], ["mine", "", ""])
        self.assertTrue(all(row["seconds"] >= 0 for row in rows))
        people = self.trireme("history").stdout
        self.assertIn("echo 'a b'", people)
        self.assertIn("exit 3", people)

    def test_history_is_filtered_and_limited(self):
        for i in range(4):
            self.trireme("run", "--label", "odd" if i % 2 else "even", "--engine", str(i % 2),
                         "echo", str(i))
        wait_until(lambda: len(self.json("history", "--state", "ok")) == 4, "four are done")
        what = lambda *words: [row["what"] for row in self.json("history", *words)]
        self.assertEqual(what("--limit", "1"), ["echo 3"])
        self.assertEqual(what("--limit", "0"), [f"echo {i}" for i in range(4)])
        self.assertEqual(what("--label", "odd"), ["echo 1", "echo 3"])
        self.assertEqual(what("--engine", "0"), ["echo 0", "echo 2"])
        self.assertEqual(what("--containing", "2"), ["echo 2"])
        self.assertEqual(what("--state", "failed"), [])
        self.assertEqual(what("--since", "1h"), [f"echo {i}" for i in range(4)])
        self.assertEqual(what("--since", "2999-01-01T00:00:00Z"), [])
        self.assertIn("soon", self.fails(2, "history", "--since", "soon"))
        self.assertIn("no engine 9", self.fails(1, "history", "--engine", "9"))

    def test_result_shows_state_output_and_error(self):
        script = "echo out; echo err >&2"
        done = json.loads(self.trireme("run", "--json", "sh", "-c", script).stdout)
        task = wait_until(lambda: (t := self.json("result", done["msg_id"]))["stderr"] and
                          t["state"] == "ok" and t, "the output is recorded")
        self.assertEqual((task["stdout"], task["stderr"]), ("out\n", "err\n"))
        self.assertEqual(task["exit_code"], 0)
        self.assertEqual(task["result"]["stdout"], "out\n")
        people = self.trireme("result", done["msg_id"]).stdout
        self.assertIn("--- standard output\nout\n", people)
        self.assertIn("--- standard error\nerr\n", people)

    def test_result_of_a_failed_task_exits_with_1(self):
        self.trireme("run", "no-such-program", check=False)
        rows = wait_until(lambda: self.json("history", "--state", "failed"), "it is recorded")
        done = self.trireme("result", rows[0]["msg_id"], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no-such-program", done.stdout)

    def test_result_of_an_unknown_task_names_history(self):
        self.assertIn("trireme history", self.fails(1, "result", "nobody"))

    def test_result_waits_for_a_task_when_asked_to(self):
        gate = os.path.join(self.folder, "gate")
        process = subprocess.Popen(
            self.command("run", "sh", "-c", f"until test -e {gate}; do sleep 0.05; done; echo end"),
            env=self.environment, stdout=subprocess.PIPE, text=True)
        with process:
            rows = wait_until(lambda: self.json("history"), "the task is recorded")
            waiting = subprocess.Popen(
                self.command("result", "--wait", "--json", rows[0]["msg_id"]),
                env=self.environment, stdout=subprocess.PIPE, text=True)
            with waiting:
                self.assertIn(self.json("result", rows[0]["msg_id"])["state"],
                              ("waiting", "running"))
                with open(gate, "w", encoding="utf-8"):
                    pass
                self.assertEqual(json.loads(waiting.stdout.read())["state"], "ok")
            self.assertEqual(process.stdout.read(), "end\n")


if __name__ == "__main__":
    sys.exit("run it through ctest")
