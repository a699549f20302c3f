"""A peer that speaks the protocol by hand, so that it can also speak it wrongly."""

import hashlib
import hmac
import itertools
import json

import zmq
from controller_world import PATIENCE


def signature(parts, key):
    """The signature of the four parts of a message."""
    signer = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        signer.update(part)
    return signer.hexdigest().encode()


class Peer:
    """One socket, usually a DEALER, to one of the controller's channels."""

    numbers = itertools.count(1)  # no two messages of a test run are the same

    def __init__(self, info, channel="registration", identity=None, kind=zmq.DEALER):
        self.key = info["key"].encode()
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        if identity is not None:
            self.socket.identity = identity
        self.socket.connect(f"{info['interface']}:{info[channel]}")
        self.last_id = None

    def close(self):
        self.socket.close()
        self.context.term()

    def frames(self, msg_type, content=None, metadata=None, key=None):
        self.last_id = f"peer_{next(Peer.numbers)}"
        header = {
            "msg_id": self.last_id, "msg_type": msg_type, "username": "u",
            "session": "peer", "date": "2026-11-22T01:38:22.619123Z", "version": "5.3",
        }
        parts = [json.dumps(part).encode() for part in (header, {}, metadata or {}, content or {})]
        return [b"<IDS|MSG>", signature(parts, self.key if key is None else key), *parts]

    def send(self, frames):
        self.socket.send_multipart(frames)

    def ask(self, msg_type, content=None):
        self.send(self.frames(msg_type, content))
        if not self.socket.poll(PATIENCE * 1000):
            raise AssertionError(f"no reply to {msg_type}")
        reply = self.socket.recv_multipart()
        return json.loads(reply[2])["msg_type"], json.loads(reply[-1])
