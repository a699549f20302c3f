"""Tasks that take as long as a test wants: they wait for a file. Engines can import this."""

import os
import time


def wait_at(gate, lag=0):
    """Returns when the gate is open, and so many seconds later."""
    while not os.path.exists(gate):
        time.sleep(0.02)
    time.sleep(lag)


def open_gate(gate):
    with open(gate, "w", encoding="utf-8"):
        pass


def abort_behind_gate(client, results, gate, idle):
    """Aborts what waits behind a gate, then opens it. Busy engines of Python's answer an abort only
    when they are done; that an idle one has answered a later one tells that the first is on its
    way."""
    for result in results:
        client.abort(result, block=False)
    client.abort(["unknown"], targets=idle, block=True)
    open_gate(gate)
