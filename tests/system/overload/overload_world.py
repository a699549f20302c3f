"""Measures and pressures for tests that overload a controller."""

import json
import os
import re
import resource
import socket

import zmq
from controller_world import PATIENCE, World, wait_until
from loopback import own_address
from protocol_peer import Peer

SANITIZED = bool(os.environ.get("TRIREME_SANITIZED"))


def apply_content(function, *args):
    """A call of one of our engines' own functions."""
    return {"function": function, "args": list(args), "kwargs": {}}


class OverloadWorld(World):
    """A controller, and the question whether it still works."""

    CONTROLLER_WORDS = ()

    def setUp(self):
        super().setUp()
        self.controller = self.start_controller(*self.CONTROLLER_WORDS)
        self.info = self.read_file("client")

    def peer(self, channel="registration", **options):
        peer = Peer(self.info, channel, **options)
        self.addCleanup(peer.close)
        return peer

    def start_engine(self, *words):
        before = self.engines()
        engine = super().start_engine(*words)
        wait_until(lambda: len(self.engines()) > len(before), "the engine has joined")
        return engine

    def engines(self):
        """Engine ids and uuids as the hub tells them."""
        peer = Peer(self.info)
        try:
            return peer.ask("connection_request")[1]["engines"]
        finally:
            peer.close()

    def memory(self, process=None):
        """Resident bytes of a process, by default the controller."""
        with open(f"/proc/{(process or self.controller).pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) << 10

    def assert_memory_below(self, limit):
        if not SANITIZED:  # sanitizers keep memory of their own
            self.assertLess(self.memory() >> 20, limit >> 20, "MiB resident")

    def lines(self, text):
        return self.controller.output().count(text)

    def expect_served(self):
        """The hub answers, and a task of another client runs if there is an engine."""
        self.assertTrue(self.controller.running(), self.controller.output()[-3000:])
        if self.engines():
            self.assertEqual(self.run_task("trireme.echo", 42), 42)

    def run_task(self, function, *args, channel="task", engine=None):
        """The result of one call by a client of its own."""
        peer = Peer(self.info, channel)
        try:
            frames = peer.frames("apply_request", apply_content(function, *args))
            peer.send(([engine.encode()] if engine else []) + frames)
            content = receive(peer)
            self.assertEqual(content["status"], "ok", content)
            return content["result"]
        finally:
            peer.close()

    def hub(self, request, content=None):
        peer = Peer(self.info)
        try:
            return peer.ask(request, content)[1]
        finally:
            peer.close()

    def wait_for_records(self, count):
        wait_until(lambda: len(self.hub("history_request").get("history", ())) >= count,
                   f"{count} tasks have records")

    def limit(self, kind, soft):
        """Sets a limit of the running controller; None: none."""
        hard = resource.prlimit(self.controller.pid, kind)[1]
        soft = hard if soft is None else soft
        resource.prlimit(self.controller.pid, kind, (soft, hard))


def receive(peer, patience=PATIENCE):
    """The content of the next reply."""
    if not peer.socket.poll(patience * 1000):
        raise AssertionError("no reply")
    frames = peer.socket.recv_multipart()
    return json.loads(frames[frames.index(b"<IDS|MSG>") + 5])


class DeafClient:
    """A DEALER that sends and whose replies nobody reads."""

    def __init__(self, info, channel):
        self.peer = Peer(info, channel)
        url = f"{info['interface']}:{info[channel]}"
        self.peer.socket.disconnect(url)
        self.peer.socket.rcvhwm = 1
        self.peer.socket.rcvbuf = 4096
        self.peer.socket.connect(url)

    def send(self, msg_type, content, buffers=()):
        self.peer.send([*self.peer.frames(msg_type, content), *buffers])
        return self.peer.last_id

    def close(self):
        self.peer.close()


def half_open(port, count):
    """Connections that never say a word."""
    return [socket.create_connection((own_address(), port)) for _ in range(count)]


def deaf_subscriber(info, channel):
    """A SUB that subscribes to everything and reads nothing."""
    context = zmq.Context()
    sub = context.socket(zmq.SUB)
    sub.linger = 0
    sub.rcvhwm = 1
    sub.rcvbuf = 4096
    sub.subscribe(b"")
    sub.connect(f"{info['interface']}:{info[channel]}")
    return context, sub
