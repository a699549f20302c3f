"""A TCP proxy between a controller and its peers, whose connections can be cut."""

import json
import random
import selectors
import socket
import struct
import threading

from loopback import own_address

# Fields of connection files that are ports, or lists of them.
PORTS = ("registration", "control", "mux", "task", "iopub", "notification", "broadcast",
         "hb_ping", "hb_pong")
CHUNK = 1 << 16
PENDING_MAX = 1 << 20  # bytes that wait for a slow reader


class Side:
    """One end of a proxied connection."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""
        self.other = None
        self.ended = False  # has nothing more to say


class Proxy:
    """Listens once for each port of the controller's files; run by a thread of its own."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.targets = {}  # name of the port -> real port
        self.listeners = {}  # name of the port -> listening socket
        self.pairs = {}  # left side -> name of its port
        self.cuts = []
        self.lock = threading.Lock()
        self.wake_read, self.wake_write = socket.socketpair()
        self.selector.register(self.wake_read, selectors.EVENT_READ, "wake")
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def file_for(self, side, real):
        """The text of a connection file (its side named) that leads through the proxy."""
        proxied = dict(real)
        with self.lock:
            for field in PORTS:
                if isinstance(real.get(field), int):
                    proxied[field] = self.port_for(f"{side}.{field}", real[field])
                elif isinstance(real.get(field), list):
                    proxied[field] = [
                        self.port_for(f"{side}.{field}.{n}", port)
                        for n, port in enumerate(real[field])
                    ]
        return json.dumps(proxied)

    def port_for(self, name, real_port):
        self.targets[name] = real_port
        if name not in self.listeners:
            listener = socket.socket()
            listener.bind((own_address(), 0))
            listener.listen(128)
            listener.setblocking(False)
            self.listeners[name] = listener
            self.selector.register(listener, selectors.EVENT_READ, name)
        self.wake_write.send(b".")
        return self.listeners[name].getsockname()[1]

    def cut(self, side, share, seed):
        """Resets a share of the connections of one side ("client" or "engine")."""
        with self.lock:
            self.cuts.append((side, share, seed))
        self.wake_write.send(b".")

    def stop(self):
        self.stopping = True
        self.wake_write.send(b".")
        self.thread.join()

    # The thread.

    def run(self):
        while not self.stopping:
            for key, events in self.selector.select():
                if key.data == "wake":
                    self.wake_read.recv(4096)
                elif isinstance(key.data, str):
                    self.accept(key.data)
                elif key.data.sock.fileno() >= 0:
                    self.move(key.data, events)
            with self.lock:
                cuts, self.cuts = self.cuts, []
            for side, share, seed in cuts:
                self.reset_some(side, share, random.Random(seed))

    def accept(self, name):
        try:
            left, _ = self.listeners[name].accept()
        except OSError:
            return
        try:
            right = socket.create_connection((own_address(), self.targets[name]), timeout=1)
        except OSError:
            self.reset(left)  # nobody there: the peer tries again
            return
        sides = Side(left), Side(right)
        for side, other in (sides, sides[::-1]):
            side.other = other
            side.sock.setblocking(False)
            side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(side.sock, selectors.EVENT_READ, side)
        self.pairs[sides[0]] = name

    def move(self, side, events):
        try:
            if events & selectors.EVENT_WRITE:
                side.pending = side.pending[side.sock.send(side.pending):]
            if events & selectors.EVENT_READ:
                data = side.sock.recv(CHUNK)
                if not data:
                    side.ended = True
                side.other.pending += data
                if side.other.pending:
                    side.other.pending = side.other.pending[side.other.sock.send(
                        side.other.pending):]
        except BlockingIOError:
            pass
        except OSError:
            return self.close(side)
        if side.ended and not side.other.pending:
            return self.close(side)
        if side.other.ended and not side.pending:
            return self.close(side)
        self.update(side)
        self.update(side.other)

    def update(self, side):
        wanted = 0
        if not side.ended and len(side.other.pending) < PENDING_MAX:
            wanted |= selectors.EVENT_READ
        if side.pending:
            wanted |= selectors.EVENT_WRITE
        known = self.selector.get_map().get(side.sock.fileno())
        if wanted == 0:
            if known:
                self.selector.unregister(side.sock)
        elif not known:
            self.selector.register(side.sock, wanted, side)
        elif known.events != wanted:
            self.selector.modify(side.sock, wanted, side)

    def close(self, side):
        for one in (side, side.other):
            self.pairs.pop(one, None)
            if one.sock.fileno() >= 0:
                if self.selector.get_map().get(one.sock.fileno()):
                    self.selector.unregister(one.sock)
                self.reset(one.sock)

    def reset_some(self, side, share, dice):
        for left in [p for p, name in self.pairs.items() if name.startswith(side)]:
            if dice.random() < share:
                self.close(left)

    @staticmethod
    def reset(sock):
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        sock.close()
