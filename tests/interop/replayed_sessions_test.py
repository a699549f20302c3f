"""Sessions of newer stock peers, replayed message by message against trireme-controller.

The captures hold what clients and engines of 8.x and 9.x sent and what they got. Here their part
is played again with the very same bytes, and what our controller passes on is compared.
"""

import base64
import glob
import json
import os

import zmq
from controller_world import PATIENCE, World
from protocol_peer import Peer, signature

VECTORS = os.environ["TRIREME_VECTORS"]
DELIMITER = b"<IDS|MSG>"
REPLAYED = ("mux", "task", "control", "broadcast")


def load(name):
    with open(os.path.join(VECTORS, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def frames_of(message):
    return [base64.b64decode(frame) for frame in message["frames"]]


def split(frames):
    at = frames.index(DELIMITER)
    return frames[:at], frames[at:]


class Engine:
    """The sockets of an engine, without an engine behind them."""

    def __init__(self, world, uuid):
        self.info = world.read_file("engine")
        self.uuid = uuid.encode()
        self.context = zmq.Context()
        self.pings = self.open(zmq.SUB, "hb_ping")
        self.pings.subscribe(b"")
        self.pongs = self.open(zmq.DEALER, "hb_pong")
        self.shell = self.open(zmq.ROUTER, "mux", "task")
        self.shell.connect(f"{self.info['interface']}:{self.info['broadcast'][0]}")
        self.control = self.open(zmq.ROUTER, "control")
        self.ways_back = {}  # msg_id of a request -> identities it came with
        registration = Peer(self.info, identity=self.uuid)
        kind, content = registration.ask("registration_request", {"uuid": uuid})
        registration.close()
        world.assertEqual((kind, content["status"]), ("registration_reply", "ok"))

    def open(self, kind, *channels):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.identity = self.uuid
        for channel in channels:
            socket.connect(f"{self.info['interface']}:{self.info[channel]}")
        return socket

    def beat(self):
        if self.pings.poll(100):
            self.pongs.send_multipart(self.pings.recv_multipart())

    def socket_of(self, channel):
        return self.control if channel == "control" else self.shell

    def receive(self, channel):
        socket = self.socket_of(channel)
        if not socket.poll(PATIENCE * 1000):
            raise AssertionError(f"engine {self.uuid} got nothing on {channel}")
        identities, body = split(socket.recv_multipart())
        self.ways_back[json.loads(body[2])["msg_id"]] = identities
        return body

    def answer(self, channel, body):
        identities = self.ways_back[json.loads(body[3])["msg_id"]]
        self.socket_of(channel).send_multipart([*identities, *body])

    def close(self):
        self.context.destroy(linger=0)


class Replay(World):
    CONTROLLER = ("--ping=100", "--HeartMonitor.max_heartmonitor_misses=100000")

    def replay(self, name):
        session = load(name)
        self.key = session["key"].encode()
        self.start_controller(f"--Session.key={session['key']}")
        messages = [m for m in session["messages"] if m["via"] == "wire"
                    and m["kind"] == "message" and m["channel"] in REPLAYED]
        uuids = sorted({m["initiator"]["identity"] for m in messages if m["to"] == "engine"})
        self.engines = {uuid: Engine(self, uuid) for uuid in uuids}
        for engine in self.engines.values():
            self.addCleanup(engine.close)
        self.join(uuids)
        self.clients = {}
        self.broadcast_replies = [split(frames_of(m))[1] for m in messages
                                  if m["channel"] == "broadcast" and m["to"] == "client"]
        for message in messages:
            self.step(message)
        self.assertGreaterEqual(len(messages), 4, name)

    def join(self, uuids):
        hub = Peer(self.read_file("client"))
        self.addCleanup(hub.close)
        for _ in range(PATIENCE * 10):
            for engine in self.engines.values():
                engine.beat()
            if sorted(hub.ask("connection_request")[1]["engines"].values()) == uuids:
                return
        self.fail("the engines did not join")

    def client(self, channel):
        if channel not in self.clients:
            self.clients[channel] = Peer(self.read_file("client"), channel)
            self.addCleanup(self.clients[channel].close)
        return self.clients[channel].socket

    def step(self, message):
        channel = message["channel"]
        identities, body = split(frames_of(message))
        if message["from"] == "client":
            self.client(channel).send_multipart([*identities, *body])
        elif message["to"] == "engine":
            engine = self.engines[message["initiator"]["identity"]]
            self.compare(message, engine.receive(channel), body)
        elif message["from"] == "engine":
            self.engines[message["initiator"]["identity"]].answer(channel, body)
        elif channel == "broadcast":
            self.compare_broadcast_reply(body)
        else:
            got_identities, got = self.receive_reply(channel)
            self.assertEqual(got_identities, identities)
            self.assertEqual(got, body)  # carried, not rebuilt

    def receive_reply(self, channel):
        socket = self.client(channel)
        self.assertTrue(socket.poll(PATIENCE * 1000), f"no reply on {channel}")
        return split(socket.recv_multipart())

    def compare(self, message, got, expected):
        """A request as an engine got it; broadcasts are written anew, all else is untouched."""
        if message["channel"] != "broadcast":
            self.assertEqual(got, expected)
            return
        self.assertEqual(got[1], signature(got[2:6], self.key))
        for part in (2, 3, 4, 5):
            ours = json.loads(got[part])
            if part == 4:  # our metadata also say which part of how many this is
                ours.pop("part", None)
            self.assertEqual(ours, json.loads(expected[part]))
        self.assertEqual(got[6:], expected[6:])

    def compare_broadcast_reply(self, expected):
        """Engines race: their replies may come in any order, or any may be the last."""
        _, got = self.receive_reply("broadcast")
        self.assertEqual(got[1], signature(got[2:6], self.key))
        metadata = json.loads(got[4])
        if "broadcast_targets" not in metadata:
            self.assertIn(got, self.broadcast_replies)
            self.broadcast_replies.remove(got)
            return
        wanted = json.loads(expected[4])
        for key in ("broadcast_targets", "original_msg_id", "is_coalescing", "status"):
            self.assertEqual(metadata[key], wanted[key])
        self.assertEqual(json.loads(got[5]), json.loads(expected[5]))
        self.assertEqual(got[6:], expected[6:])


def is_replayable(name):
    return not any(word in name for word in ("registration", "death", "hub_", "impossible"))


def add_tests():
    names = [os.path.basename(path)[:-5] for path in glob.glob(os.path.join(VECTORS, "ipp*.json"))]
    for name in sorted(names):
        if name.startswith(("ipp88_", "ipp92_")) and is_replayable(name):
            setattr(Replay, f"test_{name}", lambda self, name=name: self.replay(name))


add_tests()
