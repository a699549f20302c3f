"""The system gives no more: a full disk, a locked or read-only database, no descriptors."""

import os
import resource
import signal
import sqlite3
import unittest

from controller_world import wait_until
from overload_world import OverloadWorld, apply_content, half_open, receive


class FullDisk(OverloadWorld):
    def test_tasks_go_on_while_the_disk_is_full_and_records_follow_when_it_is_not(self):
        self.start_engine()
        self.run_task("trireme.echo", 1)
        database = os.path.join(self.profile, "trireme.db")
        self.limit(resource.RLIMIT_FSIZE, os.path.getsize(database) + 100_000)
        peer = self.peer("task")
        for _ in range(300):
            peer.send(peer.frames("apply_request", apply_content("trireme.echo", os.urandom(
                5000).hex())))
        for _ in range(300):
            self.assertEqual(receive(peer)["status"], "ok")
        wait_until(lambda: self.lines("changes are kept"), "the log tells what is the matter")
        self.assertEqual(self.lines("error:"), 1, "it is said once")
        self.limit(resource.RLIMIT_FSIZE, None)
        self.wait_for_records(301)
        self.expect_served()
        self.stop_and_check(database)

    def stop_and_check(self, database):
        self.controller.signal(signal.SIGTERM)
        self.assertEqual(self.controller.wait(), 0, self.controller.output())
        with sqlite3.connect(database) as file:
            self.assertEqual(file.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            self.assertEqual(file.execute(
                "SELECT count(*) FROM records WHERE completed IS NULL").fetchone()[0], 0)


class UnusableDatabase(OverloadWorld):
    def test_a_database_that_somebody_locks_delays_records_and_nothing_else(self):
        self.start_engine()
        self.run_task("trireme.echo", 1)
        other = sqlite3.connect(os.path.join(self.profile, "trireme.db"), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        try:
            for number in range(20):
                self.assertEqual(self.run_task("trireme.echo", number), number)
            kind, content = self.peer().ask("history_request")
            self.assertIn(kind, ("history_reply", "hub_error"), content)
        finally:
            other.close()
        self.wait_for_records(21)
        self.expect_served()


@unittest.skipIf(os.geteuid() != 0, "only root can run a controller as somebody else")
class ReadOnlyDatabase(OverloadWorld):
    def test_a_database_that_may_not_be_written_is_named_at_the_start(self):
        self.controller.signal(signal.SIGTERM)
        self.controller.wait()
        database = os.path.join(self.profile, "trireme.db")
        os.chmod(self.folder, 0o755)
        for folder, _, files in os.walk(self.profile):
            os.chmod(folder, 0o777)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o644 if ".db" in name else 0o666)
        refused = self.start("/usr/bin/setpriv", "--reuid=65534", "--clear-groups",
                             os.path.join(os.environ["TRIREME_BIN_DIR"], "trireme-controller"),
                             f"--profile-dir={self.profile}")
        self.assertEqual(refused.wait(), 1, refused.output())
        self.assertIn(database, refused.output())


class FewDescriptors(OverloadWorld):
    @unittest.skipIf(os.environ.get("TRIREME_SANITIZED"), "sanitizers need descriptors themselves")
    def test_connections_beyond_the_limit_wait_and_those_before_go_on(self):
        self.start_engine()
        known = self.peer()
        self.assertEqual(known.ask("connection_request")[0], "connection_reply")
        task = self.peer("task")
        task.send(task.frames("apply_request", apply_content("trireme.echo", 1)))
        self.assertEqual(receive(task)["result"], 1)
        used = len(os.listdir(f"/proc/{self.controller.pid}/fd"))
        self.limit(resource.RLIMIT_NOFILE, used + 20)
        flood = half_open(self.info["mux"], 200)
        try:
            for number in range(20):
                task.send(task.frames("apply_request", apply_content("trireme.echo", number)))
                self.assertEqual(receive(task)["result"], number)
            self.assertEqual(known.ask("history_request")[0], "history_reply")
        finally:
            for half in flood:
                half.close()
        self.expect_served()

    def test_too_few_to_start_with_are_named(self):
        self.controller.signal(signal.SIGTERM)
        self.controller.wait()
        program = os.path.join(os.environ["TRIREME_BIN_DIR"], "trireme-controller")
        starved = self.start("/bin/sh", "-c",
                             f"ulimit -n 24; exec {program} --profile-dir={self.profile}")
        self.assertEqual(starved.wait(), 1, starved.output())
        self.assertIn("ulimit -n", starved.output())
