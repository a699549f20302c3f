"""A stock Python client and two stock Python engines under trireme-controller."""

import contextlib
import os
import signal
import time

import ipyparallel as ipp
import numpy
from controller_world import PATIENCE, World, wait_until
from gate import abort_behind_gate, open_gate, wait_at
from ipyparallel import error


class StockWorld(World):
    ENGINES = 2

    def setUp(self):
        super().setUp()
        self.controller = self.start_controller()
        self.engines = [self.start_stock_engine() for _ in range(self.ENGINES)]
        os.environ["IPYTHONDIR"] = self.environment["IPYTHONDIR"]
        self.client = ipp.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(self.client.close)
        self.client.wait_for_engines(self.ENGINES, timeout=PATIENCE)
        self.view = self.client[:]
        self.balanced = self.client.load_balanced_view()

        self.gate = os.path.join(self.folder, "gate")

    def expect_abort(self, result):
        """This client hands aborted calls out as values when there are several."""
        with contextlib.suppress(error.TaskAborted):
            self.assertIsInstance(result.get(PATIENCE), error.TaskAborted)

    def expect_error(self, name, result):
        with self.assertRaises(error.RemoteError) as caught:
            result.get(PATIENCE)
        self.assertEqual(caught.exception.ename, name)


class Views(StockWorld):
    def test_apply_reaches_every_engine_once(self):
        pids = self.view.apply_sync(os.getpid)
        self.assertEqual(len(set(pids)), 2)

    def test_output_of_execute_comes_with_the_result(self):
        result = self.view.execute("print('hello'); 6 * 7", silent=False, block=False)
        result.get(PATIENCE)
        wait_until(lambda: result.stdout == ["hello\n", "hello\n"], "the output is there")
        shown = [output["data"]["text/plain"] for output in result.execute_result]
        self.assertEqual(shown, ["42", "42"])

    def test_push_pull_scatter_gather(self):
        self.view.push({"a": [1, "two", {"three": 3.0}]}, block=True)
        self.assertEqual(self.view.pull("a", block=True), [[1, "two", {"three": 3.0}]] * 2)
        self.view.scatter("x", list(range(11)), block=True)
        self.assertEqual(self.view.gather("x", block=True), list(range(11)))
        array = numpy.arange(100_000, dtype=float)
        self.view.scatter("y", array, block=True)
        numpy.testing.assert_array_equal(self.view.gather("y", block=True), array)

    def test_exceptions_arrive_with_their_names(self):
        with self.assertRaises(ipp.CompositeError) as caught:
            self.view.apply_sync(lambda: 1 / 0)
        names = {ename for ename, _, _, _ in caught.exception.elist}
        self.assertEqual(names, {"ZeroDivisionError"})

    def test_broadcasts_with_and_without_coalescing(self):
        for coalescing in (False, True):
            view = self.client.broadcast_view(is_coalescing=coalescing)
            self.assertEqual(sorted(view.apply_sync(os.getpid)),
                             sorted(self.view.apply_sync(os.getpid)))

    def test_abort_of_a_queued_call(self):
        busy, idle = self.client.ids
        blocker = self.client[busy].apply(wait_at, self.gate, 0.3)
        queued = [self.client[busy].apply(os.getpid) for _ in range(2)]
        abort_behind_gate(self.client, queued, self.gate, idle)
        for result in queued:
            self.expect_abort(result)
        blocker.get(PATIENCE)


class Tasks(StockWorld):
    def test_a_balanced_map_keeps_order_and_uses_both_engines(self):
        result = self.balanced.map(lambda x: (x * x, __import__("os").getpid()), range(60))
        values = result.get(PATIENCE)
        self.assertEqual([value for value, _ in values], [x * x for x in range(60)])
        self.assertEqual(len({pid for _, pid in values}), 2)

    def test_after_waits_and_follow_goes_where_the_other_ran(self):
        first = self.balanced.apply(lambda gate: (__import__("gate").wait_at(gate),
                                                  __import__("os").getpid())[1], self.gate)
        with self.balanced.temp_flags(after=[first]):
            second = self.balanced.apply(time.time)
        with self.balanced.temp_flags(follow=[first]):
            third = self.balanced.apply(os.getpid)
        open_gate(self.gate)
        second.get(PATIENCE)
        first.get(PATIENCE)
        self.assertGreaterEqual(second.started, first.completed)
        self.assertEqual(third.get(PATIENCE), first.get())

    def test_what_cannot_run_says_why(self):
        failed = self.balanced.apply(lambda: 1 / 0)
        with self.balanced.temp_flags(after=[failed]):
            after_failure = self.balanced.apply(os.getpid)
        with self.balanced.temp_flags(after=["nobody"]):
            after_nobody = self.balanced.apply(os.getpid)
        self.expect_error("ImpossibleDependency", after_failure)
        self.expect_error("InvalidDependency", after_nobody)

    def test_functional_dependencies_choose_the_engine(self):
        self.client[self.client.ids[0]].push({"chosen": True}, block=True)

        def has_it():
            from IPython import get_ipython
            return "chosen" in get_ipython().user_ns

        @ipp.depend(has_it)
        def where():
            import os
            return os.getpid()

        chosen = self.client[self.client.ids[0]].apply_sync(os.getpid)
        results = [self.balanced.apply(where) for _ in range(4)]
        self.assertEqual([result.get(PATIENCE) for result in results], [chosen] * 4)

    def test_a_timeout_ends_the_wait(self):
        busy = [self.balanced.apply(wait_at, self.gate) for _ in range(2)]
        with self.balanced.temp_flags(timeout=0.1):
            late = self.balanced.apply(os.getpid)
        self.expect_error("TaskTimeout", late)
        open_gate(self.gate)
        for task in busy:
            task.get(PATIENCE)


