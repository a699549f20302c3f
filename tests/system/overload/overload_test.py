"""More than a controller can take, of everything: it stays small, and the others are served."""

from controller_world import wait_until
from overload_world import (
    DeafClient, OverloadWorld, apply_content, deaf_subscriber, half_open, receive,
)

MIB = 1 << 20


class BusyEngines(OverloadWorld):
    def test_a_client_that_sends_faster_than_engines_work_delays_nobody_else(self):
        self.start_engine()
        hasty = self.peer("task")
        count = 20_000
        for _ in range(count):
            hasty.send(hasty.frames("apply_request", apply_content("trireme.echo", "x" * 500)))
        self.hub("queue_request", {"targets": None, "verbose": False})
        engine = self.engines()["0"]
        self.assertEqual(self.run_task("trireme.echo", 1, channel="mux", engine=engine), 1)
        self.assert_memory_below(300 * MIB)
        for _ in range(count):
            self.assertEqual(receive(hasty)["status"], "ok")
        self.expect_served()


class DeafPeers(OverloadWorld):
    # 256 replies with ZeroMQ, 256 MiB with the controller, and then some for everything else.
    LIMIT = 700 * MIB

    def test_a_client_that_never_reads_its_replies_costs_bounded_memory(self):
        self.start_engine()
        deaf = DeafClient(self.info, "task")
        self.addCleanup(deaf.close)
        content = apply_content("trireme.echo", {"$buffer": 0})
        ids = []
        for _ in range(18):  # not faster than the engine works
            ids += [deaf.send("apply_request", content, [b"x" * MIB]) for _ in range(50)]
            wait_until(lambda: self.finished() == len(ids), "the tasks have ended")
        self.assert_memory_below(self.LIMIT)
        self.assertEqual(self.lines("do not read their replies"), 1)
        # What could not be delivered is in the records.
        content = self.hub("result_request", {"msg_ids": [ids[-1]], "status_only": True})
        self.assertEqual(content["completed"], [ids[-1]])
        self.expect_served()

    def finished(self):
        found = self.hub("db_request", {"query": {"completed": {"$ne": None}}, "keys": ["msg_id"]})
        return len(found["records"])

    def test_a_client_that_never_reads_the_hubs_answers_costs_bounded_memory(self):
        peer = self.peer("task")
        for _ in range(200):
            peer.send(peer.frames("apply_request", {"pad": "x" * 1000},
                                  metadata={"after": ["unknown"]}))
        self.wait_for_records(200)
        deaf = DeafClient(self.info, "registration")
        self.addCleanup(deaf.close)
        for _ in range(2500):  # each answer is about 400 KB
            deaf.send("db_request", {"query": {}, "keys": []})
        self.expect_served()
        self.assertEqual(len(self.hub("history_request")["history"]), 200)
        wait_until(lambda: self.lines("do not read their replies") == 1, "all is full")
        self.expect_served()
        self.assert_memory_below(self.LIMIT)

    def test_subscribers_that_never_read_do_not_hold_up_a_flood_of_output(self):
        engine = self.start_engine()
        for _ in range(3):
            context, sub = deaf_subscriber(self.info, "iopub")
            self.addCleanup(context.term)
            self.addCleanup(sub.close)
        uuid = self.engines()["0"]
        for _ in range(10):
            self.run_task("trireme.run_command",
                          ["/bin/sh", "-c", "yes a line of output | head -c 20000000"],
                          channel="mux", engine=uuid)
        self.expect_served()
        self.assert_memory_below(self.LIMIT)
        self.assertTrue(engine.running())


class HalfOpenConnections(OverloadWorld):
    def test_thousands_of_connections_that_say_nothing_are_survived(self):
        self.start_engine()
        before = self.memory()
        ports = [self.info[name] for name in ("registration", "mux", "task", "iopub")]
        sockets = [half for port in ports for half in half_open(port, 1000)]
        try:
            for half in sockets[::3]:
                half.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03")
            self.expect_served()
            self.assert_memory_below(before + 200 * MIB)
        finally:
            for half in sockets:
                half.close()
        self.expect_served()
