"""Engines of ours under a controller, and a client that speaks the wire itself."""

import contextlib
import json
import os
import signal

import zmq
from controller_world import BIN, PATIENCE, World, wait_until
from jupyter_client.session import Session

LIB = os.environ["TRIREME_LIB_DIR"]
CONTROLLER = os.environ.get("TRIREME_TEST_CONTROLLER", "stock")


class RawClient:
    """Sends native calls and reads every channel."""

    CHANNELS = {"registration": zmq.DEALER, "mux": zmq.DEALER, "task": zmq.DEALER,
                "control": zmq.DEALER, "broadcast": zmq.DEALER, "iopub": zmq.SUB}

    def __init__(self, connection):
        self.session = Session(
            key=connection["key"].encode(), signature_scheme=connection["signature_scheme"],
            packer=connection["pack"], unpacker=connection["unpack"],
        )
        self.context = zmq.Context()
        self.sockets = {}
        connected = None
        for name, kind in self.CHANNELS.items():
            socket = self.context.socket(kind)
            socket.linger = 0
            if connection.get("curve_serverkey"):
                socket.curve_serverkey = connection["curve_serverkey"].encode()
                socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            if kind == zmq.SUB:
                socket.subscribe(b"")
                connected = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            socket.connect(f"{connection['interface']}:{connection[name]}")
            self.sockets[name] = socket
        # What is published before a subscription has arrived is lost.
        if not connected.poll(PATIENCE * 1000):
            raise AssertionError("the controller's output channel is closed")
        self.sockets["iopub"].disable_monitor()
        self.engines = {}  # id -> uuid
        self.outputs = []  # every iopub message so far
        self.replies = {}  # msg_id of the request -> reply

    def close(self):
        self.context.destroy(linger=0)

    def send(self, channel, msg_type, content=None, engine=None, metadata=None, buffers=None):
        ident = [self.engines[engine].encode()] if engine is not None else None
        message = self.session.send(
            self.sockets[channel], msg_type, content=content or {}, ident=ident,
            metadata=metadata, buffers=buffers,
        )
        return message["header"]["msg_id"]

    def receive(self, channel, patience=PATIENCE):
        if not self.sockets[channel].poll(patience * 1000):
            raise AssertionError(f"nothing came on {channel} within {patience} s")
        _, frames = self.session.feed_identities(self.sockets[channel].recv_multipart())
        return self.session.deserialize(frames)

    def query(self, msg_type, **content):
        self.send("registration", msg_type, content)
        return self.receive("registration")["content"]

    def wait_for_engines(self, count):
        def enough():
            engines = self.query("connection_request")["engines"]
            self.engines = {int(number): uuid for number, uuid in engines.items()}
            return len(self.engines) == count

        wait_until(enough, f"{count} engines are registered")

    def reply_to(self, msg_id, channel="mux"):
        """The reply to one request; others that come first are kept."""
        while msg_id not in self.replies:
            message = self.receive(channel)
            self.replies[message["parent_header"]["msg_id"]] = message
        return self.replies.pop(msg_id)

    def apply(self, function, *args, engine=0, channel="mux", buffers=None, metadata=None,
              **kwargs):
        content = {"function": function, "args": list(args), "kwargs": kwargs}
        target = engine if channel == "mux" else None
        return self.send(channel, "apply_request", content, target, metadata, buffers)

    def broadcast(self, content, metadata):
        """The id of a broadcast and the first reply to it. The stock controller drops what comes
        before an engine has found its schedulers, which start late: there it is sent until it is
        answered."""
        tries = 12 if CONTROLLER == "stock" else 1
        requests = []
        for _ in range(tries):
            requests.append(self.send("broadcast", "apply_request", content, metadata=metadata))
            if self.sockets["broadcast"].poll(PATIENCE * 1000 // tries):
                break
        reply = self.receive("broadcast", patience=0)
        original = reply["metadata"]["original_msg_id"]
        if original not in requests:
            raise AssertionError(f"{original} is none of {requests}")
        return original, reply

    def call(self, function, *args, **options):
        """The result of a call on one engine; its failures are errors of the test."""
        channel = options.get("channel", "mux")
        content = self.reply_to(self.apply(function, *args, **options), channel)["content"]
        if content["status"] != "ok":
            raise AssertionError(f"{function} failed: {content}")
        return content.get("result")

    def outputs_of(self, msg_id):
        """(type, content) of each output of a request, up to idle."""
        while True:
            mine = [m for m in self.outputs if m["parent_header"].get("msg_id") == msg_id]
            if mine and mine[-1]["content"].get("execution_state") == "idle":
                return [(m["msg_type"], m["content"]) for m in mine]
            self.outputs.append(self.receive("iopub"))

    def stream_of(self, msg_id, name):
        return "".join(c["text"] for t, c in self.outputs_of(msg_id)
                       if t == "stream" and c["name"] == name)


class EngineWorld(World):
    """A controller, ours or Python's, with engines of ours."""

    def setUp(self):
        super().setUp()
        self.sessions = []

    def clean_up(self):
        try:
            super().clean_up()
        finally:
            for session in self.sessions:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(session, signal.SIGKILL)

    def start_any_controller(self, *words):
        if CONTROLLER != "stock":
            return self.start_controller(*words)
        # Python's controller may leave processes behind; as a session they can be found.
        controller = self.start(
            "/usr/bin/setsid", "/usr/bin/python3", "-m", "ipyparallel.controller",
            *self.controller_words(*words), "--dictdb", "--log-level=20",
        )
        self.sessions.append(controller.pid)
        wait_until(self.files_are_complete, "the connection files are written")
        return controller

    def files_are_complete(self):
        try:
            return self.read_file("client") and self.read_file("engine")
        except (OSError, json.JSONDecodeError):
            return False

    def start_engine(self, *words, environment=None):
        return super().start_engine("--log-level=10", *words, environment=environment)

    def client(self):
        client = RawClient(self.read_file("client"))
        self.addCleanup(client.close)
        return client

    def start_cluster(self, *engine_words, engines=1, controller_words=()):
        self.controller = self.start_any_controller(*controller_words)
        self.engines = [self.start_engine(*engine_words) for _ in range(engines)]
        client = self.client()
        client.wait_for_engines(engines)
        return client

    def plugin(self, name):
        return os.path.join(LIB, f"lib{name}.so")

    def engine_refused(self, code, *words, environment=None):
        """Starts an engine that must end with this code; returns the line that says why."""
        engine = self.start_engine(*words, environment=environment)
        self.assertEqual(engine.wait(), code, engine.output())
        told = [line for line in engine.output().splitlines()
                if line.startswith("trireme-engine: ") or " error: " in line]
        self.assertEqual(len(told), 1, engine.output())
        return told[0]


__all__ = ["BIN", "CONTROLLER", "PATIENCE", "EngineWorld", "RawClient", "wait_until"]