class Hub(StockWorld):
    def test_the_hub_tells_queues_history_and_records(self):
        done = self.balanced.map(lambda x: x, range(5))
        done.get(PATIENCE)
        status = self.client.queue_status()
        self.assertEqual(status["unassigned"], 0)
        self.assertEqual(sum(status[engine]["completed"] for engine in self.client.ids), 5)
        self.assertEqual(self.client.hub_history()[-5:], done.msg_ids)
        records = self.client.db_query({"msg_id": {"$in": done.msg_ids}},
                                       keys=["queue", "completed", "engine_uuid"])
        self.assertEqual(len(records), 5)
        for record in records:
            self.assertEqual(record["queue"], "task")
            self.assertIsNotNone(record["completed"])

    def test_another_client_gets_the_result_and_the_output(self):
        result = self.view.execute("print('kept'); 1 + 1", block=False)
        result.get(PATIENCE)
        other = ipp.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(other.close)

        def output_of_both():
            again = other.get_result(result.msg_ids)
            again.get(PATIENCE)
            return again.stdout == ["kept\n", "kept\n"]

        wait_until(output_of_both, "the records have the output")

    def test_resubmitted_tasks_run_again(self):
        first = self.balanced.apply(os.getpid)
        first.get(PATIENCE)
        again = self.client.resubmit(first.msg_ids)
        self.assertIn(again.get(PATIENCE)[0] if isinstance(again.get(), list) else again.get(),
                      self.view.apply_sync(os.getpid))

    def test_purging_removes_records(self):
        done = self.balanced.apply(os.getpid)
        done.get(PATIENCE)
        self.client.purge_results(done)
        self.assertNotIn(done.msg_ids[0], self.client.hub_history())

    def test_the_hub_can_be_shut_down_with_its_engines(self):
        self.client.shutdown(hub=True)
        self.assertEqual(self.controller.wait(), 0)
        for engine in self.engines:
            engine.wait()


class Death(StockWorld):
    def test_a_shut_down_engine_leaves_and_the_other_works_on(self):
        gone, left = self.client.ids
        self.client.shutdown(targets=[gone], block=True)
        wait_until(lambda: self.client.ids == [left], "the engine has left")
        self.assertEqual(self.balanced.apply(lambda: 7).get(PATIENCE), 7)

    def test_a_killed_engine_fails_its_calls_and_its_task_runs_elsewhere(self):
        pids = self.view.apply_async(os.getpid).get_dict(PATIENCE)

        def stay_on(victim, mark):
            import os
            import time
            while os.getpid() == victim:
                with open(mark, "w"):
                    pass
                time.sleep(0.01)
            return os.getpid()

        victim, other = self.client.ids
        with self.balanced.temp_flags(targets=[victim]):
            lost = self.balanced.apply(stay_on, pids[victim], self.gate)
        wait_until(lambda: os.path.exists(self.gate), "a task runs on the engine")
        call = self.client[victim].apply(os.getpid)
        busy = self.client[other].apply(time.sleep, 1)
        with self.balanced.temp_flags(retries=1):
            moved = [self.balanced.apply(stay_on, pids[victim], self.gate) for _ in range(2)]
        os.kill(pids[victim], signal.SIGKILL)
        for result in (call, lost):
            self.expect_error("EngineError", result)
        self.assertEqual([result.get(PATIENCE) for result in moved], [pids[other]] * 2)
        busy.get(PATIENCE)


class Curve(World):
    def test_encrypted_peers_work_and_plain_ones_are_not_heard(self):
        self.start_controller("--enable-curve")
        self.assertEqual(self.read_file("client")["key"], "")
        self.assertEqual(len(self.read_file("client")["curve_serverkey"]), 40)
        self.start_stock_engine()
        client = ipp.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(client.close)
        client.wait_for_engines(1, timeout=PATIENCE)
        self.assertEqual(client[:].apply_sync(lambda: 7), [7])
        self.assertEqual(client.load_balanced_view().apply_sync(lambda: 8), 8)
