"""Bytes that somebody with the key, or without it, sends to hurt: dropped or answered, said once,
and the cluster works as before."""

import os
import socket
import struct

import zmq
from controller_world import PATIENCE, wait_until
from loopback import own_address
from overload_world import OverloadWorld, apply_content, receive
from protocol_peer import Peer, signature

MIB = 1 << 20
CLIENT_CHANNELS = ("registration", "mux", "control", "task", "broadcast")
ENGINE_CHANNELS = ("registration", "mux", "control", "task", "iopub", "hb_pong")


class HostileWorld(OverloadWorld):
    CONTROLLER_WORDS = ("--log-level=30",)

    def setUp(self):
        super().setUp()
        self.start_engine()
        self.uuid = self.engines()["0"]
        self.engine_info = self.read_file("engine")
        self.engine_info["broadcast"] = self.engine_info["broadcast"][0]
        self.expect_served()
        self.before = self.memory()

    def places(self):
        """A socket for every channel of either side, with the frames that go before a message."""
        for channel in CLIENT_CHANNELS:
            target = [self.uuid.encode()] if channel in ("mux", "control") else []
            yield f"client {channel}", self.peer(channel), target
        for channel in (*ENGINE_CHANNELS, "broadcast"):
            peer = Peer(self.engine_info, channel, identity=b"stranger", kind=(
                zmq.PUB if channel == "iopub" else zmq.DEALER))
            self.addCleanup(peer.close)
            target = [b"engine.0.stdout"] if channel == "iopub" else [b"somebody"]
            yield f"engine {channel}", peer, [] if channel == "registration" else target

    def expect_unharmed(self, lines_max=40):
        self.expect_served()
        self.assertTrue(self.controller.running())
        # A line per kind and peer, not one per message.
        self.assertLess(self.controller.output().count("\n"), lines_max,
                        self.controller.output()[-2000:])
        self.assert_memory_below(self.before + 150 * MIB)


class SignedGarbage(HostileWorld):
    """Whoever has the key may still send nonsense."""

    def signed(self, parts):
        return [b"<IDS|MSG>", signature(parts, self.info["key"].encode()), *parts]

    def everywhere(self, make_messages):
        for place, peer, target in self.places():
            with self.subTest(place=place):
                for frames in make_messages(peer):
                    peer.send([*target, *frames])
                self.expect_unharmed()

    def spoiled(self, peer, spoil):
        """A good message with one part after the other spoiled."""
        for kind in ("apply_request", "connection_request", "stream", "apply_reply"):
            good = peer.frames(kind, {"name": "stdout", "text": "x"})[2:]
            for number in range(4):
                parts = list(good)
                parts[number] = spoil(parts[number])
                yield self.signed(parts)

    def test_a_hundred_thousand_brackets_are_not_followed_down(self):
        deep = b'{"a":' + b"[" * 100_000
        closed = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        self.everywhere(lambda peer: [*self.spoiled(peer, lambda part: deep),
                                      *self.spoiled(peer, lambda part: closed)])

    def test_text_that_is_no_utf_8_is_refused(self):
        self.everywhere(lambda peer: self.spoiled(
            peer, lambda part: part[:-1] + b', "\xff\xfe\xc3\x28": "\xed\xa0\x80"}'))

    def test_parts_that_end_too_soon_or_are_no_objects_are_refused(self):
        def messages(peer):
            for text in (b"", b"null", b"[]", b'"text"', b"1e999", b'{"msg_id": 5}', b"\0" * 100):
                yield from self.spoiled(peer, lambda part, text=text: text)
            yield from self.spoiled(peer, lambda part: part[: len(part) // 2])
        self.everywhere(messages)

    def test_a_part_beyond_its_limit_is_refused(self):
        peer = self.peer("task")
        good = peer.frames("apply_request")[2:]
        huge = b'{"pad": "' + b"x" * (65 * MIB) + b'"}'
        peer.send(self.signed([*good[:3], huge]))
        wait_until(lambda: self.lines("over the limit"), "the log tells of the limit")
        self.expect_served()

    def test_replayed_messages_are_taken_once(self):
        hub = self.peer()
        frames = hub.frames("connection_request")
        for _ in range(1000):
            hub.send(frames)
        self.assertTrue(hub.socket.poll(PATIENCE * 1000))
        hub.socket.recv_multipart()
        task = self.peer("task")
        frames = task.frames("apply_request", apply_content("trireme.echo", 7))
        for _ in range(1000):
            task.send(frames)
        self.assertEqual(receive(task)["result"], 7)
        self.expect_unharmed()
        self.assertEqual(hub.socket.poll(0), 0, "a replayed question is answered once")
        runs = self.hub("queue_request", {"targets": None, "verbose": False})["0"]["completed"]
        self.assertEqual(runs, 3)  # the one, and those of the two checks


class ManyFrames(HostileWorld):
    """Whoever has no key can send as much as anybody."""

    def test_a_wrong_key_is_said_once_on_every_channel(self):
        for place, peer, target in self.places():
            with self.subTest(place=place):
                for _ in range(300):
                    peer.send([*target, *peer.frames("apply_request", key=b"wrong")])
        self.expect_unharmed()

    def test_a_hundred_thousand_tiny_frames_in_one_message_are_refused(self):
        for place, peer, target in self.places():
            with self.subTest(place=place):
                peer.send([*target, *[b"x"] * 100_000])
                peer.send([*target, *peer.frames("apply_request"), *[b""] * 100_000])
                self.expect_unharmed()

    def test_a_hundred_thousand_tiny_messages_delay_nobody_for_long(self):
        peers = list(self.places())
        for number in range(100_000):
            _, peer, target = peers[number % len(peers)]
            peer.send([*target, b"x"])
        self.expect_unharmed()

    def test_bytes_that_are_not_zeromqs_close_their_connection_only(self):
        greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + b"\0" * 16 + b"\0" + b"\0" * 31
        # A frame that announces 2^62 bytes, one of a terabyte, and a command that is none.
        for bytes_sent in (os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n", greeting[:20],
                           greeting + b"\x02" + struct.pack(">Q", 1 << 62),
                           greeting + b"\x02" + struct.pack(">Q", 1 << 40) + b"x" * 1000,
                           greeting + b"\x04\x7f" + b"\xff" * 127):
            for channel in ("registration", "task", "iopub"):
                with socket.create_connection((own_address(), self.info[channel])) as raw:
                    try:
                        raw.sendall(bytes_sent)
                    except OSError:
                        pass  # it was closed already
                    self.expect_unharmed()
