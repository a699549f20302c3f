"""Two Python engines and two of ours under one controller: what crosses the language border."""

import os

import ipyparallel as ipp
import numpy
from controller_world import PATIENCE, World, wait_until
from gate import abort_behind_gate, wait_at
from ipyparallel import error

PLAIN = {
    "integer": -(2**40),
    "real": 1.5,
    "flags": [True, False, None],
    "text": "grüß \U0001f600",
    "bytes": b"\x00\xff" * 900,
    "nested": {"list": [1, [2, {"three": [3.0, "drei"]}]], "empty": [[], {}]},
    "long": list(range(200)),
}


class MixedWorld(World):
    """Engines 0 and 1 are Python's, 2 and 3 are ours."""

    def setUp(self):
        super().setUp()
        self.controller = self.start_controller()
        self.stock = [self.start_stock_engine("--IPEngine.id=%d" % i) for i in (0, 1)]
        self.native = [self.start_engine(f"--id={i}") for i in (2, 3)]
        os.environ["IPYTHONDIR"] = self.environment["IPYTHONDIR"]
        self.client = ipp.Client(self.security("client"), timeout=PATIENCE)
        self.addCleanup(self.client.close)
        self.client.wait_for_engines(4, timeout=PATIENCE)
        self.assertEqual(sorted(self.client.ids), [0, 1, 2, 3])
        self.all = self.client[[0, 1, 2, 3]]
        self.ours = self.client[[2, 3]]

    def echo(self, value, view=None):
        return (view or self.client[2]).apply(ipp.Reference("trireme.echo"), value).get(PATIENCE)


class PythonClient(MixedWorld):
    def test_plain_data_is_pushed_to_and_pulled_from_all_four(self):
        self.all.push({**PLAIN, "_unused": 1}, block=True)
        for name, value in PLAIN.items():
            self.assertEqual(self.all.pull(name, block=True), [value] * 4, name)
        names = list(PLAIN)
        self.assertEqual(self.all.pull(names, block=True), [list(PLAIN.values())] * 4)
        self.all["single"] = "one"
        self.assertEqual(self.all["single"], ["one"] * 4)

    def test_arrays_are_pushed_scattered_and_gathered_by_all_four(self):
        for array in (numpy.arange(12.0).reshape(3, 4), numpy.arange(100_000, dtype="<i4"),
                      numpy.array(3.5), numpy.zeros((0, 3)), numpy.array([True, False]),
                      numpy.asfortranarray(numpy.arange(6, dtype="f4").reshape(2, 3)),
                      numpy.array([1 + 2j])):
            self.all.push({"array": array, "deep": [[array]]}, block=True)
            for found in self.all.pull("array", block=True):
                self.assertEqual(found.dtype, array.dtype)
                numpy.testing.assert_array_equal(found, array)
            for found in self.all.pull("deep", block=True):
                numpy.testing.assert_array_equal(found[0][0], array)
        for whole in (list(range(11)), numpy.arange(100_000, dtype=float)):
            self.all.scatter("part", whole, block=True)
            gathered = self.all.gather("part", block=True)
            numpy.testing.assert_array_equal(gathered, whole)
            self.assertIs(type(gathered), type(whole))

    def test_a_function_of_ours_is_called_by_reference(self):
        for value in (*PLAIN.values(), PLAIN, 0, 255, 65536, -1, 2**63 - 1, -(2**63), "", b"",
                      float("inf"), numpy.float64(2.5), numpy.int32(7)):
            self.assertEqual(self.echo(value), value)
        self.assertEqual(self.echo((1, (2,))), [1, [2]])
        self.assertEqual(self.echo({3}), [3])
        big = numpy.random.default_rng(1).random((64, 64))
        numpy.testing.assert_array_equal(self.echo(big), big)
        numpy.testing.assert_array_equal(self.echo(big.astype(">f4")), big.astype("f4"))
        results = self.ours.apply(ipp.Reference("trireme.echo"), [big, b"x" * 5000]).get(PATIENCE)
        for array, text in results:
            numpy.testing.assert_array_equal(array, big)
            self.assertEqual(text, b"x" * 5000)
        broadcast = self.client.broadcast_view([2, 3])
        self.assertEqual(broadcast.apply(ipp.Reference("trireme.echo"), "all").get(PATIENCE),
                         ["all", "all"])
        balanced = self.client.load_balanced_view([2, 3])
        self.assertEqual(
            [balanced.apply(ipp.Reference("trireme.echo"), i).get(PATIENCE) for i in range(8)],
            list(range(8)))

    def test_a_name_is_an_argument_by_reference(self):
        self.all.push({"x": [1, 2]}, block=True)
        name = ipp.Reference("x")
        self.assertEqual(self.echo(name), [1, 2])

    def test_each_language_tells_its_own_errors(self):
        result = self.ours.apply(ipp.Reference("trireme.pull"), "nothing")
        with self.assertRaises(ipp.CompositeError) as caught:
            result.get(PATIENCE)
        self.assertEqual({name for name, _, _, _ in caught.exception.elist}, {"NameError"})
        caught.exception.print_traceback()
        for target in (0, 2):
            with self.assertRaises(error.RemoteError) as caught:
                self.client[target].pull("missing", block=True)
            self.assertEqual(caught.exception.ename, "NameError")
            self.assertEqual(caught.exception.evalue, "name 'missing' is not defined")
            self.assertIn("NameError", "\n".join(caught.exception.render_traceback()))
        with self.assertRaises(error.RemoteError) as caught:
            self.client[2].apply(os.getpid).get(PATIENCE)
        self.assertEqual(caught.exception.ename, "NotImplementedError")
        self.assertIn("Reference", caught.exception.evalue)
        with self.assertRaises(error.RemoteError) as caught:
            self.echo(2**64)
        self.assertEqual(caught.exception.ename, "TypeError")
        with self.assertRaises(error.RemoteError) as caught:
            self.client[0].apply(lambda: 1 / 0).get(PATIENCE)
        self.assertEqual(caught.exception.ename, "ZeroDivisionError")

    def test_abort_clear_and_shutdown_work_on_both(self):
        self.all.push({"x": 1}, block=True)
        gate = os.path.join(self.folder, "gate")
        wait = f"until test -e {gate}; do sleep 0.1; done"
        blockers = [self.client[2].apply(ipp.Reference("trireme.run_command"), wait),
                    self.client[0].apply(wait_at, gate, 0.3)]
        queued = [self.client[2].apply(ipp.Reference("trireme.echo"), 1),
                  self.client[0].apply(os.getpid)]
        abort_behind_gate(self.client, queued, gate, [1, 3])
        for result in queued:
            try:
                self.assertIsInstance(result.get(PATIENCE), error.TaskAborted)
            except error.TaskAborted:
                pass
        for blocker in blockers:
            blocker.get(PATIENCE)
        self.client.clear([0, 1, 2, 3], block=True)
        for target in (0, 2):
            with self.assertRaises(error.RemoteError):
                self.client[target].pull("x", block=True)
        self.client.shutdown([1, 3], block=True)
        wait_until(lambda: sorted(self.client.ids) == [0, 2], "the two have left")
        self.client.shutdown(hub=True)
        self.assertEqual(self.controller.wait(), 0)
