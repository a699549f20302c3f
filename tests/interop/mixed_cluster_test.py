"""Two Python engines and two of ours under one controller: what crosses the language border."""

import os

import ipyparallel as ipp
import numpy
from controller_world import PATIENCE, World

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
        self.native = [
            self.start("trireme-engine", f"--profile-dir={self.profile}", f"--id={i}")
            for i in (2, 3)
        ]
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
