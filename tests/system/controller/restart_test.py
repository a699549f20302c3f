"""A controller that is killed and started again goes on; what each durability setting promises."""

import os
import signal
import socket
import sqlite3

from controller_world import PATIENCE, World, wait_until
from gate import open_gate, wait_at
from loopback import own_address
from protocol_peer import Peer


def square_after(seconds, number):
    import time

    time.sleep(seconds)
    return number * number


def append(text, path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def turned(data):
    return data[::-1]


# Engines cannot import this file: they get the code itself.
square_after.__module__ = append.__module__ = turned.__module__ = "__main__"


class RestartWorld(World):
    """Verbs of somebody who pulls plugs."""

    def crash(self, controller):
        controller.kill()

    def stop(self, controller):
        controller.signal(signal.SIGTERM)
        self.assertEqual(controller.wait(), 0, controller.output())

    def restart(self, *words):
        """Starts a controller where another one was, and waits until it serves."""
        controller = self.start(
            "trireme-controller", *self.controller_words(*words)
        )
        wait_until(lambda: "serving" in controller.output(), "the controller serves")
        return controller

    def records(self):
        """Message id to (completed, engine) as the database on disk has it."""
        file = os.path.join(self.profile, "trireme.db")
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            return {row[0]: row[1:] for row in database.execute(
                "SELECT msg_id, completed, engine_uuid FROM records")}

    def stock_client(self):
        import ipyparallel

        client = ipyparallel.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(client.close)
        return client


class Restart(RestartWorld):
    def test_a_silent_stock_client_gets_the_one_reply_of_a_coalescing_broadcast(self):
        controller = self.start_controller()
        for _ in range(2):
            self.start_stock_engine()
        client = self.stock_client()
        client.wait_for_engines(2, timeout=PATIENCE)
        gate = os.path.join(self.folder, "gate")
        slow = client[0].apply_async(wait_at, gate)  # one part waits behind it
        joined = client.broadcast_view(is_coalescing=True).apply_async(square_after, 0, 5)
        wait_until(lambda: sum(bool(done) for done, _ in self.records().values()) == 1,
                   "the other engine has answered")
        self.crash(controller)
        self.restart()
        open_gate(gate)
        self.assertEqual(joined.get(PATIENCE), [25, 25])
        slow.get(PATIENCE)

    def test_a_silent_stock_client_gets_every_result(self):
        controller = self.start_controller()
        for _ in range(2):
            self.start_stock_engine()
        client = self.stock_client()
        client.wait_for_engines(2, timeout=PATIENCE)
        view = client.load_balanced_view()
        balanced = [view.apply_async(square_after, 0.01, number) for number in range(200)]
        direct = [client[0].apply_async(square_after, 0.01, number) for number in range(20)]
        wait_until(lambda: sum(result.ready() for result in balanced) >= 40, "some are done")
        files = self.read_file("client"), self.read_file("engine")
        self.crash(controller)
        again = self.restart()
        self.assertEqual((self.read_file("client"), self.read_file("engine")), files)
        self.assertEqual([result.get(PATIENCE) for result in balanced], [n * n for n in range(200)])
        self.assertEqual([result.get(PATIENCE) for result in direct], [n * n for n in range(20)])
        self.assertEqual(client.ids, [0, 1])
        self.assertEqual(view.apply_sync(square_after, 0, 7), 49)
        wait_until(lambda: [bool(done) for done, _ in self.records().values()] == [True] * 221,
                   "all is recorded")
        self.stop(again)
        self.assertFalse(os.path.exists(self.security("client")))

    def test_tasks_nobody_could_run_yet_wait_in_their_order(self):
        controller = self.start_controller()
        client = self.stock_client()
        view = client.load_balanced_view()
        order = os.path.join(self.folder, "order")
        results = []
        for number in range(5):
            with view.temp_flags(after=results[-1:], retries=1):
                results.append(view.apply_async(append, str(number), order))
        wait_until(lambda: len(self.records()) == 5, "the tasks are recorded")
        self.crash(controller)
        self.restart()
        self.start_stock_engine()
        for result in results:
            result.get(PATIENCE)
        with open(order, encoding="utf-8") as file:
            self.assertEqual(file.read(), "01234")

    def test_large_buffers_outlive_it_and_go_with_their_records(self):
        controller = self.start_controller()
        client = self.stock_client()
        view = client.load_balanced_view()
        data = [os.urandom(300_000) for _ in range(6)]
        results = [view.apply_async(turned, each) for each in data]
        wait_until(lambda: len(self.records()) == 6, "the tasks are recorded")
        contents = os.path.join(self.profile, "trireme.db-contents")
        self.assertGreater(sum(entry.stat().st_size for entry in os.scandir(contents)), 1_800_000)
        self.crash(controller)
        controller = self.restart()
        self.start_stock_engine()
        for each, result in zip(data, results):
            self.assertEqual(result.get(PATIENCE), turned(each))
        wait_until(lambda: all(done for done, _ in self.records().values()), "all is recorded")
        self.crash(controller)
        self.restart()
        ids = [result.msg_ids[0] for result in results]
        again = self.stock_client()
        stored = again.get_result(ids, owner=False).get(PATIENCE)
        self.assertEqual(stored, [turned(each) for each in data])
        again.purge_hub_results("all")
        self.assertEqual(os.listdir(contents), [])

    def test_a_damaged_file_of_large_buffers_costs_its_own_tasks_only(self):
        controller = self.start_controller()
        view = self.stock_client().load_balanced_view()
        view.apply_async(turned, os.urandom(300_000))
        small = view.apply_async(square_after, 0, 3)
        wait_until(lambda: len(self.records()) == 2, "the tasks are recorded")
        self.crash(controller)
        for file in os.scandir(os.path.join(self.profile, "trireme.db-contents")):
            os.truncate(file, 1000)
        controller = self.restart()
        self.assertIn("cannot go on: the file", controller.output())
        self.start_stock_engine()
        self.assertEqual(small.get(PATIENCE), 9)

    def test_it_may_be_killed_again_and_again(self):
        controller = self.start_controller()
        self.start_stock_engine()
        client = self.stock_client()
        client.wait_for_engines(1, timeout=PATIENCE)
        view = client.load_balanced_view()
        results = [view.apply_async(square_after, 0.02, number) for number in range(60)]
        for _ in range(4):
            done = sum(result.ready() for result in results)
            wait_until(lambda: sum(r.ready() for r in results) > min(done + 5, 58), "some more")
            self.crash(controller)
            controller = self.restart()
        self.assertEqual([result.get(PATIENCE) for result in results], [n * n for n in range(60)])

    def test_an_orderly_stop_leaves_nothing_to_go_on_with(self):
        controller = self.start_controller()
        view = self.stock_client().load_balanced_view()
        view.apply_async(square_after, 0, 1)
        wait_until(lambda: len(self.records()) == 1, "the task is recorded")
        self.stop(controller)
        self.assertTrue(all(done for done, _ in self.records().values()), "it ended, unrun")
        controller = self.restart()
        self.assertNotIn("going on", controller.output())
        self.assertNotIn("taken over", controller.output())

    def test_a_restart_on_request_goes_on_after_an_orderly_stop(self):
        controller = self.start_controller("--reuse")
        client = self.stock_client()
        result = client.load_balanced_view().apply_async(square_after, 0, 3)
        wait_until(lambda: len(self.records()) == 1, "the task is recorded")
        self.stop(controller)
        self.restart("--restore")
        self.start_stock_engine()
        self.assertEqual(result.get(PATIENCE), 9)

    def test_encrypted_peers_are_met_again(self):
        controller = self.start_controller("--enable-curve")
        self.start_stock_engine()
        client = self.stock_client()
        client.wait_for_engines(1, timeout=PATIENCE)
        secret = os.path.join(self.profile, "security", "ipcontroller-curve.key")
        self.assertEqual(os.stat(secret).st_mode & 0o777, 0o600)
        files = self.read_file("client"), self.read_file("engine")
        slow = client.load_balanced_view().apply_async(square_after, 1, 6)
        wait_until(lambda: len(self.records()) == 1, "the task is recorded")
        self.crash(controller)
        again = self.restart("--enable-curve")
        self.assertEqual((self.read_file("client"), self.read_file("engine")), files)
        self.assertEqual(slow.get(PATIENCE), 36)
        self.stop(again)
        self.assertFalse(os.path.exists(secret))

    def test_no_recover_begins_anew(self):
        controller = self.start_controller()
        key = self.read_file("client")["key"]
        self.crash(controller)
        self.restart("--no-recover")
        self.assertNotEqual(self.read_file("client")["key"], key)

    def test_taken_ports_are_said_and_the_controller_begins_anew(self):
        controller = self.start_controller()
        before = self.read_file("client")
        self.crash(controller)
        with socket.socket() as squatter:
            squatter.bind((own_address(), before["registration"]))
            squatter.listen()
            again = self.restart()
        self.assertIn("cannot go on where the controller before this one was killed",
                      again.output())
        self.assertIn(str(before["registration"]), again.output())
        self.assertNotEqual(self.read_file("client")["registration"], before["registration"])

    def test_an_engine_that_ends_is_missed_at_once(self):
        # Its watcher is killed first, so that only its connections can tell.
        self.start_controller("--ping=60000")
        engine = self.start_stock_engine("--IPEngine.enable_nanny=False")
        client = self.stock_client()
        client.wait_for_engines(1, timeout=PATIENCE)
        engine.kill()
        wait_until(lambda: not client.ids, "the engine is missed")


class Durability(RestartWorld):
    """Each promise, and that the next weaker setting does not make it."""

    def lock_database(self):
        database = sqlite3.connect(os.path.join(self.profile, "trireme.db"), timeout=60,
                                   isolation_level=None, check_same_thread=False)
        self.addCleanup(database.close)
        database.execute("BEGIN IMMEDIATE")
        return database

    def run_while_locked(self, *words):
        """Submits a task while nothing can be recorded; gives the result, the lock, and what the
        engine did meanwhile."""
        self.start_controller(*words)
        self.start_stock_engine()
        client = self.stock_client()
        client.wait_for_engines(1, timeout=PATIENCE)
        client[0].apply_sync(square_after, 0, 1)
        mark = os.path.join(self.folder, "mark")
        database = self.lock_database()
        result = client.load_balanced_view().apply_async(append, "ran", mark)
        return result, database, mark

    def test_batch_does_not_wait_for_the_disk(self):
        result, _, mark = self.run_while_locked("--durability=batch")
        result.get(PATIENCE)
        self.assertTrue(os.path.exists(mark))

    def test_strict_shows_an_engine_nothing_that_is_not_on_disk(self):
        result, database, mark = self.run_while_locked("--durability=strict")
        # The engine answers something else meanwhile: the task would have run long before.
        peer = Peer(self.read_file("client"))
        self.addCleanup(peer.close)
        for _ in range(20):
            self.assertEqual(peer.ask("connection_request")[0], "connection_reply")
        self.assertFalse(os.path.exists(mark))
        self.assertFalse(result.ready())
        database.execute("ROLLBACK")
        result.get(PATIENCE)
        self.assertTrue(os.path.exists(mark))

    def test_batch_is_on_disk_while_the_task_still_waits(self):
        self.start_controller()
        view = self.stock_client().load_balanced_view()
        view.apply_async(square_after, 0, 1)
        wait_until(lambda: len(self.records()) == 1, "the task is recorded")

    def test_none_promises_nothing_and_begins_anew(self):
        controller = self.start_controller("--durability=none")
        key = self.read_file("client")["key"]
        self.crash(controller)
        self.restart("--durability=none")
        self.assertNotEqual(self.read_file("client")["key"], key)

    def test_strict_without_a_disk_is_refused(self):
        sentence = self.refused(1, "--durability=strict", "--dictdb")
        self.assertIn("needs task records on disk", sentence)

    def test_an_unknown_setting_is_refused(self):
        self.assertIn("none, batch or strict", self.refused(1, "--durability=most"))
